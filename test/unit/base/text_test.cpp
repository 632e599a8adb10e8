// Numbers, durations, sizes, hex, quoting, names.
#include "base/text.h"

#include <catch2/catch_test_macros.hpp>
#include <limits>

using namespace std::chrono_literals;

TEST_CASE("a number is decimal or hexadecimal, whole, and within its range") {
    CHECK(base::parse_number("0", 0, 9).value() == 0);
    CHECK(base::parse_number("18446744073709551615", 0, ~0ULL).value() == ~0ULL);
    CHECK(base::parse_number("0xFf", 0, 255).value() == 255);
    for (const std::string_view text :
         {"", "0x", "-1", "+1", " 1", "1 ", "1e3", "1.0", "0b1", "x"}) {
        const auto number = base::parse_number(text, 0, 100);
        REQUIRE_FALSE(number.ok());
        CHECK(number.error().code == base::ExitCode::usage);
        CHECK(number.error().message == base::quote(text) + " is not a number");
    }
    CHECK(base::parse_number("10", 11, 20).error().message == "'10' is out of range (11 to 20)");
    CHECK(base::parse_number("21", 11, 20).error().message == "'21' is out of range (11 to 20)");
    CHECK_FALSE(base::parse_number("18446744073709551616", 0, ~0ULL).ok());
}

TEST_CASE("a duration has a unit, or counts seconds") {
    CHECK(base::parse_duration("100ms").value() == 100ms);
    CHECK(base::parse_duration("10s").value() == 10s);
    CHECK(base::parse_duration("10").value() == 10s);
    CHECK(base::parse_duration("5min").value() == 5min);
    CHECK(base::parse_duration("5m").value() == 5min);
    CHECK(base::parse_duration("2h").value() == 2h);
    CHECK(base::parse_duration("1d").value() == 24h);
    CHECK(base::parse_duration("3650d").value() == 24h * 3650);
    for (const std::string_view text :
         {"", "s", "1.5s", "-1s", "3651d", "1 s", "1sec", "99999999999999999999ms", "0x10s"}) {
        CHECK_FALSE(base::parse_duration(text).ok());
    }
}

TEST_CASE("a size has a unit of 1024, and does not overflow") {
    CHECK(base::parse_size("4096").value() == 4096);
    CHECK(base::parse_size("64K").value() == 65'536);
    CHECK(base::parse_size("64KiB").value() == 65'536);
    CHECK(base::parse_size("10M").value() == 10 << 20);
    CHECK(base::parse_size("2G").value() == 2ULL << 30);
    CHECK(base::parse_size("16777215T").value() == 16'777'215ULL << 40);
    for (const std::string_view text :
         {"", "K", "iB", "5iB", "1k", "1.5M", "-1", "16777216T", "1KB"}) {
        CHECK_FALSE(base::parse_size(text).ok());
    }
}

TEST_CASE("sizes and durations are shown in the unit that fits") {
    CHECK(base::format_size(0) == "0 B");
    CHECK(base::format_size(1023) == "1023 B");
    CHECK(base::format_size(1536) == "1.5 KiB");
    CHECK(base::format_size(std::numeric_limits<std::uint64_t>::max()) == "16.0 EiB");
    CHECK(base::format_duration(340ms) == "340ms");
    CHECK(base::format_duration(1250ms) == "1.25s");
    CHECK(base::format_duration(125s) == "2min 5s");
    CHECK(base::format_duration(125min) == "2h 5min");
}

TEST_CASE("hexadecimal goes both ways and refuses the rest") {
    CHECK(base::to_hex(base::as_bytes(std::string_view("\0\x7f\xff", 3))) == "007fff");
    CHECK(base::as_text(base::from_hex("4a4B").value()) == "JK");
    CHECK(base::from_hex("").value().empty());
    CHECK(base::from_hex("abc").error().code == base::ExitCode::data);
    CHECK_FALSE(base::from_hex("0g").ok());
    CHECK_FALSE(base::from_hex("0x00").ok());
}

TEST_CASE("a quoted text cannot steer a terminal, end its quotes or forge a line") {
    CHECK(base::quote("plain") == "'plain'");
    CHECK(base::quote("a'b\\c") == "'a\\'b\\\\c'");
    CHECK(base::quote("a\nb\x1b[2J\x7f") == "'a\\x0ab\\x1b[2J\\x7f'");
    CHECK(base::quote("\u00fc\u6c34") == "'\u00fc\u6c34'");
    CHECK(base::quote("\xff\xc3") == "'\\xff\\xc3'");
    CHECK(base::quote("\xc2\x9b") == "'\\xc2\\x9b'");  // CSI as a C1 control character
    CHECK(base::quote("\xed\xa0\x80") == "'\\xed\\xa0\\x80'");
}

TEST_CASE("an escaped text is cut, and says so") {
    CHECK(base::escape(std::string(256, 'x')) == std::string(256, 'x'));
    CHECK(base::escape(std::string(300, 'x')) == std::string(256, 'x') + "...");
    CHECK(base::escape("abcdef", 3) == "abc...");
}

TEST_CASE("UTF-8 is told from what only looks like it") {
    CHECK(base::is_utf8(""));
    CHECK(base::is_utf8(std::string_view("a\0b", 3)));
    CHECK(base::is_utf8("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf"));
    CHECK(base::is_utf8("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
    for (const std::string_view text :
         {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80",
          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "a\xff"}) {
        CHECK_FALSE(base::is_utf8(text));
    }
}

TEST_CASE("the nearest name is suggested only when it is near") {
    static constexpr std::string_view kNames[] = {"build", "measure", "show", "", "sign"};
    CHECK(base::nearest_name("buidl", kNames) == "build");
    CHECK(base::nearest_name("mesure", kNames) == "measure");
    CHECK(base::nearest_name("sho", kNames) == "show");
    CHECK(base::nearest_name("frobnicate", kNames).empty());
    CHECK(base::nearest_name("", kNames).empty());
    CHECK(base::nearest_name(std::string(10'000, 'b'), kNames).empty());
}

TEST_CASE("split keeps empty parts, trim takes blanks from both ends") {
    CHECK(base::split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
    CHECK(base::split("", ',') == std::vector<std::string_view>{""});
    CHECK(base::split(",", ',') == std::vector<std::string_view>{"", ""});
    CHECK(base::trim(" \t a b\r\n") == "a b");
    CHECK(base::trim(" \n").empty());
}
