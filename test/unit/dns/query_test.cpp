// What is read of a query, what is answered when it is none, and queries of our own.
#include "base/text.h"
#include "support.h"

using dns::Rcode;
using namespace std::string_view_literals;

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto bytes = base::as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

// A query for A of a.b with an OPT record behind it.
constexpr auto kWithEdns =
    "\x12\x34\x01\x10\0\1\0\0\0\0\0\1\1A\1b\0\0\1\0\1\0\0\x29\x04\xd0\0\0\x80\0\0\0"sv;

}  // namespace

TEST_CASE("a query is its question, its flags and its EDNS") {
    const auto decoded = dns::decode_query(bytes_of(kWithEdns));
    REQUIRE(decoded.fault == Rcode::no_error);
    CHECK(decoded.query.header.id == 0x1234);
    CHECK(decoded.query.header.recursion_desired);
    CHECK(decoded.query.header.checking_disabled);
    CHECK(decoded.query.question == dns::Question{"a.b", dns::kTypeA, dns::kClassInternet});
    CHECK(decoded.query.question_bytes == bytes_of("\1A\1b\0\0\1\0\1"sv));
    CHECK(decoded.query.edns == dns::Edns{1232, 0, 0, true});
}

TEST_CASE("a client that says it takes fewer than 512 bytes takes 512") {
    auto message = bytes_of(kWithEdns);
    message[kWithEdns.size() - 8] = std::byte{0};
    CHECK(dns::decode_query(message).query.edns->udp_bytes == 512);
}

TEST_CASE("nothing is answered to answers and to what is shorter than a header") {
    auto message = bytes_of(kWithEdns);
    message[2] |= std::byte{0x80};
    CHECK_FALSE(dns::decode_query(message).header.has_value());
    CHECK_FALSE(dns::decode_query(bytes_of("hello world")).header.has_value());
    CHECK_FALSE(dns::decode_query({}).header.has_value());
}

TEST_CASE("a query cut off anywhere is a format error, with its id in the answer") {
    const auto whole = bytes_of(kWithEdns);
    for (std::size_t size = 12; size < whole.size(); ++size) {
        const auto decoded = dns::decode_query(std::span(whole).first(size));
        REQUIRE(decoded.header.has_value());
        CHECK(decoded.fault == Rcode::format_error);
        const auto fault = dns::encode_fault(*decoded.header, decoded.fault);
        CHECK(fault == bytes_of("\x12\x34\x81\x91\0\0\0\0\0\0\0\0"sv));
    }
}

TEST_CASE("operations other than queries are not implemented") {
    auto message = bytes_of(kWithEdns);
    message[2] = std::byte{0x28};
    CHECK(dns::decode_query(message).fault == Rcode::not_implemented);
}

TEST_CASE("another version of EDNS is told that we know 0") {
    auto message = bytes_of(kWithEdns);
    message[kWithEdns.size() - 5] = std::byte{1};
    const auto decoded = dns::decode_query(message);
    REQUIRE(decoded.fault == Rcode::bad_version);
    const auto reply =
        dns_test::decoded(dns::encode_reply(decoded.query, {decoded.fault, {}, {}}, 512));
    CHECK(reply.rcode == Rcode::bad_version);
    CHECK(reply.edns->version == 0);
}

TEST_CASE("a query of ours is read as it was meant") {
    const dns::Edns edns{4096, 0, 0, true};
    const auto bytes = dns::encode_query(7, {"a\\046b.example", 16}, true, edns);
    const auto decoded = dns::decode_query(bytes);
    REQUIRE(decoded.fault == Rcode::no_error);
    CHECK(decoded.query.header.id == 7);
    CHECK(decoded.query.header.checking_disabled);
    CHECK(decoded.query.question == dns::Question{"a\\046b.example", 16, 1});
    CHECK(decoded.query.edns == edns);
    CHECK(dns::encode_query(7, {"no name", 1}, false, {}).empty());
}
