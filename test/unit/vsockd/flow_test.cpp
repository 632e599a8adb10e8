// Bytes of every size through chains of every shape, and credit both ways, through the real binary.
#include <catch2/catch_test_macros.hpp>

#include <algorithm>

#include "pair.h"

using namespace test;
using std::chrono::milliseconds;
using vsockd::kShutdownBoth;
using vsockd::Operation;

namespace {

// Sends in both directions with small buffers in between, so that nothing can be lost unseen.
void exchange(Pair& pair, std::size_t bytes, std::size_t piece, std::vector<std::size_t> cuts = {},
              bool indirect = false) {
    const std::string data = pattern(bytes);
    constexpr std::size_t kStep = 128 * 1024;
    for (std::size_t at = 0; at < bytes; at += kStep) {
        const std::string step = data.substr(at, kStep);
        pair.stack.write(pair.guest, step, piece, cuts, indirect);
        REQUIRE(read_text(pair.host, step.size()) == step);
        write_text(pair.host, step);
        REQUIRE(pair.stack.read(pair.guest, step.size()) == step);
    }
}

}  // namespace

TEST_CASE("writes of any size arrive whole in both directions") {
    for (const bool event_index : {true, false}) {
        Pair pair({.event_index = event_index});
        exchange(pair, 300, 1);
        exchange(pair, 64 * 1024, 64 * 1024);
        exchange(pair, 1024 * 1024, 64 * 1024);
        exchange(pair, 1024 * 1024, 1000);
    }
}

TEST_CASE("packets larger than Linux makes them arrive whole") {
    Pair pair;
    const std::string data = pattern(250'000);
    pair.stack.write(pair.guest, data, data.size());
    CHECK(read_text(pair.host, data.size()) == data);
}

TEST_CASE("chains of any shape are understood") {
    for (const bool indirect : {false, true}) {
        Pair pair({.split_receive_buffers = false, .two_regions = !indirect});
        exchange(pair, 100'000, 5'000, {44}, indirect);
        exchange(pair, 100'000, 5'000, {10, 20, 30, 40, 1, 1, 0, 1000}, indirect);
        exchange(pair, 200'000, 64 * 1024, {44, 4096, 4096, 4096, 4096, 4096, 4096}, indirect);
    }
    Pair split({.receive_buffers = 40, .split_receive_buffers = true, .two_regions = true});
    exchange(split, 1024 * 1024, 64 * 1024, {43, 2, 60'000});
}

TEST_CASE("the device sends no more than the guest's credit") {
    Pair pair;
    const std::string data = pattern(1024 * 1024);
    pair.stack.give_credit(false);
    write_text(pair.host, data.substr(0, 400'000 - 256 * 1024));
    CHECK(pair.stack.read(pair.guest, 400'000 - 256 * 1024).size() == 400'000 - 256 * 1024);
    // The guest has told of nothing passed on, so the window is what is left of the first.
    write_text(pair.host, data.substr(0, 150'000));
    std::size_t waited = 0;
    while (pair.stack.pump(milliseconds(300)))
        ++waited;
    CHECK(waited > 0);
    CHECK(pair.guest.received_count == 256 * 1024);
    CHECK(pair.guest.highest_in_flight <= 256 * 1024);
    pair.stack.give_credit(true);
    pair.stack.send(pair.guest, Operation::credit_update);
    const std::size_t rest = 400'000 - 256 * 1024 + 150'000 - 256 * 1024;
    CHECK(rest < 256 * 1024);
    while (pair.guest.received_count < 400'000 - 256 * 1024 + 150'000)
        REQUIRE(pair.stack.pump());
}

TEST_CASE("a guest without credit is asked for it") {
    Pair pair;
    pair.guest.buffer = 1000;
    pair.stack.send(pair.guest, Operation::credit_update);
    write_text(pair.host, pattern(3000));
    while (pair.guest.received_count < 1000)
        REQUIRE(pair.stack.pump());
    pair.guest.forwarded += 1000;
    pair.guest.received.clear();
    // Nothing is said until the device asks; the stack answers by itself.
    while (pair.guest.received_count < 2000)
        REQUIRE(pair.stack.pump());
}

TEST_CASE("a guest that sends without credit is reset") {
    Pair pair({}, {"--guest=16", "--buffer=64K"});
    vsockd::Header packet = pair.stack.header(pair.guest, Operation::data);
    packet.length = 65'537;
    pair.driver.send(packet, std::string(65'537, 'x'));
    while (!pair.guest.reset)
        REQUIRE(pair.stack.pump());
    CHECK(pair.daemon.log().find("data without credit") != std::string::npos);
}

TEST_CASE("a slow reader on the host stops no other connection") {
    Pair pair;
    GuestSocket& second = pair.stack.start_connect(3, 5000);
    REQUIRE(pair.stack.connect(second));
    const base::Fd other = accept_from(pair.listener);
    // More than the socket takes, so that the device has to keep some; all the credit there is.
    std::string data = pattern(1024 * 1024);
    std::size_t sent = 0;
    while (pair.guest.sent - pair.guest.peer_forwarded < pair.guest.peer_buffer) {
        const std::size_t left =
            pair.guest.peer_buffer - (pair.guest.sent - pair.guest.peer_forwarded);
        const std::size_t step = std::min<std::size_t>(left, 64 * 1024);
        pair.stack.write(pair.guest, data.substr(sent, step));
        sent += step;
        while (pair.stack.pump(milliseconds(20))) {
        }
    }
    CHECK(sent > 256 * 1024);
    pair.stack.write(second, "quick");
    CHECK(read_text(other, 5) == "quick");
    CHECK(read_text(pair.host, sent) == data.substr(0, sent));
}

TEST_CASE("what the guest sent before it closed reaches a slow host") {
    Pair pair;
    const std::string data = pattern(350'000);
    // The socket holds some, the device the rest.
    pair.stack.write(pair.guest, data.substr(0, 250'000));
    while (pair.stack.pump(milliseconds(100))) {
    }
    pair.stack.write(pair.guest, data.substr(250'000));
    pair.stack.shutdown(pair.guest, kShutdownBoth);
    while (!pair.guest.reset)
        REQUIRE(pair.stack.pump());
    CHECK(read_text(pair.host, data.size() + 1) == data);
}

TEST_CASE("two hundred connections at a time carry their own bytes") {
    Daemon daemon({"--guest=16"});
    const base::Fd listener = listen_on(daemon.path("parent_5000"));
    GuestDriver driver(daemon.path("16.vhost"));
    GuestStack stack(driver);
    stack.listen(80);
    std::vector<std::pair<GuestSocket*, base::Fd>> pairs;
    for (int count = 0; count < 100; ++count) {
        GuestSocket& guest = stack.start_connect(3, 5000);
        REQUIRE(stack.connect(guest));
        pairs.emplace_back(&guest, accept_from(listener));
    }
    std::vector<base::Fd> callers;
    for (int count = 0; count < 100; ++count) {
        callers.push_back(connect_to(daemon.path("16.sock")));
        write_text(callers.back(), "CONNECT 80\n");
    }
    for (base::Fd& caller : callers) {
        GuestSocket& guest = stack.accept();
        pairs.emplace_back(&guest, std::move(caller));
    }
    for (std::size_t index = 100; index < 200; ++index) {
        CHECK(read_line(pairs[index].second).starts_with("OK "));
    }
    for (auto& [guest, host] : pairs)
        stack.write(*guest, std::to_string(guest->guest_port) + "\n");
    for (auto& [guest, host] : pairs)
        write_text(host, read_line(host));
    for (auto& [guest, host] : pairs) {
        // Callers were accepted in the order of the requests, whoever that was.
        const std::string line = stack.read(*guest, 3);
        CHECK(line.size() == 3);
    }
}
