// What is asked for when an application connects to an address.
#include "near_judgement.h"

#include <catch2/catch_test_macros.hpp>

using pf_proxy::Destination;
using vsockio::IpAddress;
using vsockio::Transport;

namespace {

const IpAddress kAddress = IpAddress::v4(198, 35, 26, 96);

pf_proxy::NearJudgement judge(std::string_view text, const std::vector<std::string>& names,
                              std::uint16_t port = 443, IpAddress address = kAddress) {
    const auto policy = policy::Policy::parse(text, "policy.yaml");
    REQUIRE(policy.ok());
    return pf_proxy::judge_original(&policy.value(), names, {address, port}, Transport::tcp);
}

}  // namespace

TEST_CASE("what is asked for is the address, with the names under which it is allowed") {
    const Destination alone{kAddress, 443, Transport::tcp};
    const Destination named{kAddress, 443, Transport::tcp, {"a.example"}};
    CHECK(judge("rules: [allow: 198.35.26.0/24]", {}).destination == alone);
    CHECK(judge("rules: [allow: 198.35.26.0/24]", {"a.example"}).destination == alone);
    CHECK(judge("rules: [allow: a.example]", {"a.example"}).destination == named);
    CHECK(judge("rules: [allow: '*']", {"a.example"}).destination == named);
    CHECK(judge("rules: [{deny: a.example}, {allow: '*'}]", {"a.example"}).destination == alone);
    CHECK(pf_proxy::judge_original(nullptr, {}, {kAddress, 443}, Transport::tcp).destination ==
          alone);
    const auto mapped = IpAddress::v6({0, 0, 0, 0, 0, 0xffff, 0xc623, 0x1a60});
    CHECK(judge("rules: [allow: '*']", {}, 443, mapped).destination == alone);
}

TEST_CASE("of several names go with the request those that are allowed, as many as it holds") {
    const char* const text = "rules: [{allow: a.example, ports: [443]}, {allow: '*.b.example'}]";
    CHECK(judge(text, {"c.example", "1.b.example", "a.example"}).destination ==
          Destination{kAddress, 443, Transport::tcp, {"1.b.example", "a.example"}});
    CHECK(judge(text, {"a.example", "1.b.example"}, 80).destination ==
          Destination{kAddress, 80, Transport::tcp, {"1.b.example"}});
    std::vector<std::string> many;
    for (int number = 0; number < 32; ++number)
        many.push_back(std::to_string(number) + ".b.example");
    const auto destination = judge(text, many).destination;
    REQUIRE(destination.has_value());
    many.resize(proto::pf_proxy::kMaximumNames);
    CHECK(destination->names == many);
}

TEST_CASE("an address without a name that allows it is refused, with a reason") {
    const char* const text = "rules: [{allow: a.example, ports: [443]}]";
    const auto nameless = judge(text, {});
    CHECK_FALSE(nameless.destination.has_value());
    CHECK(nameless.reason == "no rule matches, the default is deny");
    const auto other_port = judge(text, {"a.example"}, 80);
    CHECK_FALSE(other_port.destination.has_value());
    CHECK(other_port.reason == "a.example: no rule matches, the default is deny");
    CHECK_FALSE(judge("rules: [allow: a.example]", {"a.example"}, 443, IpAddress::v4(10, 0, 0, 1))
                    .destination.has_value());
}
