// The connection's state machine, event by event.
#include "connection.h"

#include <catch2/catch_test_macros.hpp>

using namespace vsockd;

namespace {

constexpr std::uint32_t kBuffer = 1000;

Header packet(Operation operation, std::uint32_t length = 0, std::uint32_t flags = 0) {
    Header header;
    header.source_cid = 16;
    header.destination_cid = 3;
    header.source_port = 1024;
    header.destination_port = 5000;
    header.operation = operation;
    header.length = length;
    header.flags = flags;
    header.buffer_bytes = 2000;
    return header;
}

Connection open_connection() {
    Connection connection = Connection::from_guest(packet(Operation::request), kBuffer);
    connection.host_connected();
    REQUIRE(connection.take_packet().operation == Operation::response);
    return connection;
}

}  // namespace

TEST_CASE("a request becomes an open connection with a response") {
    Connection connection = Connection::from_guest(packet(Operation::request), kBuffer);
    CHECK(connection.state() == Connection::State::dialing);
    CHECK_FALSE(connection.has_packet());
    connection.host_connected();
    CHECK(connection.state() == Connection::State::open);
    REQUIRE(connection.has_packet());
    const Header response = connection.take_packet();
    CHECK(response.operation == Operation::response);
    CHECK(response.source_cid == 3);
    CHECK(response.source_port == 5000);
    CHECK(response.destination_cid == 16);
    CHECK(response.destination_port == 1024);
    CHECK(response.buffer_bytes == kBuffer);
    CHECK_FALSE(connection.has_packet());
}

TEST_CASE("the host's request waits for a response") {
    Connection connection = Connection::from_host(16, {3, 5000, 1024}, kBuffer);
    REQUIRE(connection.take_packet().operation == Operation::request);
    CHECK_FALSE(connection.reads_host());
    CHECK(connection.receive(packet(Operation::response), 0).established);
    CHECK(connection.reads_host());
    CHECK(connection.credit() == 2000);
}

TEST_CASE("the host's request is refused by a reset") {
    Connection connection = Connection::from_host(16, {3, 5000, 1024}, kBuffer);
    const Actions actions = connection.receive(packet(Operation::reset), 0);
    CHECK(actions.close);
    CHECK_FALSE(actions.reset);
    CHECK(connection.state() == Connection::State::closed);
}

TEST_CASE("data is forwarded within the credit and reset beyond it") {
    Connection connection = open_connection();
    CHECK(connection.receive(packet(Operation::data, 600), 600).forward);
    CHECK(connection.receive(packet(Operation::data, 400), 400).forward);
    const Actions actions = connection.receive(packet(Operation::data, 1), 1);
    CHECK(actions.reset);
    CHECK(actions.close);
    CHECK(actions.violation == "data without credit");
}

TEST_CASE("credit that the guest has not been told of does not count") {
    Connection connection = open_connection();
    CHECK(connection.receive(packet(Operation::data, 1000), 1000).forward);
    connection.forwarded(1000);
    Connection told = connection;
    CHECK(connection.receive(packet(Operation::data, 1), 1).reset);
    REQUIRE(told.take_packet().operation == Operation::credit_update);
    CHECK(told.receive(packet(Operation::data, 1000), 1000).forward);
}

TEST_CASE("updates come after half the buffer, or when asked for") {
    Connection connection = open_connection();
    CHECK(connection.receive(packet(Operation::data, 499), 499).forward);
    connection.forwarded(499);
    CHECK_FALSE(connection.has_packet());
    CHECK(connection.receive(packet(Operation::data, 1), 1).forward);
    connection.forwarded(1);
    REQUIRE(connection.has_packet());
    CHECK(connection.take_packet().forwarded_count == 500);
    connection.receive(packet(Operation::credit_request), 0);
    CHECK(connection.has_packet());
    connection.data_packet(10);  // carries the same news
    CHECK_FALSE(connection.has_packet());
}

TEST_CASE("the credit for the guest follows what it says, across the wrap of the counters") {
    Connection connection = open_connection();
    std::uint32_t passed_on = 0;
    for (int round = 0; round < 5'000'000; ++round) {
        REQUIRE(connection.credit() == 2000);
        connection.sent(2000);
        REQUIRE(connection.credit() == 0);
        passed_on += 2000;
        Header update = packet(Operation::credit_update);
        update.forwarded_count = passed_on;
        REQUIRE(connection.receive(update, 0).credit_came);
    }
}

TEST_CASE("a count that goes back or runs ahead is ignored") {
    Connection connection = open_connection();
    connection.sent(1500);
    Header update = packet(Operation::credit_update);
    update.forwarded_count = 1000;
    connection.receive(update, 0);
    CHECK(connection.credit() == 1500);
    update.forwarded_count = 500;
    connection.receive(update, 0);
    CHECK(connection.credit() == 1500);
    update.forwarded_count = 1501;
    connection.receive(update, 0);
    CHECK(connection.credit() == 1500);
}

TEST_CASE("a guest that shrinks its buffer below what is under way has no credit") {
    Connection connection = open_connection();
    connection.sent(1500);
    Header update = packet(Operation::credit_update);
    update.buffer_bytes = 100;
    connection.receive(update, 0);
    CHECK(connection.credit() == 0);
}

TEST_CASE("each direction ends by itself, and both together with a reset") {
    Connection connection = open_connection();
    Actions actions = connection.receive(packet(Operation::shutdown, 0, kShutdownSend), 0);
    CHECK(actions.end_writing);
    CHECK_FALSE(actions.end_reading);
    CHECK_FALSE(actions.close);
    CHECK(connection.reads_host());
    actions = connection.receive(packet(Operation::shutdown, 0, kShutdownSend), 0);
    CHECK_FALSE(actions.end_writing);
    actions = connection.receive(packet(Operation::shutdown, 0, kShutdownReceive), 0);
    CHECK(actions.reset);
    CHECK(actions.close);
}

TEST_CASE("data after the end of data is a violation") {
    Connection connection = open_connection();
    connection.receive(packet(Operation::shutdown, 0, kShutdownSend), 0);
    CHECK(connection.receive(packet(Operation::data, 1), 1).reset);
}

TEST_CASE("what a host that has gone can no longer take is thrown away and credited") {
    Connection connection = open_connection();
    connection.receive(packet(Operation::data, 900), 900);
    connection.host_stopped_reading();
    CHECK(connection.take_packet().flags == kShutdownReceive);
    const Actions actions = connection.receive(packet(Operation::data, 900), 900);
    CHECK_FALSE(actions.forward);
    CHECK_FALSE(actions.close);
    connection.host_ended(false);
    CHECK(connection.take_packet().flags == kShutdownBoth);
    CHECK(connection.lingers());
    CHECK(connection.receive(packet(Operation::reset), 0).close);
}

TEST_CASE("packets too early close the connection") {
    for (const Operation operation :
         {Operation::data, Operation::credit_update, Operation::credit_request, Operation::response,
          Operation::request, Operation::shutdown}) {
        Connection connection = Connection::from_guest(packet(Operation::request), kBuffer);
        CHECK(connection.receive(packet(operation), 0).reset);
        CHECK(connection.state() == Connection::State::closed);
    }
}

TEST_CASE("a request that was not sent needs no reset") {
    Connection connection = Connection::from_host(16, {3, 5000, 1024}, kBuffer);
    CHECK(connection.unheard_of());
    connection.take_packet();
    CHECK_FALSE(connection.unheard_of());
}
