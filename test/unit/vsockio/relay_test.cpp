// The relay's contract, run over every kind of descriptor pair and both ways of moving bytes.
#include "vsockio/relay.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "base/file.h"
#include "relay_support.h"

using namespace std::chrono_literals;
using namespace relay_test;

TEST_CASE("bytes arrive whole and in order both ways at once") {
    const bool tcp = GENERATE(false, true);
    const bool splice = GENERATE(false, true);
    const std::size_t piece = GENERATE(std::size_t{1000}, std::size_t{65536}, std::size_t{1 << 20});
    SocketPair left = make_pair(tcp);
    SocketPair right = make_pair(tcp);
    RelayOptions options;
    options.splice = splice;
    Running running(RelayEnd::socket(std::move(left.far)), RelayEnd::socket(std::move(right.far)),
                    options);
    const std::string there = pattern(8 << 20);
    const std::string back = pattern(5 << 20);
    std::string got_there;
    std::string got_back;
    std::thread sender([&] {
        send_all(left.near.get(), there, piece);
        ::shutdown(left.near.get(), SHUT_WR);
    });
    std::thread answerer([&] {
        send_all(right.near.get(), back, piece);
        ::shutdown(right.near.get(), SHUT_WR);
    });
    std::thread reader([&] { got_back = receive_all(left.near.get()); });
    got_there = receive_all(right.near.get());
    sender.join();
    answerer.join();
    reader.join();
    CHECK(got_there == there);
    CHECK(got_back == back);
    const RelayReport report = running.report();
    CHECK(report.reason == RelayReason::ended);
    CHECK(report.first_to_second_bytes == there.size());
    CHECK(report.second_to_first_bytes == back.size());
}

TEST_CASE("the end of one way leaves the other open") {
    const bool splice = GENERATE(false, true);
    SocketPair left = make_pair(true);
    SocketPair right = make_pair(true);
    RelayOptions options;
    options.splice = splice;
    Running running(RelayEnd::socket(std::move(left.far)), RelayEnd::socket(std::move(right.far)),
                    options);
    send_all(left.near.get(), "question");
    ::shutdown(left.near.get(), SHUT_WR);
    CHECK(receive_all(right.near.get()) == "question");  // saw the end, not only the bytes
    const std::string answer = pattern(1 << 20);
    std::thread answerer([&] {
        send_all(right.near.get(), answer);
        right.near.reset();
    });
    CHECK(receive_all(left.near.get()) == answer);
    answerer.join();
    CHECK(running.report().reason == RelayReason::ended);
}

TEST_CASE("a slow reader stops the sender instead of filling memory") {
    const bool splice = GENERATE(false, true);
    SocketPair left = make_pair(false);
    SocketPair right = make_pair(false);
    RelayOptions options;
    options.splice = splice;
    Running running(RelayEnd::socket(std::move(left.far)), RelayEnd::socket(std::move(right.far)),
                    options);
    REQUIRE(base::set_nonblocking(left.near.get(), true).ok());
    const std::string chunk = pattern(65536);
    std::size_t accepted = 0;
    for (int quiet = 0; quiet < 20;) {
        const ssize_t sent = ::send(left.near.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            accepted += static_cast<std::size_t>(sent);
            quiet = 0;
        } else {
            ++quiet;
            std::this_thread::sleep_for(5ms);
        }
        REQUIRE(accepted < (16 << 20));  // two socket buffers and the relay's own, not more
    }
    ::shutdown(left.near.get(), SHUT_WR);
    ::shutdown(right.near.get(), SHUT_WR);
    CHECK(receive_all(right.near.get()).size() == accepted);
    CHECK(running.report().reason == RelayReason::ended);
}

TEST_CASE("a reset on one side is a reset on the other") {
    SocketPair left = make_pair(true);
    SocketPair right = make_pair(true);
    Running running(RelayEnd::socket(std::move(left.far)), RelayEnd::socket(std::move(right.far)));
    send_all(left.near.get(), "x");
    char letter = 0;
    REQUIRE(::read(right.near.get(), &letter, 1) == 1);
    const linger at_once{1, 0};
    ::setsockopt(left.near.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    left.near.reset();
    CHECK(::read(right.near.get(), &letter, 1) == -1);
    CHECK(errno == ECONNRESET);
    CHECK(running.report().reason == RelayReason::failed);
}

TEST_CASE("a stream that ends both ways before its first byte has refused, where that is told") {
    const bool told = GENERATE(true, false);
    const bool byte = GENERATE(true, false);
    const bool whole = GENERATE(true, false);
    CAPTURE(told, byte, whole);
    SocketPair left = make_pair(true);
    SocketPair right = make_pair(false);
    RelayOptions options;
    options.second_may_refuse = told;
    Running running(RelayEnd::socket(std::move(left.far)), RelayEnd::socket(std::move(right.far)),
                    options);
    if (byte) send_all(right.near.get(), "x");
    if (whole) {
        right.near.reset();
    } else {
        ::shutdown(right.near.get(), SHUT_WR);
    }
    char letter = 0;
    if (byte) REQUIRE(::read(left.near.get(), &letter, 1) == 1);
    const bool refused = told && !byte && whole;
    CHECK(::read(left.near.get(), &letter, 1) == (refused ? -1 : 0));
    left.near.reset();
    CHECK(running.report().reason == (refused ? RelayReason::failed : RelayReason::ended));
}

TEST_CASE("an idle relay ends at its limit") {
    SocketPair left = make_pair(false);
    SocketPair right = make_pair(false);
    RelayOptions options;
    options.idle_limit = 50ms;
    Running running(RelayEnd::socket(std::move(left.far)), RelayEnd::socket(std::move(right.far)),
                    options);
    CHECK(running.report().reason == RelayReason::idle);
    CHECK(receive_all(left.near.get()).empty());
}

TEST_CASE("a pair of pipes is an end too, and its output is closed when input ends") {
    SocketPair right = make_pair(false);
    auto in = base::make_pipe();
    auto out = base::make_pipe();
    REQUIRE(base::set_nonblocking(in.value().read.get(), true).ok());
    REQUIRE(base::set_nonblocking(out.value().write.get(), true).ok());
    Running running(RelayEnd::pair(std::move(in.value().read), std::move(out.value().write)),
                    RelayEnd::socket(std::move(right.far)));
    REQUIRE(base::write_all(in.value().write.get(), std::as_bytes(std::span("there", 5)), "").ok());
    in.value().write.reset();
    CHECK(receive_all(right.near.get()) == "there");
    send_all(right.near.get(), "back");
    right.near.reset();
    CHECK(receive_all(out.value().read.get()) == "back");
    CHECK(running.report().reason == RelayReason::ended);
}

TEST_CASE("regular files are always ready") {
    char name[] = "/tmp/relay-test-XXXXXX";
    Fd file(::mkostemp(name, O_CLOEXEC));
    REQUIRE(file.valid());
    ::unlink(name);
    const std::string content = pattern(3 << 20);
    REQUIRE(base::write_all(file.get(), std::as_bytes(std::span(content)), "").ok());
    ::lseek(file.get(), 0, SEEK_SET);
    SocketPair right = make_pair(false);
    auto sink = base::open_file("/dev/null", O_WRONLY);
    Running running(RelayEnd::pair(std::move(file), std::move(sink).value()),
                    RelayEnd::socket(std::move(right.far)));
    std::string got = receive_all(right.near.get());
    CHECK(got == content);
    right.near.reset();
    CHECK(running.report().reason == RelayReason::ended);
}

TEST_CASE("a receiver that goes away ends its way, and the sender hears of it") {
    SocketPair left = make_pair(false);
    SocketPair right = make_pair(false);
    Running running(RelayEnd::socket(std::move(left.far)), RelayEnd::socket(std::move(right.far)));
    right.near.reset();
    const std::string chunk = pattern(65536);
    ssize_t sent = 0;
    for (int tries = 0; tries < 1000 && sent >= 0; ++tries) {
        sent = ::send(left.near.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
    }
    CHECK(sent == -1);
    CHECK((errno == EPIPE || errno == ECONNRESET));
    left.near.reset();
    running.report();
}

TEST_CASE("bulk and small pieces in turn, as a way changes between splice and copies") {
    const bool tcp = GENERATE(false, true);
    SocketPair left = make_pair(tcp);
    SocketPair right = make_pair(tcp);
    Running running(RelayEnd::socket(std::move(left.far)), RelayEnd::socket(std::move(right.far)));
    const std::string bulk = pattern(3 << 20);
    std::string sent;
    std::thread sender([&] {
        for (int round = 0; round < 4; ++round) {
            send_all(left.near.get(), bulk);
            for (std::size_t at = 0; at < 40'000; at += 1000)
                send_all(left.near.get(), std::string_view(bulk).substr(at, 1 + at % 997));
        }
        ::shutdown(left.near.get(), SHUT_WR);
    });
    for (int round = 0; round < 4; ++round) {
        sent += bulk;
        for (std::size_t at = 0; at < 40'000; at += 1000)
            sent += std::string_view(bulk).substr(at, 1 + at % 997);
    }
    CHECK(receive_all(right.near.get()) == sent);
    sender.join();
    right.near.reset();
    CHECK(running.report().first_to_second_bytes == sent.size());
}

TEST_CASE("a receiver that refuses splice gets what was in the pipe by copies") {
    char name[] = "/tmp/relay-test-XXXXXX";
    Fd file(::mkostemp(name, O_APPEND | O_CLOEXEC));  // splice(2) refuses O_APPEND
    REQUIRE(file.valid());
    SocketPair left = make_pair(false);
    const Fd nothing(::open("/dev/null", O_RDONLY));
    const std::string bulk = pattern(5 << 20);
    {
        Running running(RelayEnd::socket(std::move(left.far)),
                        RelayEnd::pair(Fd(::dup(nothing.get())), Fd(::dup(file.get()))));
        send_all(left.near.get(), bulk);
        left.near.reset();
        CHECK(running.report().first_to_second_bytes == bulk.size());
    }
    CHECK(base::read_file(name, bulk.size() + 1).value() == bulk);
    ::unlink(name);
}
