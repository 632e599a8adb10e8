// A real terminal made raw, and put back by whatever ends the program.
#include "terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <cstdlib>
#include <functional>

#include "base/fd.h"

using namespace pipeline;

namespace {

struct Terminal {
    base::Fd master;
    base::Fd slave;
};

Terminal make_terminal() {
    Terminal made;
    made.master = base::Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(made.master.valid());
    REQUIRE(::grantpt(made.master.get()) == 0);
    REQUIRE(::unlockpt(made.master.get()) == 0);
    made.slave = base::Fd(::ioctl(made.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(made.slave.valid());
    return made;
}

bool is_raw(int fd) {
    termios mode{};
    REQUIRE(::tcgetattr(fd, &mode) == 0);
    return (mode.c_lflag & (ICANON | ECHO | ISIG)) == 0;
}

// Runs `end` in a process whose terminal is raw; returns its wait status.
int end_while_raw(const Terminal& terminal, const std::function<void()>& end) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        // The test program has handlers of its own for some of these.
        for (const int number : {SIGTERM, SIGSEGV, SIGABRT, SIGINT})
            ::signal(number, SIG_DFL);
        const auto raw = RawTerminal::enter(terminal.slave.get());
        if (!raw.ok() || !is_raw(terminal.slave.get())) ::_exit(99);
        end();
        ::_exit(98);
    }
    int status = -1;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return status;
}

}  // namespace

TEST_CASE("a terminal is raw while a session has it") {
    const Terminal terminal = make_terminal();
    CHECK_FALSE(is_raw(terminal.slave.get()));
    {
        auto raw = RawTerminal::enter(terminal.slave.get());
        REQUIRE(raw.ok());
        CHECK(raw->active());
        CHECK(is_raw(terminal.slave.get()));
        CHECK_FALSE(RawTerminal::enter(terminal.slave.get()).ok());
        const RawTerminal moved = std::move(raw).value();
        CHECK(is_raw(terminal.slave.get()));
    }
    CHECK_FALSE(is_raw(terminal.slave.get()));
    auto again = RawTerminal::enter(terminal.slave.get());
    REQUIRE(again.ok());
    again->leave();
    CHECK_FALSE(is_raw(terminal.slave.get()));
}

TEST_CASE("a terminal is put back by exit and by signals, which still end the program") {
    const Terminal terminal = make_terminal();
    for (const int number : {SIGTERM, SIGINT, SIGSEGV, SIGABRT}) {
        const int status = end_while_raw(terminal, [number] { ::raise(number); });
        INFO("signal " << number);
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == number);
        CHECK_FALSE(is_raw(terminal.slave.get()));
    }
    // quick: without the destructors of the test program, but with what atexit() was told.
    const int status = end_while_raw(terminal, [] { std::exit(5); });
    CHECK(WEXITSTATUS(status) == 5);
    CHECK_FALSE(is_raw(terminal.slave.get()));
}

TEST_CASE("what is no terminal is left alone") {
    const base::Pipe pipe = base::make_pipe().value();
    const auto raw = RawTerminal::enter(pipe.read.get());
    REQUIRE(raw.ok());
    CHECK_FALSE(raw->active());
    CHECK_FALSE(is_terminal(pipe.read.get()));
    CHECK_FALSE(terminal_size(pipe.read.get()).has_value());
    auto loop = loop::Loop::create();
    CHECK(SizeWatch::create(loop.value(), pipe.read.get(), [](TerminalSize) {}).ok());
}

TEST_CASE("the size is known, and a new one is told of") {
    const Terminal terminal = make_terminal();
    const winsize first{40, 90, 0, 0};
    REQUIRE(::ioctl(terminal.slave.get(), TIOCSWINSZ, &first) == 0);
    CHECK(terminal_size(terminal.slave.get()) == TerminalSize{40, 90});
    auto loop = loop::Loop::create();
    TerminalSize told;
    const auto watch =
        SizeWatch::create(loop.value(), terminal.slave.get(), [&](TerminalSize size) {
            told = size;
            loop.value().stop();
        });
    REQUIRE(watch.ok());
    const winsize second{50, 120, 0, 0};
    REQUIRE(::ioctl(terminal.slave.get(), TIOCSWINSZ, &second) == 0);
    ::raise(SIGWINCH);  // as the kernel does to the terminal's foreground
    loop.value().run();
    CHECK(told == TerminalSize{50, 120});
}

TEST_CASE("signals go to the command, but those that were ignored") {
    auto loop = loop::Loop::create();
    // Whoever started this test may have had them ignored, as nohup does.
    for (const int number : {SIGHUP, SIGUSR1, SIGTERM})
        ::signal(number, SIG_DFL);
    ::signal(SIGUSR2, SIG_IGN);
    std::vector<int> arrived;
    {
        const auto signals = ForwardedSignals::create(loop.value(), [&](int number) {
            arrived.push_back(number);
            if (arrived.size() == 3) loop.value().stop();
        });
        REQUIRE(signals.ok());
        for (const int number : {SIGUSR2, SIGHUP, SIGUSR1, SIGTERM})
            ::raise(number);
        loop.value().run();
    }
    ::signal(SIGUSR2, SIG_DFL);
    CHECK(arrived == std::vector<int>{SIGHUP, SIGUSR1, SIGTERM});
    CHECK(is_forwarded(SIGINT));
    CHECK(is_forwarded(SIGQUIT));
    CHECK_FALSE(is_forwarded(SIGKILL));
    CHECK_FALSE(is_forwarded(SIGWINCH));
}
