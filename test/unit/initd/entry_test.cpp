// Lines of the log in both formats.
#include "entry.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace initd;

namespace {

constexpr struct timespec kNow = {1'000'000'000, 5'000'000};

std::string escaped(std::string_view text, std::size_t room = 256) {
    std::string to(room, '\0');
    const Escaped done = escape_json(text, to);
    return to.substr(0, done.written);
}

}  // namespace

TEST_CASE("a loss line tells when, how many lines and how many bytes") {
    std::array<char, 128> memory;
    const auto loss = [&](LineFormat format) {
        return std::string(memory.data(), put_loss(format, kNow, {123, 4}, memory));
    };
    CHECK(loss(LineFormat::text) == "2001-09-09T01:46:40.005Z initd lost: 4 lines, 123 bytes\n");
    CHECK(loss(LineFormat::json) ==
          "{\"time\":\"2001-09-09T01:46:40.005Z\",\"level\":\"lost\",\"lost_lines\":4,"
          "\"lost_bytes\":123}\n");
}

TEST_CASE("a note is a line whatever it says, and cut to its room") {
    std::array<char, 64> memory;
    const auto note = [&](LineFormat format, std::string_view text) {
        return std::string(memory.data(), put_note(format, "T", "info", text, memory));
    };
    CHECK(note(LineFormat::text, "web \"is\" up") == "T initd info: web \"is\" up\n");
    CHECK(note(LineFormat::json, "web \"is\" up") ==
          "{\"time\":\"T\",\"level\":\"info\",\"text\":\"web \\\"is\\\" up\"}\n");
    const std::string long_text(200, 'x');
    CHECK(note(LineFormat::text, long_text).size() == memory.size());
    CHECK(note(LineFormat::text, long_text).ends_with("x\n"));
    CHECK(note(LineFormat::json, long_text).size() == memory.size());
    CHECK(note(LineFormat::json, long_text).ends_with("x\"}\n"));
}

TEST_CASE("the head of the longest name fits") {
    std::array<char, kLongestHead> memory;
    const std::string name(64, 'n');
    constexpr std::string_view kLongestEnd = "\",\"more\":true}";
    CHECK(put_head(LineFormat::json, kNow, name, true, memory) + kLongestEnd.size() <=
          kLongestHead);
    CHECK(std::string(memory.data(), put_head(LineFormat::text, kNow, "web", true, memory)) ==
          "2001-09-09T01:46:40.005Z web err: ");
}

TEST_CASE("JSON text is UTF-8 without controls") {
    CHECK(escaped("plain") == "plain");
    CHECK(escaped("\"\\\t\r\x01\x7f") == "\\\"\\\\\\t\\r\\u0001\\u007f");
    CHECK(escaped("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80") ==
          "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    CHECK(escaped(std::string("a\0b", 3)) == "a\\u0000b");
    // Alone, overlong, surrogate, beyond the last, cut off.
    CHECK(escaped("\x80") == "\\ufffd");
    CHECK(escaped("\xc0\xaf") == "\\ufffd\\ufffd");
    CHECK(escaped("\xe0\x80\xaf") == "\\ufffd\\ufffd\\ufffd");
    CHECK(escaped("\xed\xa0\x80") == "\\ufffd\\ufffd\\ufffd");
    CHECK(escaped("\xf4\x90\x80\x80") == "\\ufffd\\ufffd\\ufffd\\ufffd");
    CHECK(escaped("x\xe2\x82") == "x\\ufffd\\ufffd");
}

TEST_CASE("escaping takes only what fits, and never half a character") {
    const std::string_view text = "a\"\xe2\x82\xac\x02z";
    for (std::size_t room = 0; room < 20; ++room) {
        std::string to(room, '\0');
        std::string all;
        std::string_view rest = text;
        const Escaped done = escape_json(rest, to);
        CHECK(done.written <= room);
        all = to.substr(0, done.written) + escaped(rest.substr(done.taken));
        CHECK(all == escaped(text));
    }
}
