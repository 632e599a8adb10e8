// Readiness by edges and turns: what is told, and objects that end while others are due.
#include "loop/edge.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <optional>

#include "base/file.h"

using namespace std::chrono_literals;
using base::Fd;
using loop::Edge;
using loop::Loop;
using loop::Timer;
using loop::Turn;

namespace {

struct Sockets {
    Fd ours;
    Fd theirs;
};

Sockets make_sockets() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    return {Fd(ends[0]), Fd(ends[1])};
}

void say(const Fd& fd, std::string_view text) {
    REQUIRE(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

// An edge and what its turns do.
struct Watcher {
    Watcher(Loop& loop, Fd fd, std::function<void()> due) : turn(loop, std::move(due)) {
        auto made = Edge::create(loop, std::move(fd));
        REQUIRE(made.ok());
        edge = std::move(made).value();
        edge->tell(&turn);
    }
    Turn turn;
    std::unique_ptr<Edge> edge;
};

}  // namespace

TEST_CASE("a loop ends when the last edge has gone") {
    auto loop = Loop::create();
    Sockets sockets = make_sockets();
    std::optional<Watcher> watcher;
    int turns = 0;
    watcher.emplace(loop.value(), std::move(sockets.ours), [&] {
        ++turns;
        watcher.reset();
    });
    loop.value().run();
    CHECK(turns == 1);  // that it is writable comes by itself
}

TEST_CASE("a change is told once, and again when there is more") {
    auto loop = Loop::create();
    Sockets sockets = make_sockets();
    std::optional<Watcher> watcher;
    std::optional<Timer> timer;
    int readable = 0;
    int rounds = 0;
    watcher.emplace(loop.value(), std::move(sockets.ours), [&] {
        if (watcher->edge->ready().readable) ++readable;
        watcher->edge->ready().readable = false;  // without reading, as if there were nothing
    });
    timer.emplace(Timer::create(loop.value(), [&] {
                      CHECK(readable == rounds);
                      if (rounds++ < 3) return say(sockets.theirs, "x");
                      watcher.reset();
                      timer.reset();
                  }).value());
    timer->start(5ms, 5ms);
    loop.value().run();
    CHECK(readable == 3);
}

TEST_CASE("what is destroyed in the turn of another is not called any more") {
    auto loop = Loop::create();
    std::optional<Watcher> watchers[2];
    int turns = 0;
    for (int index = 0; index < 2; ++index) {
        Sockets sockets = make_sockets();
        say(sockets.theirs, "x");
        watchers[index].emplace(loop.value(), std::move(sockets.ours), [&, index] {
            ++turns;
            watchers[1 - index].reset();
            watchers[index].reset();
        });
    }
    loop.value().run();
    CHECK(turns == 1);
}

TEST_CASE("a turn that always wants another leaves room for everybody else") {
    auto loop = Loop::create();
    std::optional<Turn> greedy;
    std::uint64_t greedy_turns = 0;
    greedy.emplace(loop.value(), [&] {
        ++greedy_turns;
        greedy->schedule();
    });
    greedy->schedule();
    Sockets sockets = make_sockets();
    std::optional<Watcher> modest;
    std::uint64_t seen_at = 0;
    modest.emplace(loop.value(), std::move(sockets.ours), [&] {
        if (!modest->edge->ready().readable) return;
        seen_at = greedy_turns;
        modest.reset();
        greedy.reset();
    });
    std::uint64_t said_at = 0;
    auto timer = Timer::create(loop.value(), [&] {
        said_at = greedy_turns;
        say(sockets.theirs, "x");
    });
    timer.value().start(5ms);
    loop.value().run();
    CHECK(said_at > 0);
    CHECK(seen_at - said_at <= 2);
}

TEST_CASE("a turn asked for twice comes once, and never from within schedule") {
    auto loop = Loop::create();
    int turns = 0;
    Turn turn(loop.value(), [&] { ++turns; });
    turn.schedule();
    turn.schedule();
    CHECK(turns == 0);
    loop.value().run();
    CHECK(turns == 1);
    turn.schedule();
    loop.value().run();
    CHECK(turns == 2);
}

TEST_CASE("what a timer asks for does not wait for anything else") {
    auto loop = Loop::create();
    Sockets sockets = make_sockets();
    std::optional<Watcher> watcher;
    bool turned = false;
    Turn turn(loop.value(), [&] { turned = true; });
    auto timer = Timer::create(loop.value(), [&] {
        turn.schedule();
        watcher.emplace(loop.value(), std::move(sockets.ours), [&] { loop.value().stop(); });
    });
    auto late = Timer::create(loop.value(), [&] {
        FAIL("only the time limit woke the loop");
        loop.value().stop();
    });
    timer.value().start(0ms);
    late.value().start(10s);
    loop.value().run();
    CHECK(turned);
}

TEST_CASE("the peer's end is told, and what it had sent before can be read") {
    auto loop = Loop::create();
    Sockets sockets = make_sockets();
    say(sockets.theirs, "last words");
    REQUIRE(::shutdown(sockets.theirs.get(), SHUT_WR) == 0);
    std::optional<Watcher> watcher;
    watcher.emplace(loop.value(), std::move(sockets.ours), [&] {
        CHECK(watcher->edge->ready().ended);
        CHECK(watcher->edge->ready().readable);
        CHECK(watcher->edge->ready().writable);  // the other half is open
        char text[64];
        CHECK(::read(watcher->edge->fd(), text, sizeof text) == 10);
        CHECK(::read(watcher->edge->fd(), text, sizeof text) == 0);
        watcher.reset();
    });
    loop.value().run();
}

TEST_CASE("an edge is handed on with what is known of it") {
    auto loop = Loop::create();
    Sockets sockets = make_sockets();
    auto made = Edge::create(loop.value(), std::move(sockets.ours));
    REQUIRE(made.ok());
    Edge& edge = *made.value();
    say(sockets.theirs, "x");
    std::string order;
    Turn second(loop.value(), [&] {
        order += edge.ready().readable ? "second " : "nothing ";
        loop.value().stop();
    });
    Turn first(loop.value(), [&] {
        order += edge.ready().readable ? "first " : "nothing ";
        edge.tell(&second);
    });
    edge.tell(&first);
    loop.value().run();
    CHECK(order == "first second ");
}

TEST_CASE("an edge that tells nobody loses nothing") {
    auto loop = Loop::create();
    Sockets sockets = make_sockets();
    auto made = Edge::create(loop.value(), std::move(sockets.ours));
    REQUIRE(made.ok());
    say(sockets.theirs, "x");
    auto later = Timer::create(loop.value(), [&] { loop.value().stop(); });
    later.value().start(std::chrono::milliseconds(10));
    loop.value().run();
    bool readable = false;
    Turn turn(loop.value(), [&] {
        readable = made.value()->ready().readable;
        loop.value().stop();
    });
    made.value()->tell(&turn);
    loop.value().run();
    CHECK(readable);
}

TEST_CASE("a descriptor that is given back is watched no more, and can be watched anew") {
    auto loop = Loop::create();
    Sockets sockets = make_sockets();
    auto made = Edge::create(loop.value(), std::move(sockets.ours));
    REQUIRE(made.ok());
    Fd back = made.value()->release();
    REQUIRE(back.valid());
    loop.value().run();  // nothing keeps it
    int turns = 0;
    std::optional<Watcher> watcher;
    watcher.emplace(loop.value(), std::move(back), [&] {
        ++turns;
        watcher.reset();
    });
    say(sockets.theirs, "x");
    loop.value().run();
    CHECK(turns == 1);
}

TEST_CASE("a copy of a descriptor that is left tells nothing to who has its place now") {
    auto loop = Loop::create();
    Sockets before = make_sockets();
    Sockets now = make_sockets();
    auto copy = base::duplicate(before.ours.get());
    { auto gone = Edge::create(loop.value(), std::move(before.ours)); }
    std::optional<Watcher> watcher;
    std::optional<Timer> timer;
    bool readable = false;
    watcher.emplace(loop.value(), std::move(now.ours),
                    [&] { readable = readable || watcher->edge->ready().readable; });
    say(before.theirs, "x");
    timer.emplace(Timer::create(loop.value(), [&] {
                      watcher.reset();
                      timer.reset();
                  }).value());
    timer->start(5ms);
    loop.value().run();
    CHECK_FALSE(readable);
}

TEST_CASE("an open file that was watched before is watched again") {
    auto loop = Loop::create();
    Sockets sockets = make_sockets();
    const auto copy = base::duplicate(sockets.ours.get());
    const int number = sockets.ours.get();
    for (int round = 0; round < 2; ++round) {
        if (round > 0) REQUIRE(::dup3(copy.value().get(), number, O_CLOEXEC) == number);
        std::optional<Watcher> watcher;
        int turns = 0;
        watcher.emplace(loop.value(), round > 0 ? Fd(number) : std::move(sockets.ours), [&] {
            ++turns;
            watcher.reset();
        });
        loop.value().run();
        CHECK(turns == 1);
    }
}

TEST_CASE("a regular file is ready for ever") {
    auto loop = Loop::create();
    auto file = base::open_file("/proc/self/exe", O_RDONLY);
    std::optional<Watcher> watcher;
    bool ready = false;
    watcher.emplace(loop.value(), std::move(file).value(), [&] {
        ready = watcher->edge->ready().readable && watcher->edge->ready().writable;
        watcher.reset();
    });
    loop.value().run();
    CHECK(ready);
}

TEST_CASE("without descriptors there is an error and no loop") {
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const Fd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const rlimit none{static_cast<rlim_t>(next.get()), before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto loop = Loop::create();
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    REQUIRE_FALSE(loop.ok());
    CHECK(loop.error().errno_value == EMFILE);
}

TEST_CASE("stop from a turn ends the loop, and it can run again") {
    auto loop = Loop::create();
    Sockets sockets = make_sockets();
    Watcher watcher(loop.value(), std::move(sockets.ours), [&] { loop.value().stop(); });
    loop.value().run();
    auto timer = Timer::create(loop.value(), [&] { loop.value().stop(); });
    timer.value().start(1ms);
    loop.value().run();
    SUCCEED();
}
