// Names: one text each, compression that ends, nothing out of bounds.
#include "dns/name.h"

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"

namespace {

constexpr std::size_t kHeaderBytes = 12;

std::vector<std::byte> after_header(std::string_view bytes) {
    std::vector<std::byte> message(kHeaderBytes);
    const auto more = base::as_bytes(bytes);
    message.insert(message.end(), more.begin(), more.end());
    return message;
}

std::optional<dns::ReadName> read(std::string_view bytes, std::size_t offset = kHeaderBytes) {
    return dns::read_name(after_header(bytes), offset);
}

using namespace std::string_view_literals;

}  // namespace

TEST_CASE("a name is read in lower case and without the final dot") {
    const auto name = read("\3WWW\7Example\3com\0!"sv);
    REQUIRE(name.has_value());
    CHECK(name->text == "www.example.com");
    CHECK(name->end == kHeaderBytes + 17);
    CHECK(read("\0"sv)->text.empty());
}

TEST_CASE("bytes that no host name has are written as numbers") {
    CHECK(read("\5a.b\\\xff\2_1\0"sv)->text == "a\\046b\\092\\255._1");
    CHECK(read("\1 \0"sv)->text == "\\032");
}

TEST_CASE("a pointer leads backwards, and the name ends behind the first one") {
    const auto name = read("\3com\0\7example\xc0\x0c\3www\xc0\x11!"sv, kHeaderBytes + 15);
    REQUIRE(name.has_value());
    CHECK(name->text == "www.example.com");
    CHECK(name->end == kHeaderBytes + 21);
}

TEST_CASE("a pointer to itself, forwards, into the header or beyond the end is no name") {
    CHECK_FALSE(read("\xc0\x0c"sv).has_value());
    CHECK_FALSE(read("\1a\xc0\x0c"sv).has_value());
    CHECK_FALSE(read("\1a\xc0\x0e"sv).has_value());
    CHECK_FALSE(read("\xc0\x10\0\0\1a\0"sv).has_value());
    CHECK_FALSE(read("\1a\xc0\x04"sv).has_value());
    CHECK_FALSE(read("\1a\xff\xff"sv).has_value());
}

TEST_CASE("a name that is cut off is none") {
    CHECK_FALSE(read(""sv).has_value());
    CHECK_FALSE(read("\3ww"sv).has_value());
    CHECK_FALSE(read("\3www"sv).has_value());
    CHECK_FALSE(read("\3www\xc0"sv).has_value());
    CHECK_FALSE(read("\1a\0"sv, 400).has_value());
}

TEST_CASE("a name has 255 bytes at most, pointers or not") {
    std::string text;
    for (int label = 0; label < 3; ++label)
        text += std::string(63, 'a') + ".";
    std::vector<std::byte> message(kHeaderBytes);
    CHECK(dns::write_name(text + std::string(61, 'b'), message));
    CHECK(message.size() == kHeaderBytes + 255);
    CHECK(dns::read_name(message, kHeaderBytes)->text.size() == 253);
    CHECK_FALSE(dns::write_name(text + std::string(62, 'b'), message));

    const std::size_t offset = message.size();
    message.insert(message.end(), {std::byte{1}, std::byte{'x'}, std::byte{0xc0}, std::byte{12}});
    CHECK_FALSE(dns::read_name(message, offset).has_value());
}

TEST_CASE("what is written is read back, and other texts are not written") {
    for (const std::string_view text : {""sv, "a"sv, "a\\046b.c"sv, "xn--bcher-kva.example"sv,
                                        "\\000\\255"sv, "_dmarc.example.com"sv}) {
        std::vector<std::byte> message(kHeaderBytes);
        REQUIRE(dns::write_name(text, message));
        CHECK(dns::read_name(message, kHeaderBytes)->text == text);
    }
    for (const std::string_view text : {"."sv, "a."sv, ".a"sv, "a..b"sv, "A"sv, "a b"sv, "\\097"sv,
                                        "\\065"sv, "\\256"sv, "\\04"sv, "\\"sv, "b\xc3\xbc"sv}) {
        std::vector<std::byte> message(kHeaderBytes);
        INFO(text);
        CHECK_FALSE(dns::write_name(text, message));
        CHECK(message.size() == kHeaderBytes);
    }
    std::vector<std::byte> message;
    CHECK_FALSE(dns::write_name(std::string(64, 'a'), message));
}
