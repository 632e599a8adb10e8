// Handles and their owners, above all objects that end within their own callback.
#include "loop/loop.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <optional>

#include "base/file.h"

using namespace std::chrono_literals;
using loop::Idle;
using loop::Loop;
using loop::Poll;
using loop::Signal;
using loop::Timer;

TEST_CASE("a loop without handles ends at once") {
    auto loop = Loop::create();
    REQUIRE(loop.ok());
    loop.value().run();
}

TEST_CASE("a timer may destroy itself in its own callback") {
    auto loop = Loop::create();
    std::optional<Timer> timer;
    int fired = 0;
    timer.emplace(Timer::create(loop.value(), [&] {
                      ++fired;
                      timer.reset();
                  }).value());
    timer->start(1ms, 1ms);
    loop.value().run();
    CHECK(fired == 1);
}

TEST_CASE("a stopped timer does not fire, a repeating one goes on") {
    auto loop = Loop::create();
    int fired = 0;
    auto quiet = Timer::create(loop.value(), [&] { fired += 1000; });
    quiet.value().start(1ms);
    quiet.value().stop();
    std::optional<Timer> repeating;
    repeating.emplace(Timer::create(loop.value(), [&] {
                          if (++fired == 3) repeating->stop();
                      }).value());
    repeating->start(1ms, 1ms);
    loop.value().run();
    CHECK(fired == 3);
}

TEST_CASE("a descriptor is reported ready only for what is watched") {
    auto loop = Loop::create();
    auto pipe = base::make_pipe(O_NONBLOCK);
    REQUIRE(pipe.ok());
    std::optional<Poll> reader;
    int seen = 0;
    reader.emplace(Poll::create(loop.value(), pipe.value().read.get(), [&](int events) {
                       seen = events;
                       reader.reset();
                   }).value());
    reader->watch(Poll::kReadable);
    REQUIRE(::write(pipe.value().write.get(), "x", 1) == 1);
    loop.value().run();
    CHECK(seen == Poll::kReadable);
}

TEST_CASE("a descriptor can be watched again after its Poll has gone") {
    auto loop = Loop::create();
    auto pipe = base::make_pipe(O_NONBLOCK);
    REQUIRE(::write(pipe.value().write.get(), "x", 1) == 1);
    for (int round = 0; round < 3; ++round) {
        std::optional<Poll> reader;
        int calls = 0;
        reader.emplace(Poll::create(loop.value(), pipe.value().read.get(), [&](int) {
                           ++calls;
                           reader.reset();
                       }).value());
        reader->watch(Poll::kReadable);
        loop.value().run();
        CHECK(calls == 1);
    }
}

TEST_CASE("a regular file cannot be watched, and the error says so") {
    auto loop = Loop::create();
    auto file = base::open_file("/proc/self/exe", O_RDONLY);
    const auto poll = Poll::create(loop.value(), file.value().get(), [](int) {});
    REQUIRE_FALSE(poll.ok());
    CHECK(poll.error().errno_value == EPERM);
}

TEST_CASE("a signal arrives on the loop") {
    auto loop = Loop::create();
    std::optional<Signal> signal;
    int seen = 0;
    signal.emplace(Signal::create(loop.value(), SIGUSR1, [&](int number) {
                       seen = number;
                       signal.reset();
                   }).value());
    auto sender = Timer::create(loop.value(), [] { ::raise(SIGUSR1); });
    sender.value().start(1ms);
    loop.value().run();
    CHECK(seen == SIGUSR1);
}

TEST_CASE("an idle handle runs every turn until stopped") {
    auto loop = Loop::create();
    std::optional<Idle> idle;
    int turns = 0;
    idle.emplace(Idle::create(loop.value(), [&] {
                     if (++turns == 5) idle->stop();
                 }).value());
    idle->start();
    loop.value().run();
    CHECK(turns == 5);
}

TEST_CASE("stop ends a loop that still has work") {
    auto loop = Loop::create();
    auto timer = Timer::create(loop.value(), [&] { loop.value().stop(); });
    timer.value().start(1ms, 1ms);
    loop.value().run();
    SUCCEED();
}
