// Streams to lines, however the bytes arrive.
#include "lines.h"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

using namespace initd;

namespace {

struct Cut {
    LineCutter cutter;
    std::vector<std::string> lines;  // a part that is not the end of its line has a '+'

    void take(std::string_view text, bool ended) {
        lines.push_back(std::string(text) + (ended ? "" : "+"));
    }
    void feed(std::string_view bytes) {
        cutter.feed(bytes, [this](std::string_view text, bool ended) { take(text, ended); });
    }
    void finish() {
        cutter.finish([this](std::string_view text, bool ended) { take(text, ended); });
    }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("lines come out however they were split") {
    const std::string text = "alpha\n\nbeta gamma\ndelta";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        Cut cut;
        for (std::size_t at = 0; at < text.size(); at += step) {
            cut.feed(std::string_view(text).substr(at, step));
        }
        cut.finish();
        CHECK(cut.lines == Lines{"alpha", "", "beta gamma", "delta"});
    }
}

TEST_CASE("an unfinished line is not told before the end") {
    Cut cut;
    cut.feed("abc");
    CHECK(cut.lines.empty());
    cut.feed("def\n");
    CHECK(cut.lines == Lines{"abcdef"});
    cut.finish();
    CHECK(cut.lines.size() == 1);
}

TEST_CASE("a line of exactly the longest length is whole, one byte more is two parts") {
    for (const std::size_t step : {std::size_t{1}, std::size_t{1000}, kLongestLine * 3}) {
        for (const std::size_t extra : {std::size_t{0}, std::size_t{1}}) {
            Cut cut;
            const std::string text = std::string(kLongestLine + extra, 'x') + "\n";
            for (std::size_t at = 0; at < text.size(); at += step) {
                cut.feed(std::string_view(text).substr(at, step));
            }
            REQUIRE(cut.lines.size() == 1 + extra);
            CHECK(cut.lines[0] == std::string(kLongestLine, 'x') + (extra == 0 ? "" : "+"));
            if (extra == 1) CHECK(cut.lines[1] == "x");
        }
    }
}

TEST_CASE("timestamps are UTC with milliseconds") {
    char text[32];
    CHECK(format_time(0, 0, text) == 24);
    CHECK(std::string(text) == "1970-01-01T00:00:00.000Z");
    format_time(1'700'000'000, 987'654'321, text);
    CHECK(std::string(text) == "2023-11-14T22:13:20.987Z");
}

TEST_CASE("newlines are counted wherever they stand") {
    CHECK(count_newlines("") == 0);
    CHECK(count_newlines("\n") == 1);
    // Neighbours of the newline's value, and bytes with the high bit, are none.
    std::string text;
    for (int byte = 0; byte < 256; ++byte)
        text += static_cast<char>(byte);
    CHECK(count_newlines(text) == 1);
    for (std::size_t at = 0; at < 40; ++at) {
        std::string blank(40, '\x8a');
        blank[at] = '\n';
        CHECK(count_newlines(blank) == 1);
    }
    // More than one byte of a counting lane can hold.
    for (const std::size_t size : {2040U, 2048U, 2049U, 100'000U})
        CHECK(count_newlines(std::string(size, '\n')) == size);
}
