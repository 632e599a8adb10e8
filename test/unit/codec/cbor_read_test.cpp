// The CBOR reader against RFC 8949: appendix A (examples), appendix F (malformed), our limits.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "cbor_examples.h"
#include "codec/cbor.h"

namespace cbor = codec::cbor;
using cbor_test::Example;
using cbor_test::hex;
using cbor_test::kDefinite;
using cbor_test::kIndefinite;
using cbor_test::show;

namespace {

// RFC 8949 appendix F, separated by blanks.
constexpr std::string_view kMalformed =
    "18 19 1a 1b 1901 1a0102 1b01020304050607 38 58 78 98 9a01ff00 b8 d8 f8 f900 fa0000 "
    "fb000000 41 61 5affffffff00 5bffffffffffffffff010203 7affffffff00 "
    "7b7fffffffffffffff010203 81 818181818181818181 8200 a1 a20102 a100 a2000000 c0 "
    "5f4100 7f6100 9f 9f0102 bf bf01020102 819f 9f8000 9f9f9f9f9fffffffff "
    "9f819f819f9fffffff 1c 1d 1e 3c 3d 3e 5c 5d 5e 7c 7d 7e 9c 9d 9e bc bd be dc dd de fc "
    "fd fe f800 f801 f818 f81f 5f00ff 5f21ff 5f6100ff 5f80ff 5fa0ff 5fc000ff 5fe0ff "
    "7f4100ff 5f5f4100ffff 7f7f6100ffff ff 81ff 8200ff a1ff a1ff00 a100ff a20000ff 9f81ff "
    "9f829f819f9fffffffff bf00ff bf000000ff 1f 3f df";

std::string read(std::string_view text, const cbor::Limits& limits = {}) {
    const auto parsed = cbor::parse(hex(text), limits);
    return parsed.ok() ? show(parsed.value()) : parsed.error().message;
}

}  // namespace

TEST_CASE("the examples of RFC 8949 read as the RFC shows them") {
    for (const Example& example : kDefinite)
        CHECK(read(example.encoded) == example.shown);
    for (const Example& example : kIndefinite)
        CHECK(read(example.encoded) == example.shown);
    CHECK(read("3bffffffffffffffff") == "below int64");
}

TEST_CASE("what the RFC calls malformed is refused with the byte at fault") {
    for (const std::string_view encoded : base::split(kMalformed, ' ')) {
        CAPTURE(encoded);
        const auto parsed = cbor::parse(hex(encoded));
        REQUIRE_FALSE(parsed.ok());
        CHECK(parsed.error().code == base::ExitCode::data);
        CHECK(parsed.error().message.starts_with("bad CBOR at byte "));
    }
    CHECK(read("83010218") == "bad CBOR at byte 3: the input ends in the item");
    CHECK(read("821c00") == "bad CBOR at byte 1: a reserved length encoding");
}

TEST_CASE("every prefix of a well-formed item is refused") {
    for (const Example& example : kDefinite) {
        const auto whole = hex(example.encoded);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            CHECK_FALSE(cbor::parse(std::span(whole).first(size)).ok());
        }
    }
}

TEST_CASE("numbers and simple values outside the subset are refused") {
    for (const std::string_view encoded :
         {"f90000", "fa47c35000", "fb3ff199999999999a", "c1fb41d452d9e2000000"}) {
        CHECK(read(encoded).ends_with("a floating-point number"));
    }
    CHECK(read("f0").ends_with("an unassigned simple value"));
    CHECK(read("f8ff").ends_with("an unassigned simple value"));
}

TEST_CASE("a map key may not come twice, whatever the width it is written in") {
    CHECK(read("a2616101616102") == "bad CBOR at byte 4: a map key for the second time");
    CHECK(read("bf01000200180100ff") == "bad CBOR at byte 5: a map key for the second time");
    CHECK(read("a2416100616100") == "{h'61': 0, \"a\": 0}");
    CHECK(read("a201002000") == "{1: 0, -1: 0}");
    CHECK(read("a26161007f6161ff00").ends_with("for the second time"));
}

TEST_CASE("a map key is an integer or a string") {
    for (const std::string_view encoded : {"a18000", "a1a000", "a1f600", "a1c10000"}) {
        CHECK(read(encoded) == "bad CBOR at byte 1: a map key that is no integer or string");
    }
}

TEST_CASE("bytes after the item are refused") {
    CHECK(read("0000") == "bad CBOR at byte 1: bytes after the item");
    CHECK(read("9fffff") == "bad CBOR at byte 2: bytes after the item");
}

TEST_CASE("text must be UTF-8, in each chunk for itself") {
    CHECK(read("61ff") == "bad CBOR at byte 0: text that is not UTF-8");
    CHECK(read("62c0af").ends_with("text that is not UTF-8"));
    CHECK(read("63eda080").ends_with("text that is not UTF-8"));
    CHECK(read("7f61c361bcff").ends_with("text that is not UTF-8"));
    CHECK(read("6180").ends_with("text that is not UTF-8"));
}

TEST_CASE("depth and item limits hold for every way to nest") {
    const cbor::Limits limits{.maximum_depth = 3, .maximum_items = 6};
    CHECK(read("818100", limits) == "[[0]]");
    for (const std::string_view encoded :
         {"81818100", "9f9f9f00ffffff", "c1c1c100", "a100a100a10000"}) {
        CHECK(read(encoded, limits).find("nested deeper than 3 levels") != std::string::npos);
    }
    CHECK(read("850000000000", limits) == "[0, 0, 0, 0, 0]");
    CHECK(read("86000000000000", limits).ends_with("more than 6 items"));
    CHECK(read("5f404040404040ff", limits).ends_with("more than 6 items"));
    // Deep enough to overrun the stack if the cap did not hold.
    CHECK_FALSE(cbor::parse(std::vector<std::byte>(1 << 20, std::byte{0x81})).ok());
    CHECK_FALSE(cbor::parse(std::vector<std::byte>(1 << 20, std::byte{0xC1})).ok());
}

TEST_CASE("announced lengths that the input cannot hold are refused at once") {
    CHECK(read("9b7fffffffffffffff") ==
          "bad CBOR at byte 0: more members announced than there are bytes");
    CHECK(read("bbffffffffffffffff").ends_with("more members announced than there are bytes"));
    CHECK(read("a2000000").ends_with("more members announced than there are bytes"));
    CHECK(read("5bfffffffffffffffe00").ends_with("the input ends in the item"));
}

TEST_CASE("indefinite lengths can be refused") {
    const cbor::Limits limits{.allow_indefinite = false};
    for (const Example& example : kIndefinite) {
        CHECK(read(example.encoded, limits).ends_with("an indefinite length"));
    }
    for (const Example& example : kDefinite)
        CHECK(read(example.encoded, limits) == example.shown);
}

TEST_CASE("a large map of different keys is read in reasonable time") {
    std::vector<std::byte> out;
    cbor::Writer writer(out);
    writer.map(30'000);
    for (std::uint64_t key = 30'000; key > 0; --key)
        writer.unsigned_integer(key).null();
    const auto parsed = cbor::parse(out);
    REQUIRE(parsed.ok());
    CHECK(parsed.value().as_map()->size() == 30'000);
}

TEST_CASE("the vector files are of the class that their folder says") {
    std::size_t seen = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(VECTORS "/cbor")) {
        if (!file.is_regular_file()) continue;
        CAPTURE(file.path().string());
        const auto content = base::read_file(file.path().string(), 1 << 20);
        REQUIRE(content.ok());
        const bool expected = file.path().parent_path().filename() == "ok";
        CHECK(cbor::parse(base::as_bytes(content.value())).ok() == expected);
        ++seen;
    }
    CHECK(seen >= 30);
}

TEST_CASE("heads longer than need be are refused where the caller says so") {
    const cbor::Limits shortest{.allow_longer = false};
    for (const Example& example : kDefinite)
        CHECK(read(example.encoded, shortest) == example.shown);
    for (const std::string_view encoded :
         {"1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3817", "5800", "580161", "780161",
          "980100", "b8010000", "d81700", "da0000001200"}) {
        CAPTURE(encoded);
        CHECK(read(encoded).find("more bytes") == std::string::npos);
        CHECK(read(encoded, shortest) ==
              "bad CBOR at byte 0: a length or an integer in more bytes than it needs");
    }
    CHECK(read("8218181817", shortest) ==
          "bad CBOR at byte 3: a length or an integer in more bytes than it needs");
    CHECK(read("1818", shortest) == "24");
    CHECK(read("190100", shortest) == "256");
}
