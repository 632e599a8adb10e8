// Answers: what is read of theirs, what ours look like to a reader, truncation.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "support.h"

using dns::Rcode;
using dns::Record;
using dns_test::decoded;
using dns_test::query;
using vsockio::IpAddress;

namespace {

const IpAddress kFirst = IpAddress::v4(198, 35, 26, 96);
const IpAddress kSecond = IpAddress::v4(198, 35, 26, 97);
const IpAddress kSix = IpAddress::v6({0x2606, 0x4700, 0, 0, 0, 0, 0, 0xabcd});

std::vector<std::byte> vector_named(const std::string& name) {
    const auto text = base::read_file(VECTORS "/dns/" + name, 1 << 20);
    REQUIRE(text.ok());
    const auto bytes = base::as_bytes(text.value());
    return {bytes.begin(), bytes.end()};
}

std::vector<Record> many(std::size_t count) {
    std::vector<Record> records;
    for (std::size_t index = 0; index < count; ++index) {
        records.push_back(
            {"example.com", 60, IpAddress::v4(9, 9, 9, static_cast<std::uint8_t>(index))});
    }
    return records;
}

}  // namespace

TEST_CASE("an answer is followed from its question to the addresses") {
    const auto answer = decoded(vector_named("answer-cname-chain.ok"));
    const dns::Chain chain = dns::follow(answer);
    REQUIRE(chain.aliases.size() == 2);
    CHECK(chain.aliases[0] == Record{"www.example.com", 300, std::string("edge.example.net")});
    CHECK(chain.aliases[1] == Record{"edge.example.net", 300, std::string("x.example.net")});
    CHECK(chain.addresses == std::vector{Record{"x.example.net", 60, kFirst}});
}

TEST_CASE("addresses of other names are no part of an answer") {
    const auto chain = dns::follow(decoded(vector_named("answer-other-owner.ok")));
    CHECK(chain.addresses == std::vector{Record{"example.com", 300, kFirst}});
}

TEST_CASE("aliases that lead back end") {
    const auto chain = dns::follow(decoded(vector_named("answer-cname-loop.ok")));
    CHECK(chain.aliases.size() == 2);
    CHECK(chain.addresses.empty());
}

TEST_CASE("a lifetime that would be negative is none, and of many records 256 are kept") {
    CHECK(decoded(vector_named("answer-ttl-negative.ok")).records[0].ttl == 0);
    CHECK(decoded(vector_named("answer-many.ok")).records.size() == 256);
}

TEST_CASE("the code of an answer has the bits that EDNS adds") {
    CHECK(decoded(vector_named("answer-bad-version.ok")).rcode == Rcode::bad_version);
    CHECK(decoded(vector_named("answer-no-such-name.ok")).rcode == Rcode::no_such_name);
}

TEST_CASE("an answer of ours is read as it was meant") {
    const std::vector<Record> records = {{"www.example.com", 5, std::string("edge.example.net")},
                                         {"edge.example.net", 7, kFirst},
                                         {"edge.example.net", 7, kSecond}};
    const auto message =
        dns::encode_reply(query("www.example.com"), {Rcode::no_error, records, {}}, 512);
    const auto answer = decoded(message);
    CHECK(answer.header.id == dns_test::kId);
    CHECK(answer.header.recursion_available);
    CHECK(answer.header.recursion_desired);
    CHECK(answer.records == records);
    CHECK_FALSE(answer.edns.has_value());
    // Each name stands there once; the others are pointers.
    CHECK(message.size() == 12 + 21 + (2 + 10 + 18) + 2 * (2 + 10 + 4));
    const auto six = decoded(dns::encode_reply(query("a.b", dns::kTypeAaaa),
                                               {Rcode::no_error, {{"a.b", 1, kSix}}, {}}, 512));
    CHECK(six.records == std::vector{Record{"a.b", 1, kSix}});
}

TEST_CASE("a record with a name that is none is left out") {
    const std::vector<Record> records = {
        {"no name", 5, kFirst}, {"a.b", 5, std::string("..")}, {"a.b", 6, kSecond}};
    const auto answer =
        decoded(dns::encode_reply(query("a.b"), {Rcode::no_error, records, {}}, 512));
    CHECK(answer.records == std::vector{Record{"a.b", 6, kSecond}});
}

TEST_CASE("the question comes back in the client's spelling") {
    const auto bytes = vector_named("query-aaaa-edns.ok");
    const auto asked = dns::decode_query(bytes).query;
    const auto message = dns::encode_reply(asked, {Rcode::no_error, {}, {}}, 512);
    CHECK(base::as_text(message).find("Example\3COM") != std::string_view::npos);
}

TEST_CASE("an extended error is said to a client with EDNS and to no other") {
    const dns::Reply reply{
        Rcode::no_error, {}, dns::ExtendedError{dns::kExtendedProhibited, "line 4"}};
    const auto with = dns::encode_reply(query("a.b", 1, dns::Edns{}), reply, 512);
    CHECK(decoded(with).edns.has_value());
    CHECK(base::as_text(with).ends_with(std::string_view("\0\x0f\0\x08\0\x12line 4", 12)));
    CHECK_FALSE(decoded(dns::encode_reply(query("a.b"), reply, 512)).edns.has_value());
}

TEST_CASE("an answer that is too long for the client has no records and says so") {
    const auto asked = query("example.com", dns::kTypeA, dns::Edns{512, 0, 0, false});
    const auto fits = decoded(dns::encode_reply(asked, {Rcode::no_error, many(29), {}}, 512));
    CHECK(fits.records.size() == 29);
    CHECK_FALSE(fits.header.truncated);
    const auto message = dns::encode_reply(asked, {Rcode::no_error, many(30), {}}, 512);
    const auto answer = decoded(message);
    CHECK(message.size() <= 512);
    CHECK(answer.header.truncated);
    CHECK(answer.records.empty());
    CHECK(answer.edns.has_value());
}

TEST_CASE("of an answer that is just too long the error's text goes first") {
    const auto asked = query("example.com", dns::kTypeA, dns::Edns{});
    const dns::ExtendedError error{dns::kExtendedProhibited, std::string(300, 'x')};
    const auto whole = dns::encode_reply(asked, {Rcode::no_error, many(1), error}, 512);
    CHECK(whole.size() == 29 + 16 + 11 + 6 + 128);
    const auto answer = decoded(dns::encode_reply(asked, {Rcode::no_error, many(28), error}, 512));
    CHECK_FALSE(answer.header.truncated);
    CHECK(answer.records.size() == 28);
}

TEST_CASE("an answer from elsewhere gets the client's id and spelling") {
    auto asked = dns::decode_query(vector_named("query-aaaa-edns.ok")).query;
    const auto theirs =
        dns::encode_reply(query("www.example.com", dns::kTypeAaaa),
                          {Rcode::no_error, {{"www.example.com", 9, kSix}}, {}}, 512);
    asked.header.id = 0x5678;
    const auto message = dns::readdress(theirs, asked, 512);
    CHECK(message.size() == theirs.size());
    CHECK(decoded(message).header.id == 0x5678);
    CHECK(decoded(message).records.size() == 1);
    CHECK(base::as_text(message).find("Example\3COM") != std::string_view::npos);

    const auto cut = decoded(dns::readdress(theirs, asked, theirs.size() - 1));
    CHECK(cut.header.truncated);
    CHECK(cut.records.empty());
}

TEST_CASE("an answer cut off anywhere is none") {
    for (const char* name : {"answer-cname-chain.ok", "answer-aaaa.ok", "answer-no-such-name.ok"}) {
        const auto whole = vector_named(name);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            CHECK_FALSE(dns::decode_answer(std::span(whole).first(size)).ok());
        }
    }
}
