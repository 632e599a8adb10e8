// A reader's way through a ring: whole lines and exact losses, whatever it takes at a time.
#include "feed.h"

#include <catch2/catch_test_macros.hpp>

#include <random>
#include <string>

#include "base/text.h"

using namespace initd;

namespace {

constexpr struct timespec kNow = {1'000'000'000, 5'000'000};

Ring ring_of(std::size_t capacity) {
    auto ring = Ring::create(capacity);
    REQUIRE(ring.ok());
    return std::move(ring).value();
}

// Takes at most `most` bytes; returns what was taken.
std::string take(Feed& feed, std::size_t most) {
    const std::string text(feed.next(kNow).substr(0, most));
    feed.took(text.size());
    return text;
}

std::string take_all(Feed& feed) {
    std::string all;
    while (!feed.finished())
        all += take(feed, 1'000'000);
    return all;
}

}  // namespace

TEST_CASE("a feed that nobody began has nothing") {
    Feed feed;
    CHECK(feed.finished());
    CHECK(feed.next(kNow).empty());
}

TEST_CASE("a reader that stops within a line gets the rest of it before it is told of a loss") {
    Ring ring = ring_of(32);
    Feed feed;
    feed.begin(ring, ring.oldest());
    ring.append("the first line\n");
    CHECK(take(feed, 5) == "the f");
    for (int round = 0; round < 10; ++round)
        ring.append("another\n");
    CHECK(take_all(feed) ==
          "irst line\n2001-09-09T01:46:40.005Z initd lost: 7 lines, 56 bytes\n"
          "another\nanother\nanother\n");
}

TEST_CASE("a line that goes round the end of the memory arrives whole") {
    Ring ring = ring_of(20);
    Feed feed;
    feed.begin(ring, ring.oldest());
    std::string seen;
    for (int round = 0; round < 30; ++round) {
        ring.append("line " + std::to_string(round) + "\n");
        seen += take_all(feed);
    }
    CHECK(seen.find("lost") == std::string::npos);
    CHECK(seen.ends_with("line 28\nline 29\n"));
}

TEST_CASE("lines seen and lines lost are all lines, for any reader") {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        Ring ring = ring_of(512);
        Feed feed;
        feed.begin(ring, ring.oldest());
        std::uint64_t written = 0;
        std::string seen;
        for (int step = 0; step < 100; ++step) {
            std::string batch;
            for (unsigned count = random() % 8; count > 0; --count)
                batch +=
                    "line " + std::to_string(written++) + std::string(random() % 30, '.') + "\n";
            ring.append(batch);
            if (random() % 3 == 0) seen += take(feed, random() % 200);
        }
        seen += take_all(feed);
        std::uint64_t next = 0;
        std::vector<std::string_view> lines = base::split(seen, '\n');
        REQUIRE(lines.back().empty());
        lines.pop_back();
        for (const std::string_view line : lines) {
            const std::size_t lost = line.find("initd lost: ");
            if (lost != std::string_view::npos) {
                next += std::stoull(std::string(line.substr(lost + 12)));
                continue;
            }
            REQUIRE(line.starts_with("line " + std::to_string(next)));
            ++next;
        }
        CHECK(next == written);
    }
}
