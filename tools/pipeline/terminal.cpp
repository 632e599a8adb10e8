// termios, and the one place that must be reached from a signal handler.
#include "terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>

namespace pipeline {

namespace {

using base::Error;
using base::Result;

constexpr std::array kForwarded = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
// Those that end a program by default and leave it time to tidy up, and the bugs of ours.
constexpr std::array kEnding = {SIGINT,  SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM,
                                SIGABRT, SIGSEGV, SIGBUS, SIGFPE,  SIGILL,  SIGPIPE};

// What a handler needs; plain data, there before main().
struct Saved {
    volatile std::sig_atomic_t raw = 0;
    int fd = -1;
    termios before{};
    bool exit_known = false;
};
Saved saved;

// For handlers and exit() alike: system calls only.
void put_back() {
    if (saved.raw == 0) return;
    saved.raw = 0;
    // A background process that touches its terminal is stopped, unless it does not hear of it.
    sigset_t only, old;
    ::sigemptyset(&only);
    ::sigaddset(&only, SIGTTOU);
    ::sigprocmask(SIG_BLOCK, &only, &old);
    ::tcsetattr(saved.fd, TCSADRAIN, &saved.before);
    ::sigprocmask(SIG_SETMASK, &old, nullptr);
}

// The handler is gone when it runs (SA_RESETHAND): the second signal ends the program as if this
// had not been there.
void on_ending(int number) {
    put_back();
    ::raise(number);
}

void catch_endings() {
    for (const int number : kEnding) {
        struct sigaction now {};
        if (::sigaction(number, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) continue;
        struct sigaction wanted {};
        wanted.sa_handler = on_ending;
        wanted.sa_flags = static_cast<int>(SA_RESETHAND);
        ::sigaction(number, &wanted, nullptr);
    }
}

void release_endings() {
    for (const int number : kEnding) {
        struct sigaction now {};
        if (::sigaction(number, nullptr, &now) != 0 || now.sa_handler != on_ending) continue;
        struct sigaction wanted {};
        wanted.sa_handler = SIG_DFL;
        ::sigaction(number, &wanted, nullptr);
    }
}

}  // namespace

bool is_terminal(int fd) {
    return ::isatty(fd) == 1;
}

std::optional<TerminalSize> terminal_size(int fd) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
        return std::nullopt;
    }
    return TerminalSize{size.ws_row, size.ws_col};
}

Result<RawTerminal> RawTerminal::enter(int fd) {
    if (!is_terminal(fd)) return RawTerminal(false);
    if (saved.raw != 0) return Error(base::ExitCode::internal, "a terminal is raw already");
    if (::tcgetattr(fd, &saved.before) != 0) return Error::system("read a terminal's mode", "");
    saved.fd = fd;
    if (!saved.exit_known && std::atexit(put_back) != 0) {
        return Error(base::ExitCode::internal, "cannot see to a terminal at the end");
    }
    saved.exit_known = true;
    termios raw = saved.before;
    ::cfmakeraw(&raw);
    saved.raw = 1;
    catch_endings();
    if (::tcsetattr(fd, TCSADRAIN, &raw) != 0) {
        saved.raw = 0;
        release_endings();
        return Error::system("set a terminal's mode", "");
    }
    return RawTerminal(true);
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept
    : active_(std::exchange(other.active_, false)) {}

void RawTerminal::leave() {
    if (!active_) return;
    active_ = false;
    put_back();
    release_endings();
}

Result<SizeWatch> SizeWatch::create(loop::Loop& loop, int fd, Changed changed) {
    if (!is_terminal(fd)) return SizeWatch(std::nullopt);
    auto signal = TRY(loop::Signal::create(loop, SIGWINCH, [fd, changed = std::move(changed)](int) {
        const auto size = terminal_size(fd);
        if (size) changed(*size);
    }));
    return SizeWatch(std::move(signal));
}

Result<ForwardedSignals> ForwardedSignals::create(loop::Loop& loop, Arrived arrived) {
    std::vector<loop::Signal> signals;
    for (const int number : kForwarded) {
        struct sigaction now {};
        // nohup and background jobs of old shells: what is ignored stays ignored.
        if (::sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN) continue;
        signals.push_back(TRY(loop::Signal::create(loop, number, arrived)));
    }
    return ForwardedSignals(std::move(signals));
}

bool is_forwarded(int signal) {
    return std::find(kForwarded.begin(), kForwarded.end(), signal) != kForwarded.end();
}

}  // namespace pipeline
