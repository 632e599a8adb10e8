// Which questions are passed on, what the others are answered, and what is left of answers.
#include "dns_judgement.h"

#include <catch2/catch_test_macros.hpp>

using namespace std::chrono_literals;
using dns::Rcode;
using dns::Record;
using pf_proxy::FoundAddresses;
using pf_proxy::Judged;
using vsockio::IpAddress;

namespace {

constexpr std::uint16_t kTypeMx = 15;
constexpr std::uint16_t kTypeAny = 255;

const IpAddress kPublic = IpAddress::v4(198, 35, 26, 96);
const IpAddress kPrivate = IpAddress::v4(10, 0, 0, 7);

policy::Policy policy_of(std::string_view text) {
    auto policy = policy::Policy::parse(text, "policy.yaml");
    REQUIRE(policy.ok());
    return std::move(policy).value();
}

std::optional<Judged> own(std::string_view name, std::uint16_t type,
                          std::string_view text = "rules: [allow: good.example]") {
    return pf_proxy::own_reply({std::string(name), type}, policy_of(text));
}

FoundAddresses found(std::vector<Record> addresses) {
    FoundAddresses found;
    found.chain.aliases = {{"good.example", 300, std::string("edge.example")}};
    found.chain.addresses = std::move(addresses);
    return found;
}

}  // namespace

TEST_CASE("a name that is allowed is passed on, whatever is asked about it") {
    CHECK_FALSE(own("good.example", dns::kTypeA).has_value());
    CHECK_FALSE(own("good.example", dns::kTypeAaaa).has_value());
    CHECK_FALSE(own("good.example", kTypeMx).has_value());
    CHECK_FALSE(own("bad.example", dns::kTypeA, "default: allow").has_value());
}

TEST_CASE("the address of a name that is denied is one that nobody can connect to") {
    const auto four = own("bad.example", dns::kTypeA);
    REQUIRE(four.has_value());
    CHECK(four->reply.rcode == Rcode::no_error);
    CHECK(four->reply.records ==
          std::vector{Record{"bad.example", 1, IpAddress::v4(192, 0, 0, 8)}});
    CHECK(four->reply.error->code == 18);
    CHECK(four->refused_because == "no rule matches, the default is deny");
    CHECK(four->addresses.empty());
    const auto six = own("bad.example", dns::kTypeAaaa);
    CHECK(six->reply.records ==
          std::vector{Record{"bad.example", 1, vsockio::parse_ip_address("100::8").value()}});
}

TEST_CASE("other questions about a name that is denied are refused") {
    const auto judged = own("bad.example", kTypeMx);
    REQUIRE(judged.has_value());
    CHECK(judged->reply.rcode == Rcode::refused);
    CHECK(judged->reply.records.empty());
    CHECK(judged->reply.error->code == 18);
}

TEST_CASE("what is no host name is denied by every policy") {
    for (const char* name : {"", "127.1", "a\\046b.example", "0x7f000001"}) {
        const auto judged = own(name, dns::kTypeA, "default: allow");
        REQUIRE(judged.has_value());
        CHECK_FALSE(judged->refused_because.empty());
    }
}

TEST_CASE("questions for all of a name, for transfers and in other classes are refused") {
    CHECK(own("good.example", kTypeAny)->reply.rcode == Rcode::refused);
    CHECK(own("good.example", dns::kTypeOpt)->reply.rcode == Rcode::refused);
    const auto chaos =
        pf_proxy::own_reply({"good.example", dns::kTypeA, 3}, policy_of("default: allow"));
    CHECK(chaos->reply.rcode == Rcode::refused);
    CHECK(chaos->reply.records.empty());
}

TEST_CASE("records with addresses that nobody judges are said to be absent") {
    const auto judged = own("good.example", dns::kTypeHttps);
    REQUIRE(judged.has_value());
    CHECK(judged->reply.rcode == Rcode::no_error);
    CHECK(judged->reply.records.empty());
    CHECK(own("bad.example", dns::kTypeHttps)->reply.rcode == Rcode::refused);
}

TEST_CASE("localhost is the application's own, whatever the policy says") {
    CHECK(own("localhost", dns::kTypeA)->reply.records.at(0).data ==
          decltype(Record::data)(IpAddress::v4(127, 0, 0, 1)));
    CHECK(own("a.localhost", dns::kTypeAaaa)->reply.records.size() == 1);
    CHECK(own("localhost", kTypeMx)->reply.records.empty());
    CHECK_FALSE(own("notlocalhost", dns::kTypeA)->refused_because.empty());
}

TEST_CASE("an answer keeps the addresses that a connection may be to") {
    const auto policy = policy_of("rules: [allow: good.example]");
    const auto judged = pf_proxy::judge_addresses(
        {"good.example", dns::kTypeA},
        found({{"edge.example", 300, kPrivate}, {"edge.example", 300, kPublic}}), 42s, policy);
    CHECK(judged.reply.records ==
          std::vector{Record{"good.example", 42, std::string("edge.example")},
                      Record{"edge.example", 42, kPublic}});
    CHECK(judged.addresses == std::vector{kPublic});
    CHECK(judged.refused_because.find("10.0.0.7 is special") != std::string::npos);
    CHECK(judged.reply.error->code == 18);
}

TEST_CASE("an answer of which nothing is left is that to a name that is denied") {
    const auto policy = policy_of("rules: [allow: good.example]");
    const auto judged = pf_proxy::judge_addresses(
        {"good.example", dns::kTypeA}, found({{"edge.example", 300, kPrivate}}), 42s, policy);
    CHECK(judged.reply.records ==
          std::vector{Record{"good.example", 1, IpAddress::v4(192, 0, 0, 8)}});
    CHECK(judged.addresses.empty());
}

TEST_CASE("an answer without addresses stays one without") {
    const auto policy = policy_of("rules: [allow: good.example]");
    const auto judged =
        pf_proxy::judge_addresses({"good.example", dns::kTypeA}, found({}), 5s, policy);
    CHECK(judged.reply.records.size() == 1);
    CHECK(judged.refused_because.empty());
    CHECK_FALSE(judged.reply.error.has_value());
}

TEST_CASE("an answer lasts as long as its shortest record, a second at least, an hour at most") {
    dns::Answer answer;
    answer.question = {"a.example", dns::kTypeA};
    answer.records = {{"a.example", 70, std::string("b.example")}, {"b.example", 90, kPublic}};
    CHECK(pf_proxy::found_addresses(answer).ttl == 70s);
    CHECK(pf_proxy::found_addresses(answer).may_be_kept);
    answer.records[0].ttl = 0;
    CHECK(pf_proxy::found_addresses(answer).ttl == 1s);
    answer.records[0].ttl = answer.records[1].ttl = 1'000'000;
    CHECK(pf_proxy::found_addresses(answer).ttl == 3600s);
    answer.records.pop_back();
    CHECK(pf_proxy::found_addresses(answer).ttl == 5s);
}

TEST_CASE("what says that a server failed is not kept") {
    dns::Answer answer;
    answer.question = {"a.example", dns::kTypeA};
    answer.rcode = Rcode::no_such_name;
    CHECK(pf_proxy::found_addresses(answer).may_be_kept);
    answer.rcode = Rcode::server_failure;
    CHECK_FALSE(pf_proxy::found_addresses(answer).may_be_kept);
    answer.rcode = Rcode::no_error;
    answer.header.truncated = true;
    CHECK_FALSE(pf_proxy::found_addresses(answer).may_be_kept);
}
