// What a guest and the host may rely on, against the real binary through a real socket.
#include <sys/socket.h>
#include <catch2/catch_test_macros.hpp>

#include <memory>

#include "daemon.h"
#include "guest_stack.h"

using namespace test;
using std::chrono::milliseconds;
using vsockd::kShutdownBoth;
using vsockd::kShutdownReceive;
using vsockd::kShutdownSend;
using vsockd::Operation;

namespace {

std::string pattern(std::size_t bytes) {
    std::string text(bytes, '\0');
    std::uint32_t state = 1;
    for (char& character : text) {
        state = state * 1664525 + 1013904223;
        character = static_cast<char>(state >> 24);
    }
    return text;
}

// One guest with one connection to the parent, both ends at hand.
struct Pair {
    explicit Pair(DriverOptions options = {}, std::vector<std::string> arguments = {"--guest=16"})
        : daemon(std::move(arguments)),
          listener(listen_on(daemon.path("parent_5000"))),
          driver(daemon.path("16.vhost"), options),
          stack(driver),
          guest(stack.start_connect(3, 5000)) {
        REQUIRE(stack.connect(guest));
        host = accept_from(listener);
    }

    Daemon daemon;
    base::Fd listener;
    GuestDriver driver;
    GuestStack stack;
    GuestSocket& guest;
    base::Fd host;
};

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

TEST_CASE("a guest reads its CID from the configuration") {
    Daemon daemon({"--guest=16", "--guest=17"});
    GuestDriver first(daemon.path("16.vhost"));
    GuestDriver second(daemon.path("17.vhost"));
    CHECK(first.cid() == 16);
    CHECK(second.cid() == 17);
}

TEST_CASE("CID 3 and CID 2 both reach the parent") {
    Daemon daemon({"--guest=16"});
    const base::Fd listener = listen_on(daemon.path("parent_5000"));
    GuestDriver driver(daemon.path("16.vhost"));
    GuestStack stack(driver);
    for (const std::uint32_t cid : {3u, 2u}) {
        GuestSocket& guest = stack.start_connect(cid, 5000);
        REQUIRE(stack.connect(guest));
        const base::Fd host = accept_from(listener);
        stack.write(guest, "hello");
        CHECK(read_text(host, 5) == "hello");
    }
}

TEST_CASE("a guest's own listener is preferred to the one of all guests") {
    Daemon daemon({"--guest=16"});
    const base::Fd common = listen_on(daemon.path("parent_5000"));
    const base::Fd own = listen_on(daemon.path("16.sock_5000"));
    GuestDriver driver(daemon.path("16.vhost"));
    GuestStack stack(driver);
    REQUIRE(stack.connect(stack.start_connect(3, 5000)));
    CHECK(readable(own, milliseconds(1000)));
    CHECK_FALSE(readable(common, milliseconds(0)));
}

TEST_CASE("a connection to a port without a listener is reset") {
    Daemon daemon({"--guest=16"});
    GuestDriver driver(daemon.path("16.vhost"));
    GuestStack stack(driver);
    CHECK_FALSE(stack.connect(stack.start_connect(3, 5000)));
    CHECK(daemon.log().find("refused a connection") != std::string::npos);
}

TEST_CASE("the host reaches a guest and is told its port") {
    Daemon daemon({"--guest=16"});
    GuestDriver driver(daemon.path("16.vhost"));
    GuestStack stack(driver);
    stack.listen(80);
    const base::Fd host = connect_to(daemon.path("16.sock"));
    write_text(host, "CONN");
    write_text(host, "ECT 80\nearly");
    GuestSocket& guest = stack.accept();
    CHECK(guest.peer_cid == 3);
    CHECK(read_line(host) == "OK " + std::to_string(guest.peer_port) + "\n");
    CHECK(stack.read(guest, 5) == "early");
    stack.write(guest, "answer");
    CHECK(read_text(host, 6) == "answer");
}

TEST_CASE("the host is hung up on when the guest refuses, is absent, or is asked in a wrong way") {
    Daemon daemon({"--guest=16", "--guest=17", "--connect-timeout=300ms"});
    GuestDriver driver(daemon.path("16.vhost"));
    GuestStack stack(driver);
    const base::Fd refused = connect_to(daemon.path("16.sock"));
    write_text(refused, "CONNECT 80\n");
    REQUIRE(stack.pump());  // answers with a reset
    CHECK(at_end(refused));
    const base::Fd unanswered = connect_to(daemon.path("16.sock"));
    write_text(unanswered, "CONNECT 81\n");
    CHECK(at_end(unanswered));
    const base::Fd absent = connect_to(daemon.path("17.sock"));
    write_text(absent, "CONNECT 80\n");
    CHECK(at_end(absent));
    for (const char* line : {"HELLO\n", "CONNECT\n", "CONNECT x\n", "CONNECT 4294967296\n",
                             "CONNECT 0x50\n", "CONNECT 11111111111111111111111111111111111"}) {
        const base::Fd wrong = connect_to(daemon.path("16.sock"));
        write_text(wrong, line);
        CHECK(at_end(wrong));
    }
    const base::Fd silent = connect_to(daemon.path("16.sock"));
    CHECK(at_end(silent));
}

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

TEST_CASE("the guest's end of data reaches the host, which can still answer") {
    Pair pair;
    pair.stack.write(pair.guest, "question");
    pair.stack.shutdown(pair.guest, kShutdownSend);
    CHECK(read_text(pair.host, 100) == "question");
    write_text(pair.host, "answer");
    CHECK(pair.stack.read(pair.guest, 6) == "answer");
    pair.stack.shutdown(pair.guest, kShutdownBoth);
    while (!pair.guest.reset)
        REQUIRE(pair.stack.pump());
}

TEST_CASE("the host's end of data reaches the guest, which can still answer") {
    Pair pair;
    write_text(pair.host, "question");
    REQUIRE(::shutdown(pair.host.get(), SHUT_WR) == 0);
    CHECK(pair.stack.read(pair.guest, 100) == "question");
    CHECK(pair.guest.peer_done == kShutdownSend);
    pair.stack.write(pair.guest, "answer");
    CHECK(read_text(pair.host, 6) == "answer");
    CHECK_FALSE(readable(pair.host, milliseconds(50)));
    pair.stack.shutdown(pair.guest, kShutdownBoth);
    CHECK(at_end(pair.host));
}

TEST_CASE("a guest that will not receive any more makes the host's writes fail") {
    Pair pair;
    pair.stack.shutdown(pair.guest, kShutdownReceive);
    CHECK(::send(pair.host.get(), "x", 1, MSG_NOSIGNAL) == -1);
    pair.stack.write(pair.guest, "still");
    CHECK(read_text(pair.host, 5) == "still");
}

TEST_CASE("a host that closes after its answer loses none of it") {
    Pair pair;
    const std::string data = pattern(100'000);
    write_text(pair.host, data);
    pair.host.reset();
    CHECK(pair.stack.read(pair.guest, data.size()) == data);
    while (pair.guest.peer_done != kShutdownBoth)
        REQUIRE(pair.stack.pump());
    // The guest has the last word, and its port is free at once.
    pair.stack.send(pair.guest, Operation::request);
    pair.guest.open = false;
    pair.guest.peer_done = 0;
    CHECK(pair.stack.connect(pair.guest));
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

TEST_CASE("packets in the wrong state are reset") {
    Daemon daemon({"--guest=16"});
    GuestDriver driver(daemon.path("16.vhost"));
    GuestStack stack(driver);
    for (const Operation operation :
         {Operation::response, Operation::data, Operation::shutdown, Operation::credit_update,
          Operation::credit_request, static_cast<Operation>(0), static_cast<Operation>(99)}) {
        vsockd::Header packet;
        packet.source_cid = 16;
        packet.destination_cid = 3;
        packet.source_port = 7;
        packet.destination_port = 8;
        packet.operation = operation;
        driver.send(packet, "");
        const std::optional<Packet> answer = driver.receive(milliseconds(5000));
        REQUIRE(answer);
        CHECK(answer->header == vsockd::reset_for(packet));
    }
    const base::Fd listener = listen_on(daemon.path("parent_5000"));
    for (const Operation operation :
         {Operation::request, Operation::response, static_cast<Operation>(0)}) {
        GuestSocket& guest = stack.start_connect(3, 5000);
        REQUIRE(stack.connect(guest));
        const base::Fd host = accept_from(listener);
        stack.send(guest, operation);
        while (!guest.reset)
            REQUIRE(stack.pump());
        CHECK(at_end(host));
    }
}

TEST_CASE("nonsense in headers harms nobody") {
    Pair pair;
    vsockd::Header packet = pair.stack.header(pair.guest, Operation::data);
    packet.source_cid = 99;
    pair.driver.send(packet, "");  // dropped: another's CID
    packet = pair.stack.header(pair.guest, Operation::request);
    packet.destination_cid = 0x1'0000'0003;
    packet.source_port = 4242;
    pair.driver.send(packet, "");
    packet.type = 2;
    packet.destination_cid = 3;
    pair.driver.send(packet, "");
    for (int count = 0; count < 2; ++count) {
        const std::optional<Packet> answer = pair.driver.receive(milliseconds(5000));
        REQUIRE(answer);
        CHECK(answer->header.operation == Operation::reset);
    }
    pair.stack.write(pair.guest, "fine");
    CHECK(read_text(pair.host, 4) == "fine");
    packet = pair.stack.header(pair.guest, Operation::data);
    packet.length = 0xFFFFFFFF;
    pair.driver.send(packet, "short");
    while (!pair.guest.reset)
        REQUIRE(pair.stack.pump());
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

TEST_CASE("a guest cannot have more connections than allowed") {
    Daemon daemon({"--guest=16", "--max-connections=3"});
    const base::Fd listener = listen_on(daemon.path("parent_5000"));
    GuestDriver driver(daemon.path("16.vhost"));
    GuestStack stack(driver);
    for (int count = 0; count < 3; ++count)
        CHECK(stack.connect(stack.start_connect(3, 5000)));
    CHECK_FALSE(stack.connect(stack.start_connect(3, 5000)));
}

TEST_CASE("guests cannot connect to each other unless allowed") {
    for (const bool allowed : {false, true}) {
        std::vector<std::string> arguments{"--guest=16", "--guest=17"};
        if (allowed) arguments.push_back("--allow-siblings");
        Daemon daemon(arguments);
        GuestDriver first(daemon.path("16.vhost"));
        GuestDriver second(daemon.path("17.vhost"));
        GuestStack client(first);
        GuestStack server(second);
        server.listen(80);
        GuestSocket& refused = client.start_connect(18, 80);
        CHECK_FALSE(client.connect(refused));
        GuestSocket& asking = client.start_connect(17, 80);
        if (!allowed) {
            CHECK_FALSE(client.connect(asking));
            CHECK_FALSE(server.pump(milliseconds(100)));
            continue;
        }
        GuestSocket& asked = server.accept();
        CHECK(asked.peer_cid == 16);
        CHECK(asked.peer_port == asking.guest_port);
        REQUIRE(client.connect(asking));
        const std::string data = pattern(300'000);
        client.write(asking, data.substr(0, 200'000));
        CHECK(server.read(asked, 200'000) == data.substr(0, 200'000));
        server.write(asked, "back");
        CHECK(client.read(asking, 4) == "back");
        client.shutdown(asking, kShutdownSend);
        while (asked.peer_done == 0)
            REQUIRE(server.pump());
        GuestSocket& nobody = client.start_connect(17, 81);
        REQUIRE(server.pump());
        CHECK_FALSE(client.connect(nobody));
    }
}

TEST_CASE("the heartbeat is answered when nobody listens") {
    Daemon daemon({"--guest=16", "--heartbeat"});
    GuestDriver driver(daemon.path("16.vhost"));
    GuestStack stack(driver);
    GuestSocket& guest = stack.start_connect(3, 9000);
    REQUIRE(stack.connect(guest));
    stack.write(guest, "\xB7");
    CHECK(stack.read(guest, 1) == "\xB7");
    CHECK(daemon.log().find("msg=heartbeat cid=16") != std::string::npos);
    const base::Fd listener = listen_on(daemon.path("parent_9000"));
    REQUIRE(stack.connect(stack.start_connect(3, 9000)));
    CHECK(readable(listener, milliseconds(1000)));
}

TEST_CASE("a guest killed in mid transfer ends its hosts and leaves the other guest alone") {
    Daemon daemon({"--guest=16", "--guest=17"});
    const base::Fd listener = listen_on(daemon.path("parent_5000"));
    GuestDriver other_driver(daemon.path("17.vhost"));
    GuestStack other(other_driver);
    GuestSocket& other_guest = other.start_connect(3, 5000);
    REQUIRE(other.connect(other_guest));
    const base::Fd other_host = accept_from(listener);
    for (int round = 0; round < 3; ++round) {
        const std::string data = pattern(100'000);
        base::Fd host;
        {
            GuestDriver driver(daemon.path("16.vhost"));
            GuestStack stack(driver);
            GuestSocket& guest = stack.start_connect(3, 5000);
            REQUIRE(stack.connect(guest));
            host = accept_from(listener);
            stack.write(guest, data);
        }
        CHECK(read_text(host, data.size() + 1) == data);
        other.write(other_guest, "alive");
        CHECK(read_text(other_host, 5) == "alive");
    }
}

TEST_CASE("a second front end is turned away while the first is there") {
    Pair pair;
    CHECK_THROWS(GuestDriver(pair.daemon.path("16.vhost")));
    pair.stack.write(pair.guest, "still here");
    CHECK(read_text(pair.host, 10) == "still here");
}

TEST_CASE("a rebooted guest starts without its old connections") {
    Pair pair;
    pair.driver.stop();
    CHECK_FALSE(readable(pair.host, milliseconds(50)));
    pair.driver.restart(true);
    CHECK(at_end(pair.host));
    GuestSocket& again = pair.stack.start_connect(3, 5000);
    CHECK(pair.stack.connect(again));
}

TEST_CASE("a paused guest keeps its connections") {
    Pair pair;
    pair.stack.write(pair.guest, "before");
    pair.driver.stop();
    write_text(pair.host, "meanwhile");
    pair.driver.restart(false);
    CHECK(read_text(pair.host, 6) == "before");
    CHECK(pair.stack.read(pair.guest, 9) == "meanwhile");
    pair.stack.write(pair.guest, "after");
    CHECK(read_text(pair.host, 5) == "after");
}
