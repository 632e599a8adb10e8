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

base::Fd some_stream() {
    base::Fd fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    REQUIRE(fd.valid());
    return fd;
}

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

}  // namespace

TEST_CASE("a stream is given out once, and to its own connection") {
    PreparedStreams streams;
    base::Fd stream = some_stream();
    const int number = stream.get();
    streams.put(kHere, kThere, std::move(stream), seconds(1));
    REQUIRE_FALSE(streams.take(kThere, kHere).valid());
    REQUIRE_FALSE(streams.take(kHere, {kThere.address, 80}).valid());
    REQUIRE(streams.take(kHere, kThere).get() == number);
    REQUIRE_FALSE(streams.take(kHere, kThere).valid());
}

TEST_CASE("what nobody has come for is closed, and so is what is replaced") {
    PreparedStreams streams;
    base::Fd first = some_stream();
    const int number = first.get();
    streams.put(kHere, kThere, std::move(first), seconds(1));
    base::Fd second = some_stream();
    streams.put(kHere, kThere, std::move(second), seconds(2));
    REQUIRE_FALSE(is_open(number));
    streams.put({kHere.address, 1}, kThere, some_stream(), seconds(40));
    REQUIRE(streams.size() == 1);
    REQUIRE_FALSE(streams.take(kHere, kThere).valid());
}

TEST_CASE("there is a limit to what waits") {
    PreparedStreams streams;
    for (unsigned port = 1; port <= PreparedStreams::kMost; ++port) {
        streams.put({kHere.address, static_cast<std::uint16_t>(port)}, kThere, base::Fd(),
                    seconds(1));
    }
    base::Fd late = some_stream();
    const int number = late.get();
    streams.put({kHere.address, 50'000}, kThere, std::move(late), seconds(1));
    REQUIRE(streams.size() == PreparedStreams::kMost);
    REQUIRE_FALSE(is_open(number));
}
