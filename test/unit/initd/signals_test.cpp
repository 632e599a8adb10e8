// Names and numbers of signals, both ways.
#include "signals.h"

#include <catch2/catch_test_macros.hpp>

#include <csignal>

using namespace initd;

TEST_CASE("every signal's name leads back to its number") {
    for (int signal = 1; signal <= 64; ++signal) {
        if (signal == 32 || signal == 33) continue;  // glibc's own, without a name
        INFO(signal);
        CHECK(signal_number(signal_name(signal)) == signal);
    }
}

TEST_CASE("names come with and without SIG, in either case, or as numbers") {
    CHECK(signal_number("TERM") == SIGTERM);
    CHECK(signal_number("SIGTERM") == SIGTERM);
    CHECK(signal_number("sigusr1") == SIGUSR1);
    CHECK(signal_number("9") == SIGKILL);
    CHECK(signal_number("RTMIN+3") == 37);
    CHECK(signal_number("SIGRTMIN") == 34);
    CHECK(signal_name(SIGSEGV) == "SIGSEGV");
    CHECK(signal_name(34) == "SIGRTMIN");
}

TEST_CASE("what is no signal is none") {
    for (const char* name :
         {"", "0", "65", "TERMINATE", "SIG", "RTMIN+31", "RTMIN+", "-1", "0x9"}) {
        INFO(name);
        CHECK_FALSE(signal_number(name));
    }
}
