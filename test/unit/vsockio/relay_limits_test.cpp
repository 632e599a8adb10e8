// The relay where something is short: descriptors, turns, bytes that are not glued together.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <string>
#include <thread>

#include "relay_support.h"

using namespace relay_test;

TEST_CASE("without descriptors for a pipe bulk is copied") {
    SocketPair left = make_pair(true);
    SocketPair right = make_pair(true);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    Running running(RelayEnd::socket(std::move(left.far)), RelayEnd::socket(std::move(right.far)));
    // The relay runs once a byte has come through it, and then nothing can be opened any more.
    send_all(left.near.get(), "x");
    char letter = 0;
    REQUIRE(::read(right.near.get(), &letter, 1) == 1);
    const rlimit none{0, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const std::string bulk = pattern(4 << 20);
    std::thread sender([&] {
        send_all(left.near.get(), bulk);
        ::shutdown(left.near.get(), SHUT_WR);
    });
    const std::string got = receive_all(right.near.get());
    sender.join();
    right.near.reset();
    const RelayReport report = running.report();
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(got == bulk);
    CHECK(report.reason == RelayReason::ended);
}

TEST_CASE("a busy relay leaves turns to another in the same loop") {
    SocketPair sides[4];
    for (SocketPair& side : sides)
        side = make_pair(true);
    ::signal(SIGPIPE, SIG_IGN);
    std::thread running([&] {
        auto loop = loop::Loop::create();
        std::unique_ptr<Relay> relays[2];
        for (std::size_t index = 0; index < 2; ++index) {
            relays[index] =
                Relay::create(loop.value(), RelayEnd::socket(std::move(sides[index * 2].far)),
                              RelayEnd::socket(std::move(sides[index * 2 + 1].far)), {},
                              [&relays, index](const RelayReport&) { relays[index].reset(); })
                    .value();
        }
        loop.value().run();
    });
    std::atomic<bool> enough = false;
    const std::string chunk = pattern(1 << 20);
    std::thread flood([&] {
        while (!enough)
            send_all(sides[0].near.get(), chunk);
        ::shutdown(sides[0].near.get(), SHUT_WR);
    });
    std::thread drain([&] { receive_all(sides[1].near.get()); });
    for (int round = 0; round < 100; ++round) {
        char letter = 0;
        send_all(sides[2].near.get(), "x");
        REQUIRE(::read(sides[3].near.get(), &letter, 1) == 1);
    }
    enough = true;
    flood.join();
    drain.join();
    for (SocketPair& side : sides)
        side.near.reset();
    running.join();
}

TEST_CASE("what comes in pieces that are not glued together is carried whole") {
    // A read of a Unix socket ends where the sender's identity changes, with more behind it.
    SocketPair left = make_pair(false);
    SocketPair right = make_pair(false);
    const int on = 1;
    REQUIRE(::setsockopt(left.far.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    std::string sent;
    for (int piece = 0; piece < 8; ++piece) {
        const std::string text(100, static_cast<char>('a' + piece));
        sent += text;
        if (piece % 2 == 0) {
            send_all(left.near.get(), text);
            continue;
        }
        const pid_t child = ::fork();
        if (child == 0) {
            const bool whole = ::send(left.near.get(), text.data(), text.size(), 0) == 100;
            ::_exit(whole ? 0 : 1);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(status == 0);
    }
    Running running(RelayEnd::socket(std::move(left.far)), RelayEnd::socket(std::move(right.far)));
    std::string got(sent.size(), ' ');
    REQUIRE(base::read_full(right.near.get(), std::as_writable_bytes(std::span(got)), "").value() ==
            sent.size());
    CHECK(got == sent);
    left.near.reset();
    right.near.reset();
    running.report();
}
