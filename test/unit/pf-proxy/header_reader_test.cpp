// Reading up to a border, whatever comes and however slowly.
#include "header_reader.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "base/fd.h"
#include "base/text.h"
#include "proto/pf_proxy.h"

using pf_proxy::HeaderReader;
using std::chrono::milliseconds;

namespace {

struct Ends {
    base::Fd ours;
    base::Fd theirs;
};

Ends make_ends() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
    return {base::Fd(fds[0]), base::Fd(fds[1])};
}

void say(int fd, std::string_view bytes) {
    REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
}

struct Outcome {
    HeaderReader::Ending ending = HeaderReader::Ending::late;
    std::string bytes;
};

// Runs until the reader is done; `meanwhile` is called once it has started.
template <typename Meanwhile>
Outcome read_request(Ends& ends, HeaderReader::Times times, Meanwhile meanwhile) {
    auto loop = loop::Loop::create();
    REQUIRE(loop.ok());
    Outcome outcome;
    auto stream = loop::Edge::create(loop.value(), std::move(ends.ours));
    REQUIRE(stream.ok());
    auto reader = HeaderReader::start(
        loop.value(), *stream.value(), times,
        [](std::span<const std::byte> input) {
            return pf_proxy::look(proto::pf_proxy::decode_request(input));
        },
        [&](HeaderReader::Ending ending, std::span<const std::byte> bytes) {
            outcome = {ending, std::string(base::as_text(bytes))};
            loop.value().stop();
        });
    REQUIRE(reader.ok());
    meanwhile(loop.value());
    loop.value().run();
    ends.ours = stream.value()->release();
    return outcome;
}

using namespace std::string_view_literals;
constexpr std::string_view kRequest = "EBPQ\1\1\4\4\300\0\2\7\1\273"sv;
constexpr HeaderReader::Times kLong{milliseconds(10'000), milliseconds(10'000)};

}  // namespace

TEST_CASE("a header is read and what follows it stays in the stream") {
    Ends ends = make_ends();
    const Outcome outcome = read_request(ends, kLong, [&](loop::Loop&) {
        say(ends.theirs.get(), std::string(kRequest) + "and more");
    });
    REQUIRE(outcome.ending == HeaderReader::Ending::whole);
    REQUIRE(outcome.bytes == kRequest);
    char rest[32];
    REQUIRE(::read(ends.ours.get(), rest, sizeof rest) == 8);
}

TEST_CASE("a header may come byte by byte") {
    Ends ends = make_ends();
    std::size_t sent = 0;
    std::optional<loop::Timer> timer;
    const Outcome outcome = read_request(ends, kLong, [&](loop::Loop& loop) {
        auto made = loop::Timer::create(loop, [&] {
            say(ends.theirs.get(), kRequest.substr(sent++, 1));
            if (sent == kRequest.size()) timer.reset();  // the loop goes before it
        });
        REQUIRE(made.ok());
        timer = std::move(made).value();
        timer->start(milliseconds(1), milliseconds(1));
    });
    REQUIRE(outcome.ending == HeaderReader::Ending::whole);
    REQUIRE(outcome.bytes == kRequest);
}

TEST_CASE("an end before the header is whole is told with what was there") {
    Ends ends = make_ends();
    const Outcome outcome = read_request(ends, kLong, [&](loop::Loop&) {
        say(ends.theirs.get(), kRequest.substr(0, 5));
        ends.theirs.reset();
    });
    REQUIRE(outcome.ending == HeaderReader::Ending::ended);
    REQUIRE(outcome.bytes == kRequest.substr(0, 5));
}

TEST_CASE("a bad header is told at once and not waited for") {
    Ends ends = make_ends();
    const Outcome outcome =
        read_request(ends, kLong, [&](loop::Loop&) { say(ends.theirs.get(), "GET"); });
    REQUIRE(outcome.ending == HeaderReader::Ending::bad);
}

TEST_CASE("the first byte and the rest have their own time") {
    Ends silent = make_ends();
    const Outcome never =
        read_request(silent, {milliseconds(20), milliseconds(10'000)}, [](loop::Loop&) {});
    REQUIRE(never.ending == HeaderReader::Ending::late);
    REQUIRE(never.bytes.empty());
    Ends slow = make_ends();
    const Outcome part = read_request(slow, {milliseconds(10'000), milliseconds(20)},
                                      [&](loop::Loop&) { say(slow.theirs.get(), "EB"); });
    REQUIRE(part.ending == HeaderReader::Ending::late);
    REQUIRE(part.bytes == "EB");
}
