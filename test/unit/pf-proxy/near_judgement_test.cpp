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

TEST_CASE("an address that is allowed by itself is asked for, whatever its names") {
    const Destination wanted{kAddress, 443, Transport::tcp};
    CHECK(judge("rules: [allow: 198.35.26.0/24]", {"a.example"}).destination == wanted);
    CHECK(judge("rules: [allow: '*']", {"a.example"}).destination == wanted);
    CHECK(pf_proxy::judge_original(nullptr, {}, {kAddress, 443}, Transport::tcp).destination ==
          wanted);
    const auto mapped = IpAddress::v6({0, 0, 0, 0, 0, 0xffff, 0xc623, 0x1a60});
    CHECK(judge("rules: [allow: '*']", {}, 443, mapped).destination == wanted);
}

TEST_CASE("an address that is allowed under a name is asked for by this name") {
    const char* const text = "rules: [{allow: a.example, ports: [443]}, {allow: b.example}]";
    CHECK(judge(text, {"c.example", "a.example"}).destination ==
          Destination{"a.example", 443, Transport::tcp});
    CHECK(judge(text, {"a.example", "b.example"}, 80).destination ==
          Destination{"b.example", 80, Transport::tcp});
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
