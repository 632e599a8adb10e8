// The log ring: nothing is lost without being counted.
#include "ring.h"

#include "lines.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>

using namespace initd;

namespace {

Ring ring_of(std::size_t capacity) {
    auto ring = Ring::create(capacity);
    REQUIRE(ring.ok());
    return std::move(ring).value();
}

std::string read_all(const Ring& ring, Ring::Cursor& cursor) {
    std::string text;
    for (std::string_view part = ring.peek(cursor); !part.empty(); part = ring.peek(cursor)) {
        text += part;
        ring.advance(cursor, part.size());
    }
    return text;
}

}  // namespace

TEST_CASE("a reader sees what was written, across the wrap") {
    Ring ring = ring_of(16);
    Ring::Cursor cursor = ring.oldest();
    for (int round = 0; round < 20; ++round) {
        const std::string line = "line " + std::to_string(round) + "\n";
        ring.append(line);
        CHECK(ring.catch_up(cursor).bytes == 0);
        CHECK(read_all(ring, cursor) == line);
    }
    CHECK(cursor.lines == 20);
}

TEST_CASE("a new reader starts at a whole line") {
    Ring ring = ring_of(16);
    ring.append("first line\n");
    ring.append("second\n");
    Ring::Cursor cursor = ring.oldest();
    CHECK(read_all(ring, cursor) == "second\n");
}

TEST_CASE("what a slow reader lost is counted exactly") {
    Ring ring = ring_of(32);
    Ring::Cursor cursor = ring.oldest();
    ring.append("0\n");
    CHECK(read_all(ring, cursor) == "0\n");
    std::string all;
    for (int number = 1; number <= 100; ++number) {
        const std::string line = std::to_string(number) + "\n";
        all += line;
        ring.append(line);
    }
    const Ring::Loss loss = ring.catch_up(cursor);
    const std::string rest = read_all(ring, cursor);
    CHECK(loss.bytes + rest.size() == all.size());
    CHECK(all.ends_with(rest));
    const auto lines = static_cast<std::uint64_t>(std::count(rest.begin(), rest.end(), '\n'));
    CHECK(loss.lines + lines == 100);
    CHECK(std::isdigit(static_cast<unsigned char>(rest[0])));
    CHECK(all[all.size() - rest.size() - 1] == '\n');
    CHECK(ring.catch_up(cursor).bytes == 0);
}

TEST_CASE("a text longer than the ring keeps its end") {
    Ring ring = ring_of(8);
    ring.append("a\n");
    ring.append("0123456789\nabc\n");
    Ring::Cursor cursor = ring.oldest();
    CHECK(read_all(ring, cursor) == "abc\n");
    Ring::Cursor from_the_start;
    const Ring::Loss loss = ring.catch_up(from_the_start);
    CHECK(loss.lines == 2);
    CHECK(loss.bytes == 13);
}

TEST_CASE("random writes and reads never disagree with a plain string") {
    Ring ring = ring_of(64);
    Ring::Cursor cursor;
    std::string all, seen;
    unsigned state = 1;
    const auto random = [&](unsigned below) {
        state = state * 1103515245 + 12345;
        return (state >> 16) % below;
    };
    std::uint64_t lost = 0;
    for (int step = 0; step < 5000; ++step) {
        const std::string line =
            std::string(random(40), static_cast<char>('a' + random(26))) + "\n";
        all += line;
        ring.append(line);
        if (random(3) == 0) {
            lost += ring.catch_up(cursor).bytes;
            seen += read_all(ring, cursor);
            CHECK(cursor.lines ==
                  static_cast<std::uint64_t>(std::count(all.begin(), all.end(), '\n')));
        }
    }
    lost += ring.catch_up(cursor).bytes;
    seen += read_all(ring, cursor);
    CHECK(lost + seen.size() == all.size());
}

TEST_CASE("the last lines are found") {
    Ring ring = ring_of(64);
    ring.append("one\ntwo\nthree\n");
    Ring::Cursor cursor = ring.last_lines(2);
    CHECK(read_all(ring, cursor) == "two\nthree\n");
    cursor = ring.last_lines(9);
    CHECK(read_all(ring, cursor) == "one\ntwo\nthree\n");
    cursor = ring.last_lines(0);
    CHECK(read_all(ring, cursor).empty());
}

TEST_CASE("a ring without memory drops and is always empty") {
    Ring ring;
    ring.append("x\n");
    CHECK(ring.peek(ring.oldest()).empty());
}

TEST_CASE("the last lines are found from the end, however they lie in memory") {
    for (std::size_t capacity : {64U, 77U, 100U, 4096U}) {
        Ring ring = ring_of(capacity);
        for (int number = 0; number < 60; ++number) {
            ring.append("line " + std::to_string(number) + "\n");
            for (std::size_t count = 0; count < 12; ++count) {
                Ring::Cursor cursor = ring.last_lines(count);
                const Ring::Cursor start = cursor;
                const std::string text = read_all(ring, cursor);
                const auto kept = ring.newest().lines - ring.oldest().lines;
                CHECK(count_newlines(text) == std::min<std::uint64_t>(count, kept));
                CHECK(start.lines + count_newlines(text) == ring.newest().lines);
                const std::string first = "line " + std::to_string(start.lines) + "\n";
                if (!text.empty()) CHECK(text.starts_with(first));
            }
        }
    }
}

TEST_CASE("lines come whole, in two pieces at most, and not more than asked for") {
    for (const std::size_t capacity : {40U, 64U, 97U}) {
        Ring ring = ring_of(capacity);
        Ring::Cursor cursor = ring.oldest();
        std::string seen, expected;
        for (int number = 0; number < 200; ++number) {
            const std::string line = "line " + std::to_string(number) + "\n";
            expected += line;
            ring.append(line);
            if (number % 3 != 2) continue;
            for (auto lines = ring.lines(cursor, 20); !lines[0].empty();
                 lines = ring.lines(cursor, 20)) {
                const std::string text = std::string(lines[0]) + std::string(lines[1]);
                CHECK(text.ends_with('\n'));
                CHECK(text.size() <= 20);
                seen += text;
                ring.advance(cursor, lines[0].size());
                ring.advance(cursor, lines[1].size());
            }
        }
        CHECK(seen + std::string(expected.substr(seen.size())) == expected);
        CHECK(expected.size() - seen.size() < 30);
    }
}
