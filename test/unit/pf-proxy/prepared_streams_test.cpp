// Streams that wait for their connection.
#include "prepared_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

using pf_proxy::PreparedStreams;
using std::chrono::seconds;
using vsockio::IpAddress;
using vsockio::IpEndpoint;

namespace {

constexpr IpEndpoint kHere{IpAddress::v4(10, 0, 0, 1), 40'000};
constexpr IpEndpoint kThere{IpAddress::v4(8, 8, 4, 4), 443};

struct Room {
    loop::Loop loop = loop::Loop::create().value();
    PreparedStreams streams;

    std::unique_ptr<loop::Edge> some_stream() {
        auto made = loop::Edge::create(loop, base::Fd(::open("/dev/null", O_RDWR | O_CLOEXEC)));
        REQUIRE(made.ok());
        return std::move(made).value();
    }
};

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

}  // namespace

TEST_CASE("a stream is given out once, and to its own connection") {
    Room room;
    PreparedStreams& streams = room.streams;
    auto stream = room.some_stream();
    const int number = stream->fd();
    streams.put(kHere, kThere, std::move(stream), seconds(1));
    REQUIRE(streams.take(kThere, kHere) == nullptr);
    REQUIRE(streams.take(kHere, {kThere.address, 80}) == nullptr);
    REQUIRE(streams.take(kHere, kThere)->fd() == number);
    REQUIRE(streams.take(kHere, kThere) == nullptr);
}

TEST_CASE("what nobody has come for is closed, and so is what is replaced") {
    Room room;
    PreparedStreams& streams = room.streams;
    auto first = room.some_stream();
    const int number = first->fd();
    streams.put(kHere, kThere, std::move(first), seconds(1));
    auto second = room.some_stream();
    streams.put(kHere, kThere, std::move(second), seconds(2));
    REQUIRE_FALSE(is_open(number));
    streams.put({kHere.address, 1}, kThere, room.some_stream(), seconds(40));
    REQUIRE(streams.size() == 1);
    REQUIRE(streams.take(kHere, kThere) == nullptr);
}

TEST_CASE("there is a limit to what waits") {
    Room room;
    PreparedStreams& streams = room.streams;
    for (unsigned port = 1; port <= PreparedStreams::kMost; ++port) {
        streams.put({kHere.address, static_cast<std::uint16_t>(port)}, kThere, nullptr, seconds(1));
    }
    auto late = room.some_stream();
    const int number = late->fd();
    streams.put({kHere.address, 50'000}, kThere, std::move(late), seconds(1));
    REQUIRE(streams.size() == PreparedStreams::kMost);
    REQUIRE_FALSE(is_open(number));
}
