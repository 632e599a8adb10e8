// What a far side makes of a request: by name, by address, and by address with names.
#include "far_judgement.h"

#include "udp_support.h"

using namespace pf_proxy;
using namespace pf_proxy_test;
using proto::pf_proxy::StatusCode;

namespace {

const IpAddress kOne = IpAddress::v4(198, 35, 26, 96);
const IpAddress kTwo = IpAddress::v4(198, 35, 26, 97);
const IpAddress kPrivate = IpAddress::v4(10, 0, 0, 1);
const IpAddress kSix = IpAddress::v6({0x2606, 0x4700, 0, 0, 0, 0, 0, 0xabcd});

struct Far {
    explicit Far(std::string_view rules) : policy(make_policy(std::string(rules))) {}

    FarJudgement::Verdict judge(const Destination& destination) {
        std::optional<FarJudgement::Verdict> verdict;
        FarJudgement judgement(resolver, policy, destination, [&](FarJudgement::Verdict got) {
            CHECK_FALSE(verdict.has_value());
            verdict = std::move(got);
        });
        if (auto at_once = judgement.begin()) return *at_once;
        CHECK_FALSE(verdict.has_value());
        REQUIRE(run_until(loop, [&] { return verdict.has_value(); }));
        return *verdict;
    }
    FarJudgement::Verdict judge(const IpAddress& address, std::vector<std::string> names) {
        return judge({address, 443, vsockio::Transport::tcp, std::move(names)});
    }

    loop::Loop loop = loop::Loop::create().value();
    TableResolver resolver{loop};
    std::shared_ptr<const policy::Policy> policy;
};

constexpr std::string_view kByName = "rules: [allow: a.example, allow: b.example]";

void is_only(const FarJudgement::Verdict& verdict, const IpAddress& address) {
    CHECK(verdict.code == StatusCode::connected);
    CHECK(verdict.addresses == std::vector{address});
}

}  // namespace

TEST_CASE("an address that the far side allows needs no name and no question") {
    Far far("rules: [allow: 198.35.26.96]");
    is_only(far.judge(kOne, {}), kOne);
    is_only(far.judge(kOne, {"a.example"}), kOne);
    CHECK(far.judge(kTwo, {}).code == StatusCode::refused);
    CHECK(far.judge(kTwo, {"a.example"}).code == StatusCode::refused);
    CHECK(far.resolver.asked.empty());
}

TEST_CASE("an address under a name is connected to when the name leads there, and no other is") {
    Far far(kByName);
    far.resolver.table["a.example"] = {kTwo, kOne};
    is_only(far.judge(kOne, {"a.example"}), kOne);
    is_only(far.judge(kTwo, {"a.example"}), kTwo);
    CHECK(far.resolver.asked.size() == 2);
    const auto verdict = far.judge(IpAddress::v4(198, 35, 26, 98), {"a.example"});
    CHECK(verdict.code == StatusCode::refused);
    CHECK(verdict.addresses.empty());
    CHECK(verdict.reason == "a.example is not 198.35.26.98");
    far.resolver.table["a.example"] = {kSix};
    is_only(far.judge(kSix, {"a.example"}), kSix);
}

TEST_CASE("any of several names will do, and those that are not allowed are not asked for") {
    Far far(kByName);
    far.resolver.table["a.example"] = {kTwo};
    far.resolver.table["b.example"] = {kOne};
    far.resolver.table["c.example"] = {kOne};
    is_only(far.judge(kOne, {"a.example", "b.example"}), kOne);
    is_only(far.judge(kOne, {"b.example", "a.example"}), kOne);
    far.resolver.asked.clear();
    const auto verdict = far.judge(kOne, {"c.example"});
    CHECK(verdict.code == StatusCode::refused);
    CHECK(verdict.reason == "c.example: no rule matches, the default is deny");
    CHECK(far.resolver.asked.empty());
}

TEST_CASE("what is remembered says yes, and only what is fresh says no") {
    Far far(kByName);
    far.resolver.table["a.example"] = {kTwo};
    far.resolver.fresh_table["a.example"] = {kOne};
    is_only(far.judge(kTwo, {"a.example"}), kTwo);
    CHECK(far.resolver.asked.size() == 1);
    is_only(far.judge(kOne, {"a.example"}), kOne);
    CHECK(far.resolver.asked.size() == 3);
    far.resolver.had = {"a.example", kSix};
    is_only(far.judge(kSix, {"a.example"}), kSix);
    CHECK(far.resolver.asked.size() == 3);
}

TEST_CASE("a name is no way to a special address, whatever it leads to") {
    Far far(kByName);
    far.resolver.table["a.example"] = {kPrivate, kOne};
    far.resolver.had = {"a.example", kPrivate};
    CHECK(far.judge(kPrivate, {"a.example"}).code == StatusCode::refused);
    CHECK(far.resolver.asked.empty());
    is_only(far.judge({"a.example", 443, vsockio::Transport::tcp}), kOne);
    far.resolver.table["a.example"] = {kPrivate};
    CHECK(far.judge({"a.example", 443, vsockio::Transport::tcp}).code == StatusCode::refused);
}

TEST_CASE("a lookup that fails is a failure, unless another name leads there") {
    Far far(kByName);
    const auto verdict = far.judge(kOne, {"a.example"});
    CHECK(verdict.code == StatusCode::failed);
    CHECK(verdict.errno_value == EHOSTUNREACH);
    far.resolver.table["b.example"] = {kOne};
    is_only(far.judge(kOne, {"a.example", "b.example"}), kOne);
    far.resolver.table["b.example"] = {kTwo};
    CHECK(far.judge(kOne, {"a.example", "b.example"}).code == StatusCode::failed);
    CHECK(far.judge(kOne, {"b.example", "a.example"}).code == StatusCode::failed);
}

TEST_CASE("a name with very many addresses leads to the first of them") {
    Far far(kByName);
    std::vector<IpAddress>& many = far.resolver.table["a.example"];
    for (std::uint8_t last = 1; last <= 100; ++last)
        many.push_back(IpAddress::v4(198, 35, 26, last));
    const auto verdict = far.judge({"a.example", 443, vsockio::Transport::tcp});
    CHECK(verdict.addresses ==
          std::vector(many.begin(), many.begin() + FarJudgement::kMaximumAddresses));
    is_only(far.judge(many.back(), {"a.example"}), many.back());
}

TEST_CASE("without a policy everything is refused") {
    Far far("");
    far.policy = nullptr;
    CHECK(far.judge(kOne, {}).code == StatusCode::refused);
    CHECK(far.judge({"a.example", 443, vsockio::Transport::tcp}).code == StatusCode::refused);
}
