// Starting a vsockd and talking to its sockets.
#include "daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace test {

namespace {

constexpr int kPatienceSeconds = 5;

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

base::Fd new_socket() {
    base::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{kPatienceSeconds, 0};
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return socket;
}

}  // namespace

Daemon::Daemon(std::vector<std::string> arguments) {
    const char* binary = std::getenv("VSOCKD");
    if (binary == nullptr) throw std::runtime_error("VSOCKD does not name the binary");
    char name[] = "/tmp/vsockd-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = name;
    int ready[2];
    if (::pipe(ready) != 0) throw std::runtime_error("pipe");
    const base::Fd read_end(ready[0]);
    base::Fd write_end(ready[1]);
    std::vector<std::string> words{binary, "--dir=" + folder_,
                                   "--ready-fd=" + std::to_string(ready[1])};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string log_path = path("log");
    pid_ = ::fork();
    if (pid_ == 0) {
        const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(log, STDERR_FILENO);
        ::execv(binary, argv.data());
        ::_exit(127);
    }
    write_end.reset();
    char byte = 0;
    if (::read(read_end.get(), &byte, 1) != 1) throw std::runtime_error("vsockd: " + log());
}

Daemon::~Daemon() {
    ::kill(pid_, SIGTERM);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    if (status != 0) {
        // A crash, or what a sanitizer found at the end: no test may pass over it.
        std::fprintf(stderr, "vsockd ended with status %#x:\n%s", status, log().c_str());
        std::abort();
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

bool Daemon::alive() const {
    return ::waitpid(pid_, nullptr, WNOHANG) == 0;
}

std::string Daemon::log() const {
    std::ifstream file(path("log"));
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

base::Fd listen_on(const std::string& path) {
    base::Fd socket = new_socket();
    const sockaddr_un address = address_of(path);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket.get(), 1024) != 0) {
        throw std::runtime_error("cannot listen on " + path);
    }
    return socket;
}

base::Fd accept_from(const base::Fd& listener) {
    base::Fd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.valid()) throw std::runtime_error("nobody connects");
    const timeval patience{kPatienceSeconds, 0};
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return socket;
}

base::Fd connect_to(const std::string& path) {
    base::Fd socket = new_socket();
    const sockaddr_un address = address_of(path);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        throw std::runtime_error("cannot connect to " + path);
    }
    return socket;
}

void write_text(const base::Fd& socket, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
        if (count <= 0) throw std::runtime_error("cannot write");
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

std::string read_text(const base::Fd& socket, std::size_t bytes) {
    std::string text(bytes, '\0');
    std::size_t done = 0;
    while (done < bytes) {
        const ssize_t count = ::read(socket.get(), text.data() + done, bytes - done);
        if (count < 0) throw std::runtime_error("nothing to read in time");
        if (count == 0) break;
        done += static_cast<std::size_t>(count);
    }
    text.resize(done);
    return text;
}

std::string read_line(const base::Fd& socket) {
    std::string line;
    while (!line.ends_with('\n')) {
        const std::string next = read_text(socket, 1);
        if (next.empty()) break;
        line += next;
    }
    return line;
}

bool at_end(const base::Fd& socket) {
    char byte = 0;
    const ssize_t count = ::read(socket.get(), &byte, 1);
    return count == 0 || (count < 0 && errno == ECONNRESET);
}

bool readable(const base::Fd& socket, std::chrono::milliseconds patience) {
    pollfd waiting{socket.get(), POLLIN, 0};
    return ::poll(&waiting, 1, static_cast<int>(patience.count())) == 1;
}

}  // namespace test
