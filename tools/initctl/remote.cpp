// A child that never outlives us, and its end.
#include "remote.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>

#include "base/format.h"
#include "base/text.h"

namespace initctl {

namespace {

using base::Error;
using base::ExitCode;
using base::Fd;
using base::Result;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kEndLimit{1'000};
constexpr const char* kProgram = "pipeline";

struct Command {
    std::string beside;  // "" when our own place is not known
    std::vector<std::string> words;
    std::vector<char*> arguments;  // into words
};

Result<Command> command_of(const Remote::Call& call) {
    Command command;
    std::error_code unknown;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", unknown);
    if (!unknown) command.beside = (self.parent_path() / kProgram).string();
    command.words = {kProgram, "forward", "--control",
                     fmt::format("--connect-timeout={}ms", call.connect_timeout.count())};
    for (const std::string& option : call.options) {
        if (option.empty() || option.front() == '-') {
            return Error::usage(fmt::format("--remote-option {} begins with a dash or is empty",
                                            base::quote(option)),
                                "as in --remote-option pcrs=app.eif.pcr");
        }
        command.words.push_back("--" + option);
    }
    command.words.emplace_back("--");
    command.words.push_back(call.address);
    for (std::string& word : command.words)
        command.arguments.push_back(word.data());
    command.arguments.push_back(nullptr);
    return command;
}

[[noreturn]] void become(const Command& command, int socket, pid_t parent) {
    // Who died before the first of these took effect sends no signal any more.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent ||
        ::dup2(socket, STDIN_FILENO) < 0 || ::dup2(socket, STDOUT_FILENO) < 0) {
        ::_exit(static_cast<int>(ExitCode::os));
    }
    if (!command.beside.empty()) ::execv(command.beside.c_str(), command.arguments.data());
    if (command.beside.empty() || errno == ENOENT) ::execvp(kProgram, command.arguments.data());
    const bool missing = errno == ENOENT;
    const std::string text =
        missing ? "initctl: pipeline is neither beside initctl nor on the PATH\n"
                : fmt::format("initctl: {}\n", Error::system("execute", kProgram).message);
    (void)base::write_all(STDERR_FILENO, std::as_bytes(std::span(text)), "standard error");
    ::_exit(missing ? 127 : 126);
}

// False when it is not over by then.
bool ended_by(pid_t pid, Clock::time_point deadline) {
    const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    struct pollfd poll {
        process.get(), POLLIN, 0
    };
    while (process.valid()) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
        const int ready = ::poll(&poll, 1, static_cast<int>(std::max<long long>(left, 0)));
        if (ready > 0) return true;
        if (ready == 0) return false;
    }
    return false;
}

// Reads what nobody wants any more, so that the other end can say goodbye instead of failing.
void drain(int socket, Clock::time_point deadline) {
    std::array<std::byte, 16 * 1024> rest;
    struct pollfd poll {
        socket, POLLIN, 0
    };
    while (Clock::now() < deadline) {
        const ssize_t count = ::recv(socket, rest.data(), rest.size(), MSG_DONTWAIT);
        if (count > 0 || (count < 0 && errno == EINTR)) continue;
        if (count == 0 || errno != EAGAIN) return;
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
        ::poll(&poll, 1, static_cast<int>(std::max<long long>(left, 0)));
    }
}

}  // namespace

Result<Remote> Remote::start(const Call& call) {
    const Command command = TRY(command_of(call));
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return Error::system("create a pair of", "sockets");
    }
    Fd ours(ends[0]);
    Fd theirs(ends[1]);
    TRY(base::set_nonblocking(ours.get(), true));
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return Error::system("start", kProgram);
    if (pid == 0) become(command, theirs.get(), parent);
    return Remote(pid, std::move(ours));
}

int Remote::wait() {
    if (pid_ < 0) return status_;
    // It ends when both ways have.
    ::shutdown(socket_.get(), SHUT_WR);
    if (!ended_by(pid_, Clock::now() + kEndLimit)) ::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return status_;
}

Remote::~Remote() {
    if (pid_ < 0) return;
    ::shutdown(socket_.get(), SHUT_WR);
    drain(socket_.get(), Clock::now() + kEndLimit);
    (void)wait();
}

}  // namespace initctl
