// Decisions: order, names, networks, ports, transports, special addresses, and their reasons.
#include "policy/policy.h"

#include "support.h"

using policy::Decision;
using policy::Policy;
using policy_test::address;
using policy_test::holds;
using policy_test::parsed;
using vsockio::Transport;

namespace {

Decision judge(const Policy& policy, std::string_view name, std::string_view at,
               std::uint16_t port = 443, Transport transport = Transport::tcp) {
    return policy.judge({name, address(at), port, transport});
}

}  // namespace

TEST_CASE("the first rule that matches decides") {
    const Policy policy = parsed(
        "default: allow\n"
        "rules:\n"
        "  - deny: bad.example.org\n"
        "  - allow: '*.example.org'\n"
        "  - deny: 8.8.0.0/16\n"
        "  - allow: 8.8.8.8\n"
        "  - deny: '*'\n");
    CHECK(judge(policy, "good.example.org", "8.8.8.8").line == 4);
    CHECK(judge(policy, "good.example.org", "8.8.8.8").allowed);
    CHECK(judge(policy, "bad.example.org", "1.1.1.1").line == 3);
    CHECK_FALSE(judge(policy, "bad.example.org", "1.1.1.1").allowed);
    CHECK(judge(policy, "", "8.8.8.8").line == 5);
    CHECK_FALSE(judge(policy, "", "8.8.8.8").allowed);
    CHECK(judge(policy, "example.org", "1.1.1.1").line == 7);
    CHECK(judge(policy, "", "1.1.1.1").reason == "line 7: deny *");
}

TEST_CASE("without a matching rule the default decides") {
    CHECK(judge(parsed("default: allow"), "a.example", "1.1.1.1").allowed);
    CHECK(judge(parsed("default: allow"), "", "1.1.1.1").line == 0);
    CHECK_FALSE(judge(parsed("default: deny"), "a.example", "1.1.1.1").allowed);
    CHECK_FALSE(judge(parsed(""), "", "1.1.1.1").allowed);
    CHECK(judge(parsed(""), "", "1.1.1.1").reason == "no rule matches, the default is deny");
    CHECK_FALSE(judge(Policy::deny_all(), "", "1.1.1.1").allowed);
    CHECK_FALSE(Policy::deny_all().judge_name("a.example").allowed);
}

TEST_CASE("a name matches whatever its case and final dot, a star what is below it only") {
    const Policy policy = parsed(
        "rules:\n"
        "  - allow: Exact.example\n"
        "  - allow: '*.Below.example.'\n");
    for (const char* name : {"exact.example", "EXACT.EXAMPLE", "exact.example.", "a.below.example",
                             "a.b.BELOW.example."}) {
        INFO(name);
        CHECK(judge(policy, name, "1.1.1.1").allowed);
        CHECK(policy.judge_name(name).allowed);
    }
    for (const char* name :
         {"a.exact.example", "below.example", "xbelow.example", "x-below.example", "exact",
          "exact.example.com", "example", "exact..example", ".below.example"}) {
        INFO(name);
        CHECK_FALSE(judge(policy, name, "1.1.1.1").allowed);
        CHECK_FALSE(policy.judge_name(name).allowed);
    }
    CHECK_FALSE(judge(policy, "", "1.1.1.1").allowed);
}

TEST_CASE("ports and transport are part of the match") {
    const Policy policy = parsed(
        "rules:\n"
        "  - {allow: a.example, ports: [443, 8000-8100], transport: tcp}\n"
        "  - {allow: a.example, ports: [53], transport: udp}\n"
        "  - {deny: 1.1.1.0/24, ports: [1-1023]}\n"
        "  - allow: 1.1.1.1\n");
    for (const std::uint16_t port : std::initializer_list<std::uint16_t>{443, 8000, 8050, 8100})
        CHECK(judge(policy, "a.example", "9.9.9.9", port).allowed);
    for (const std::uint16_t port :
         std::initializer_list<std::uint16_t>{1, 442, 444, 7999, 8101, 65535, 53})
        CHECK_FALSE(judge(policy, "a.example", "9.9.9.9", port).allowed);
    CHECK(judge(policy, "a.example", "9.9.9.9", 53, Transport::udp).allowed);
    CHECK_FALSE(judge(policy, "a.example", "9.9.9.9", 443, Transport::udp).allowed);
    CHECK_FALSE(judge(policy, "", "1.1.1.1", 1023).allowed);
    CHECK(judge(policy, "", "1.1.1.1", 1024).allowed);
    CHECK(judge(policy, "", "1.1.1.1", 1024, Transport::udp).allowed);
    CHECK_FALSE(judge(parsed("default: allow"), "", "1.1.1.1", 0).allowed);
    CHECK(judge(parsed("default: allow"), "", "1.1.1.1", 0).reason == "there is no port 0");
}

TEST_CASE("a rule by network judges the address that a name has, and the other way round") {
    const Policy policy = parsed(
        "default: allow\n"
        "rules:\n"
        "  - deny: 8.8.0.0/16\n"
        "  - deny: secret.example\n");
    CHECK(judge(policy, "any.example", "8.8.8.8").line == 3);
    CHECK(judge(policy, "any.example", "::ffff:8.8.8.8").line == 3);
    CHECK(judge(policy, "secret.example", "9.9.9.9").line == 4);
    CHECK(judge(policy, "any.example", "9.9.9.9").allowed);
}

TEST_CASE("a special address is allowed only by a network within its range") {
    const char* const kWide[] = {"default: allow", "rules: [allow: '*']",
                                 "rules: [allow: 0.0.0.0/0]", "rules: [allow: 8.0.0.0/5]",
                                 "rules: [{allow: '*', addresses: [0.0.0.0/0]}]"};
    for (const char* text : kWide) {
        INFO(text);
        CHECK(judge(parsed(text), "", "11.1.2.3").allowed);
        CHECK_FALSE(judge(parsed(text), "", "10.1.2.3").allowed);
        CHECK(holds(judge(parsed(text), "", "10.1.2.3").reason,
                    "10.1.2.3 is special (private, 10.0.0.0/8)"));
    }
    for (const char* text : {"rules: [allow: 10.0.0.0/8]", "rules: [allow: 10.1.2.3]",
                             "rules: [{allow: '*', addresses: [10.1.0.0/16]}]"}) {
        INFO(text);
        CHECK(judge(parsed(text), "", "10.1.2.3").allowed);
        CHECK(judge(parsed(text), "", "::ffff:10.1.2.3").allowed);
        CHECK_FALSE(judge(parsed(text), "", "127.0.0.1").allowed);
    }
}

TEST_CASE("every special range is refused by a policy that allows all, and named by itself") {
    const Policy all =
        parsed("default: allow\nrules: [allow: '*', allow: 0.0.0.0/0, allow: '::/0']");
    for (const policy::SpecialRange& range : policy::special_ranges()) {
        const std::string network = to_string(range.network);
        INFO(network);
        const Policy named = parsed("rules: [allow: '" + network + "']");
        const Policy host = parsed("rules: [{allow: a.example, addresses: ['" + network + "']}]");
        for (const auto& inside : {range.network.address, range.network.last()}) {
            INFO(to_string(inside));
            CHECK_FALSE(all.judge({"", inside, 80, Transport::tcp}).allowed);
            CHECK_FALSE(all.judge({"a.example", inside, 80, Transport::tcp}).allowed);
            const bool narrowest = policy::special_range(inside)->network == range.network;
            CHECK(named.judge({"", inside, 80, Transport::tcp}).allowed == narrowest);
            CHECK(host.judge({"a.example", inside, 80, Transport::tcp}).allowed == narrowest);
        }
    }
}

TEST_CASE("the metadata addresses are named by themselves alone") {
    for (const char* text : {"rules: [allow: 169.254.0.0/16]", "rules: [allow: 169.254.169.254/31]",
                             "rules: [{allow: '*', addresses: [169.254.0.0/16]}]"}) {
        INFO(text);
        CHECK(judge(parsed(text), "", "169.254.169.255").allowed);
        CHECK_FALSE(judge(parsed(text), "", "169.254.169.254").allowed);
        CHECK_FALSE(judge(parsed(text), "", "::ffff:169.254.169.254").allowed);
    }
    CHECK(judge(parsed("rules: [allow: 169.254.169.254]"), "", "169.254.169.254").allowed);
    CHECK(judge(parsed("rules: [allow: 169.254.169.254/32]"), "", "169.254.169.254").allowed);
    const Policy v6 = parsed("rules: [allow: 'fc00::/7', allow: 'fd00:ec2::/32']");
    CHECK(judge(v6, "", "fd00:ec2::253").allowed);
    CHECK_FALSE(judge(v6, "", "fd00:ec2::254").allowed);
    CHECK(judge(parsed("rules: [allow: 'fd00:ec2::254']"), "", "fd00:ec2::254").allowed);
}

TEST_CASE("to name NAT64 is not to name the private addresses behind it") {
    const Policy policy = parsed("rules: [allow: '64:ff9b::/96']");
    CHECK(judge(policy, "", "64:ff9b::8.8.8.8").allowed);
    CHECK_FALSE(judge(policy, "", "64:ff9b::10.0.0.1").allowed);
    CHECK_FALSE(judge(policy, "", "64:ff9b::169.254.169.254").allowed);
    CHECK(judge(parsed("rules: [allow: '64:ff9b::a00:0/104']"), "", "64:ff9b::10.0.0.1").allowed);
}

TEST_CASE("an allowing rule that does not name a special address leaves it to the next") {
    const Policy policy = parsed(
        "rules:\n"
        "  - allow: '*'\n"
        "  - allow: 10.1.0.0/16\n");
    CHECK(judge(policy, "a.example", "10.1.2.3").line == 3);
    CHECK(judge(policy, "a.example", "10.1.2.3").allowed);
    CHECK_FALSE(judge(policy, "a.example", "10.2.2.3").allowed);
    // A denying rule needs no name for what it denies.
    CHECK(judge(parsed("rules: [deny: '*', allow: 10.1.0.0/16]"), "", "10.1.2.3").line == 1);
}

TEST_CASE("a rule with addresses decides wherever the name lies") {
    const Policy policy = parsed(
        "default: allow\n"
        "rules:\n"
        "  - allow: db.internal\n"
        "    ports: [5432]\n"
        "    addresses: [10.2.0.0/24, 9.9.9.9]\n"
        "  - allow: '*'\n");
    CHECK(judge(policy, "db.internal", "10.2.0.7", 5432).allowed);
    CHECK(judge(policy, "db.internal", "9.9.9.9", 5432).allowed);
    const Decision elsewhere = judge(policy, "db.internal", "8.8.8.8", 5432);
    CHECK_FALSE(elsewhere.allowed);
    CHECK(elsewhere.line == 3);
    CHECK(elsewhere.reason == "line 3: allow db.internal is for other addresses than 8.8.8.8");
    CHECK(judge(policy, "db.internal", "8.8.8.8", 443).line == 6);
    CHECK_FALSE(judge(policy, "other.internal", "10.2.0.7", 5432).allowed);
    const Policy wide = parsed("rules: [{allow: '*', addresses: [0.0.0.0/0]}, allow: 10.0.0.0/8]");
    CHECK_FALSE(judge(wide, "db.internal", "10.2.0.7").allowed);
    CHECK(judge(wide, "db.internal", "10.2.0.7").line == 1);
}

TEST_CASE("a name is asked for only if a rule for names or the default allows it") {
    const Policy policy = parsed(
        "rules:\n"
        "  - allow: 8.8.0.0/16\n"
        "  - deny: secret.example.org\n"
        "  - {allow: '*.example.org', ports: [443]}\n");
    CHECK(policy.judge_name("a.example.org", 443, Transport::tcp).allowed);
    CHECK_FALSE(policy.judge_name("a.example.org", 80, Transport::tcp).allowed);
    CHECK_FALSE(policy.judge_name("secret.example.org", 443, Transport::tcp).allowed);
    CHECK_FALSE(policy.judge_name("other.example", 443, Transport::tcp).allowed);
    CHECK(policy.judge_name("8.8.8.8", 80, Transport::tcp).allowed);
    CHECK_FALSE(policy.judge_name("9.9.9.9", 80, Transport::tcp).allowed);
    CHECK_FALSE(policy.judge_name("", 443, Transport::tcp).allowed);
    CHECK(parsed("default: allow").judge_name("a.example", 1, Transport::udp).allowed);
}

TEST_CASE("a resolver, which knows no port, may ask if any port is allowed") {
    const auto may = [](std::string_view text, std::string_view host) {
        return parsed(text).judge_name(host).allowed;
    };
    CHECK(may("rules: [{allow: a.example, ports: [443]}]", "a.example"));
    CHECK_FALSE(may("rules: [{allow: a.example, ports: [443]}]", "b.example"));
    CHECK_FALSE(may("rules: [deny: a.example, allow: '*']", "a.example"));
    CHECK(may("rules: [{deny: a.example, ports: [80]}, allow: '*']", "a.example"));
    CHECK(may("rules: [{deny: a.example, transport: udp}, allow: '*']", "a.example"));
    CHECK_FALSE(
        may("rules: [{deny: a.example, transport: udp}, {deny: a.example, "
            "transport: tcp}, allow: '*']",
            "a.example"));
    CHECK_FALSE(
        may("rules: [{deny: a.example, ports: [1-500]}, {allow: a.example, "
            "ports: [80, 443]}]",
            "a.example"));
    CHECK(may("rules: [{deny: a.example, ports: [1-500]}, {allow: a.example, ports: [500-501]}]",
              "a.example"));
    CHECK(may("default: allow\nrules: [{deny: a.example, ports: [1-65534]}]", "a.example"));
    CHECK_FALSE(may("default: allow\nrules: [{deny: a.example, ports: [1-65535]}]", "a.example"));
    CHECK(may("rules: [{allow: 8.8.8.8, ports: [53]}]", "8.8.8.8"));
    CHECK_FALSE(may("rules: [{allow: '*', addresses: [1.1.1.1]}]", "8.8.8.8"));
    CHECK(parsed("default: allow\nrules: [deny: a.example]").judge_name("a.example").line == 2);
}

TEST_CASE("a host that is an address must be the address that is connected to") {
    const Policy policy = parsed("default: allow");
    CHECK(judge(policy, "8.8.8.8", "8.8.8.8").allowed);
    CHECK(judge(policy, "8.8.8.8", "::ffff:8.8.8.8").allowed);
    const Decision decision = judge(policy, "8.8.8.8", "9.9.9.9");
    CHECK_FALSE(decision.allowed);
    CHECK(decision.reason == "the host is the address 8.8.8.8 and not 9.9.9.9");
    CHECK(judge(policy, "::ffff:8.8.8.8", "8.8.8.8").allowed);
    const Policy denying = parsed("default: allow\nrules: [deny: 8.8.8.8]");
    CHECK_FALSE(denying.judge_name("::ffff:8.8.8.8", 443, Transport::tcp).allowed);
    CHECK_FALSE(denying.judge_name("::ffff:8.8.8.8").allowed);
    // It is no name, so a rule for names is not about it.
    CHECK_FALSE(judge(parsed("rules: [allow: a.example]"), "8.8.8.8", "8.8.8.8").allowed);
}

TEST_CASE("a reason is safe to print whatever was asked for") {
    const Decision decision = judge(parsed("default: allow"), "a\n\x1B[2Jb", "8.8.8.8");
    CHECK_FALSE(decision.allowed);
    CHECK(decision.reason.find('\n') == std::string::npos);
    CHECK(decision.reason.find('\x1B') == std::string::npos);
}

TEST_CASE("an explanation has a line for each rule and then the decision") {
    const Policy policy = parsed(
        "rules:\n"
        "  - deny: other.example\n"
        "  - deny: 9.0.0.0/8\n"
        "  - {allow: a.example, transport: udp}\n"
        "  - {allow: a.example, ports: [80]}\n"
        "  - {allow: '*', ports: [80]}\n"
        "  - allow: 10.0.0.0/24\n"
        "  - allow: '*'\n");
    CHECK(policy.explain("a.example", address("8.8.8.8"), 80, Transport::tcp) ==
          std::vector<std::string>{
              "p.yaml:2: deny other.example: another name",
              "p.yaml:3: deny 9.0.0.0/8: another network",
              "p.yaml:4: allow a.example: another transport", "p.yaml:5: allow a.example: matches",
              "p.yaml:6: allow *: matches, too late",
              "p.yaml:7: allow 10.0.0.0/24: another network",
              "p.yaml:8: allow *: matches, too late", "allowed: line 5: allow a.example"});
    const auto unresolved = policy.explain("b.example", std::nullopt, 443, Transport::tcp);
    CHECK(unresolved[1] ==
          "p.yaml:3: deny 9.0.0.0/8: a rule for addresses, and the request has none yet");
    CHECK(unresolved[4] == "p.yaml:6: allow *: another port");
    CHECK(unresolved.back() == "allowed: line 8: allow *");
    const auto special = policy.explain("", address("10.0.0.9"), 443, Transport::tcp);
    CHECK(special[0] == "p.yaml:2: deny other.example: a rule for names, and the request has none");
    CHECK(special[6] == "p.yaml:8: allow *: does not name the special address");
    CHECK(special.back() == "allowed: line 7: allow 10.0.0.0/24");
    CHECK(policy.explain("", address("127.0.0.1"), 443, Transport::tcp).back() ==
          "denied: 127.0.0.1 is special (loopback, 127.0.0.0/8), and no rule that allows it "
          "names it");
    CHECK(policy.explain("127.1", std::nullopt, 443, Transport::tcp) ==
          std::vector<std::string>{"denied: '127.1' is another spelling of the address 127.0.0.1"});
}

TEST_CASE("an address that was found is allowed when a connection to one of its ports could be") {
    const auto found = [](std::string_view text, std::string_view name, const char* address) {
        return parsed(text).judge_found(name, vsockio::parse_ip_address(address).value()).allowed;
    };
    const char* const only_https = "rules: [{allow: a.example, ports: [443]}]";
    CHECK(found(only_https, "a.example", "8.8.8.8"));
    CHECK_FALSE(found(only_https, "b.example", "8.8.8.8"));
    CHECK_FALSE(found(only_https, "a.example", "169.254.169.254"));
    CHECK_FALSE(found(only_https, "a.example", "::ffff:127.0.0.1"));
    CHECK_FALSE(found("default: allow", "a.example", "10.0.0.1"));

    const char* const placed =
        "rules: [{allow: db.internal, addresses: [10.2.0.0/24]}, allow: '*']";
    CHECK(found(placed, "db.internal", "10.2.0.7"));
    CHECK_FALSE(found(placed, "db.internal", "8.8.8.8"));
    CHECK_FALSE(found(placed, "db.internal", "10.3.0.7"));
    CHECK(found(placed, "b.example", "8.8.8.8"));

    const char* const two = "rules: [{deny: 8.0.0.0/8, ports: [1-442, 444-65535]}, allow: '*']";
    CHECK(found(two, "a.example", "8.8.8.8"));
    CHECK_FALSE(found("rules: [deny: 8.0.0.0/8, allow: '*']", "a.example", "8.8.8.8"));
    CHECK_FALSE(found("default: allow", "127.1", "8.8.8.8"));
}
