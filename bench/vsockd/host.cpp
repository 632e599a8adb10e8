// The measuring host's side: answers on a Unix socket, and tells the guest what to do.
// Not part of any product.
//
//   host sink PATH               accept for ever; each says how many bytes come, and gets one byte
//                                when they are there
//   host echo PATH               accept for ever, send back what comes
//   host source PATH BYTES WRITE accept for ever, send so many bytes to each in writes of that
//                                size, then close
//   host order PATH WORD...      connect to PATH, say CONNECT 1, send the words as a line, print
//   the
//                                answer and the milliseconds until it came; up to 60 s
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

char buffer[1 << 20];

sockaddr_un address_of(const char* path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

bool send_all(int fd, const char* from, std::size_t size) {
    while (size > 0) {
        const ssize_t count = send(fd, from, size, MSG_NOSIGNAL);
        if (count <= 0) return false;
        from += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

void serve(int fd, const char* verb, unsigned long long bytes, std::size_t write_size) {
    if (strcmp(verb, "source") == 0) {
        while (bytes > 0) {
            const std::size_t size = bytes < write_size ? bytes : write_size;
            if (!send_all(fd, buffer, size)) return;
            bytes -= size;
        }
        return;
    }
    if (strcmp(verb, "sink") == 0) {
        if (recv(fd, &bytes, sizeof bytes, MSG_WAITALL) != sizeof bytes) return;
        while (bytes > 0) {
            const ssize_t count = read(fd, buffer, bytes < sizeof buffer ? bytes : sizeof buffer);
            if (count <= 0) return;
            bytes -= static_cast<unsigned long long>(count);
        }
        send_all(fd, buffer, 1);
        return;
    }
    ssize_t count = 0;
    while ((count = read(fd, buffer, sizeof buffer)) > 0) {
        if (!send_all(fd, buffer, static_cast<std::size_t>(count))) return;
    }
}

int listen_and_serve(const char* verb, const char* path, unsigned long long bytes,
                     std::size_t write_size) {
    const sockaddr_un address = address_of(path);
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener, 1024) != 0) {
        perror(path);
        return 71;
    }
    signal(SIGCHLD, SIG_IGN);
    while (true) {
        const int fd = accept(listener, nullptr, nullptr);
        if (fd < 0) continue;
        if (fork() == 0) {
            close(listener);
            serve(fd, verb, bytes, write_size);
            _exit(0);
        }
        close(fd);
    }
}

std::string read_line(int fd) {
    std::string line;
    char character = 0;
    while (!line.ends_with('\n') && read(fd, &character, 1) == 1)
        line += character;
    return line;
}

int order(const char* path, const std::string& words) {
    alarm(60);
    const sockaddr_un address = address_of(path);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 69;
    const std::string hello = "CONNECT 1\n";
    if (!send_all(fd, hello.data(), hello.size()) || !read_line(fd).starts_with("OK ")) return 69;
    const std::string line = words + "\n";
    if (!send_all(fd, line.data(), line.size())) return 69;
    const auto start = std::chrono::steady_clock::now();
    const std::string answer = read_line(fd);
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    if (answer.empty()) return 69;
    printf("%.*s %.1f\n", static_cast<int>(answer.size()) - 1, answer.c_str(), taken.count());
    return answer.starts_with("ok ") ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string verb = argc > 2 ? argv[1] : "";
    if (verb == "order") {
        std::string words;
        for (int index = 3; index < argc; ++index) {
            words += (words.empty() ? "" : " ") + std::string(argv[index]);
        }
        return order(argv[2], words);
    }
    if (verb == "sink" || verb == "echo" || verb == "source") {
        const unsigned long long bytes = argc > 3 ? strtoull(argv[3], nullptr, 10) : 0;
        const unsigned long long size = argc > 4 ? strtoull(argv[4], nullptr, 10) : sizeof buffer;
        return listen_and_serve(argv[1], argv[2], bytes,
                                size < sizeof buffer ? size : sizeof buffer);
    }
    fputs("usage: host sink|echo|source|order PATH [WORD]...\n", stderr);
    return 64;
}
