// How connections begin, end and are refused, against the real binary through a real socket.
#include <sys/socket.h>
#include <catch2/catch_test_macros.hpp>

#include "pair.h"

using namespace test;
using std::chrono::milliseconds;
using vsockd::kShutdownBoth;
using vsockd::kShutdownReceive;
using vsockd::kShutdownSend;
using vsockd::Operation;

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
