// Rules as pins come and go, with the test in place of the kernel.
#include "pin_keeper.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "dns_server.h"

using namespace std::chrono_literals;
using pf_proxy::PinKeeper;
using pf_proxy::RoutingRule;
using vsockio::IpAddress;

namespace {

const IpAddress kFirst = IpAddress::v4(198, 35, 26, 96);
const IpAddress kSecond = IpAddress::v4(198, 35, 26, 97);

struct Kernel {
    explicit Kernel(std::string_view policy_text, std::size_t maximum = 100) {
        pf_proxy::RuleSink sink{[this](const RoutingRule& rule) { return add(rule); },
                                [this](const RoutingRule& rule) { return remove(rule); }};
        auto made = PinKeeper::create(
            loop, policy(policy_text), std::move(sink), [this](const auto&) { ++failures; },
            maximum);
        REQUIRE(made.ok());
        keeper = std::move(made).value();
    }
    static std::shared_ptr<const policy::Policy> policy(std::string_view text) {
        auto parsed = policy::Policy::parse(text, "policy.yaml");
        REQUIRE(parsed.ok());
        return std::make_shared<const policy::Policy>(std::move(parsed).value());
    }
    base::Result<void> add(const RoutingRule& rule) {
        if (full) return base::Error::system("add", "a rule", ENOMEM);
        CHECK(std::ranges::find(rules, rule) == rules.end());
        rules.push_back(rule);
        return {};
    }
    base::Result<void> remove(const RoutingRule& rule) {
        CHECK(std::erase(rules, rule) == 1);
        return {};
    }
    bool has(const IpAddress& address) const {
        return std::ranges::any_of(rules, [&](const RoutingRule& rule) {
            return rule.destination == vsockio::IpNetwork::only(address);
        });
    }

    loop::Loop loop = loop::Loop::create().value();
    std::vector<RoutingRule> rules;
    int failures = 0;
    bool full = false;
    std::unique_ptr<PinKeeper> keeper;
};

constexpr const char* kPolicy =
    "rules: [{allow: a.example, ports: [443], transport: tcp}, {allow: b.example, ports: [443], "
    "transport: tcp}, {allow: 198.35.26.97}]";

}  // namespace

TEST_CASE("an address that is allowed by name has rules while it is pinned") {
    Kernel kernel(kPolicy);
    kernel.keeper->pin("a.example", kFirst, kernel.loop.now() + 50ms);
    REQUIRE(kernel.rules.size() == 1);
    CHECK(kernel.has(kFirst));
    CHECK(kernel.rules[0].ports == policy::PortRange{443, 443});
    CHECK(pf_proxy_test::run_until(kernel.loop, [&] { return kernel.rules.empty(); }));
    CHECK(kernel.keeper->rules() == 0);
}

TEST_CASE("an address that is pinned again keeps its rules for longer") {
    Kernel kernel(kPolicy);
    kernel.keeper->pin("a.example", kFirst, kernel.loop.now() + 20ms);
    kernel.keeper->pin("a.example", kFirst, kernel.loop.now() + 1h);
    kernel.keeper->pin("b.example", IpAddress::v4(9, 9, 9, 9), kernel.loop.now() + 40ms);
    CHECK(pf_proxy_test::run_until(kernel.loop, [&] { return kernel.rules.size() == 1; }));
    CHECK(kernel.has(kFirst));
}

TEST_CASE("two names at one address share their rules, which stay for the longer one") {
    Kernel kernel(kPolicy);
    kernel.keeper->pin("a.example", kFirst, kernel.loop.now() + 1h);
    kernel.keeper->pin("b.example", kFirst, kernel.loop.now() + 20ms);
    kernel.keeper->pin("b.example", IpAddress::v4(9, 9, 9, 9), kernel.loop.now() + 40ms);
    CHECK(kernel.rules.size() == 2);
    CHECK(pf_proxy_test::run_until(kernel.loop, [&] { return kernel.rules.size() == 1; }));
    CHECK(kernel.has(kFirst));
}

TEST_CASE("an address that is let through by itself, or by no name, needs no rules") {
    Kernel kernel(kPolicy);
    kernel.keeper->pin("b.example", kSecond, kernel.loop.now() + 1h);
    kernel.keeper->pin("c.example", kFirst, kernel.loop.now() + 1h);
    CHECK(kernel.rules.empty());
}

TEST_CASE("with too many rules those that end first go") {
    Kernel kernel(kPolicy, 2);
    kernel.keeper->pin("a.example", IpAddress::v4(1, 1, 1, 1), kernel.loop.now() + 2h);
    kernel.keeper->pin("a.example", IpAddress::v4(2, 2, 2, 2), kernel.loop.now() + 1h);
    kernel.keeper->pin("a.example", IpAddress::v4(3, 3, 3, 3), kernel.loop.now() + 3h);
    CHECK(kernel.rules.size() == 2);
    CHECK_FALSE(kernel.has(IpAddress::v4(2, 2, 2, 2)));
}

TEST_CASE("another policy makes other rules of the same pins") {
    Kernel kernel(kPolicy);
    kernel.keeper->pin("a.example", kFirst, kernel.loop.now() + 1h);
    kernel.keeper->pin("b.example", IpAddress::v4(9, 9, 9, 9), kernel.loop.now() + 1h);
    kernel.keeper->set_policy(
        Kernel::policy("rules: [{allow: a.example, ports: [80], transport: tcp}]"));
    REQUIRE(kernel.rules.size() == 1);
    CHECK(kernel.rules[0].ports == policy::PortRange{80, 80});
    kernel.keeper->set_policy(Kernel::policy(kPolicy));
    CHECK(kernel.rules.size() == 2);
}

TEST_CASE("a kernel that takes no rule is reported, and all rules go with the keeper") {
    Kernel kernel(kPolicy);
    kernel.keeper->pin("a.example", kFirst, kernel.loop.now() + 1h);
    kernel.keeper.reset();
    CHECK(kernel.rules.empty());

    Kernel refusing(kPolicy);
    refusing.full = true;
    refusing.keeper->pin("a.example", kFirst, refusing.loop.now() + 1h);
    CHECK(refusing.failures == 1);
}
