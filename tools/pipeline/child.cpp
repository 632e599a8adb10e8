// Descriptors, signals and ends of a program that was started.
#include "child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "child_launch.h"
#include "processes.h"

namespace pipeline {

namespace {

using base::Error;
using base::Fd;
using base::Result;

// After SIGKILL only a program stuck in the kernel lasts longer; its zombie is left to others.
constexpr int kKillWaitMs = 1000;

int open_pidfd(pid_t pid) {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));  // close-on-exec, Linux 5.3
}

winsize to_winsize(TerminalSize size) {
    winsize wanted{};
    wanted.ws_row = size.rows;
    wanted.ws_col = size.columns;
    return wanted;
}

Result<Fd> open_other_side(int master) {
    Fd other(::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));  // Linux 4.13
    if (!other.valid()) return Error::system("open a terminal", "");
    return other;
}

}  // namespace

Result<Child> Child::start(const ChildSettings& settings) {
    if (settings.command.empty()) return Error::usage("there is no command to run");
    Child child;
    if (settings.terminal) {
        TRY(child.make_terminal(settings));
    } else {
        TRY(child.make_pipes(settings.with_input));
    }
    TRY(child.launch(settings));
    return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)),
      terminal_(other.terminal_),
      group_(std::exchange(other.group_, nullptr)) {}

Child::~Child() {
    if (pid_ < 0) return;
    kill_all();
    pollfd ended{pidfd_.get(), POLLIN, 0};
    ::poll(&ended, 1, kKillWaitMs);
    ::waitpid(pid_, nullptr, WNOHANG);
}

Result<void> Child::make_pipes(bool with_input) {
    if (with_input) {
        base::Pipe input = TRY(base::make_pipe());
        theirs_[0] = std::move(input.read);
        input_ = std::move(input.write);
        TRY(base::set_nonblocking(input_.get(), true));
    } else {
        theirs_[0] = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!theirs_[0].valid()) return Error::system("open", "/dev/null");
    }
    base::Pipe output = TRY(base::make_pipe());
    base::Pipe errors = TRY(base::make_pipe());
    TRY(base::set_nonblocking(output.read.get(), true));
    TRY(base::set_nonblocking(errors.read.get(), true));
    output_ = std::move(output.read);
    theirs_[1] = std::move(output.write);
    errors_ = std::move(errors.read);
    theirs_[2] = std::move(errors.write);
    return {};
}

Result<void> Child::make_terminal(const ChildSettings& settings) {
    output_ = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    if (!output_.valid() || ::grantpt(output_.get()) != 0 || ::unlockpt(output_.get()) != 0) {
        return Error::system("make a terminal", "");
    }
    theirs_[0] = TRY(open_other_side(output_.get()));
    // What the program's user opens again as /dev/tty or by its name must be its own.
    if (settings.account && ::fchown(theirs_[0].get(), settings.account->user, -1U) != 0) {
        return Error::system("give away a terminal", "");
    }
    const winsize size = to_winsize(*settings.terminal);
    if (::ioctl(theirs_[0].get(), TIOCSWINSZ, &size) != 0) {
        return Error::system("size a terminal", "");
    }
    input_ = TRY(base::duplicate(output_.get()));
    terminal_ = true;
    return {};
}

Result<void> Child::launch(const ChildSettings& settings) {
    const int input = theirs_[0].get();
    const ChildDescriptors given = {input, terminal_ ? input : theirs_[1].get(),
                                    terminal_ ? input : theirs_[2].get(), terminal_};
    pid_ = TRY(launch_child(settings, given));
    group_ = settings.group;
    for (Fd& fd : theirs_)
        fd.reset();
    pidfd_ = Fd(open_pidfd(pid_));
    if (!pidfd_.valid()) return Error::system("watch a program", "");
    return {};
}

std::optional<ChildEnd> Child::end() const {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid != pid_) {
        return std::nullopt;
    }
    ChildEnd end;
    if (info.si_code == CLD_EXITED) {
        end.code = info.si_status;
    } else {
        end.signal = info.si_status;
    }
    return end;
}

bool Child::end_input() {
    if (!terminal_ || !input_.valid()) {
        input_.reset();
        return true;
    }
    termios settings{};
    char end = 4;  // ^D
    if (::tcgetattr(input_.get(), &settings) == 0) end = static_cast<char>(settings.c_cc[VEOF]);
    const ssize_t written = ::write(input_.get(), &end, 1);
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    input_.reset();
    return true;
}

void Child::signal(int number) const {
    if (pid_ < 0) return;
    ::kill(-pid_, number);
    // The shell of a terminal gives each of its jobs a group.
    if (terminal_ && output_.valid()) {
        const pid_t foreground = ::tcgetpgrp(output_.get());
        if (foreground > 0 && foreground != pid_) ::kill(-foreground, number);
    }
}

void Child::resize(TerminalSize size) const {
    const winsize wanted = to_winsize(size);
    if (terminal_ && output_.valid()) ::ioctl(output_.get(), TIOCSWINSZ, &wanted);
}

void Child::kill_all() const {
    if (pid_ < 0) return;
    if (group_ != nullptr && group_->kill()) return;
    ::kill(-pid_, SIGKILL);
    kill_session(pid_);
}

Result<std::optional<std::size_t>> read_available(int fd, std::span<std::byte> buffer) {
    while (true) {
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count >= 0) return std::optional<std::size_t>(static_cast<std::size_t>(count));
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return std::optional<std::size_t>();
        if (errno == EIO) return std::optional<std::size_t>(0);
        return Error::system("read from a program", "");
    }
}

Result<std::size_t> write_available(int fd, std::span<const std::byte> bytes) {
    while (true) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return std::size_t{0};
        return Error::system("write to a program", "");
    }
}

}  // namespace pipeline
