#include "base/signals.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <string>

namespace {

// The lines of SigBlk and SigIgn of this process, one after the other.
std::string signals_of_this_process() {
    std::ifstream status("/proc/self/status");
    std::string text;
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("SigBlk:") || line.starts_with("SigIgn:")) text += line + "\n";
    }
    return text;
}

void ignore_and_block_all() {
    for (int signal = 1; signal < NSIG; ++signal) {
        const std::uint64_t ignored[4] = {1, 0, 0, 0};  // SIG_IGN, no flags, no restorer, no mask
        ::syscall(SYS_rt_sigaction, signal, ignored, nullptr, sizeof ignored[3]);
    }
    const std::uint64_t all = ~std::uint64_t{0};
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all);
}

// What a child sees that ignores and blocks all signals, and then forgets that or not.
std::string seen_by_child(bool reset) {
    int pipe[2];
    REQUIRE(::pipe(pipe) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ignore_and_block_all();
        if (reset) base::reset_signals();
        const std::string text = signals_of_this_process();
        ::_exit(::write(pipe[1], text.data(), text.size()) < 0);
    }
    ::close(pipe[1]);
    char buffer[256];
    const ssize_t count = ::read(pipe[0], buffer, sizeof buffer);
    ::close(pipe[0]);
    ::waitpid(child, nullptr, 0);
    return {buffer, static_cast<std::size_t>(count < 0 ? 0 : count)};
}

}  // namespace

TEST_CASE("reset signals are neither ignored nor blocked, the C library's own included") {
    // KILL and STOP can be neither.
    CHECK(seen_by_child(false) == "SigBlk:\tfffffffffffbfeff\nSigIgn:\tfffffffffffbfeff\n");
    CHECK(seen_by_child(true) == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}
