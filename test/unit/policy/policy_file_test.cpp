// The policy file: what is read from it, and each mistake with its place.
#include <sstream>

#include "support.h"

using policy::Policy;
using policy::Rule;
using policy::Verdict;
using policy_test::holds;
using vsockio::Transport;

TEST_CASE("a policy is read as it stands") {
    const Policy policy = policy_test::parsed(
        "default: allow\n"
        "rules:\n"
        "  - allow: Example.COM.\n"
        "    ports: [443, 8000-8100, \"53\"]\n"
        "    transport: tcp\n"
        "  - allow: \"*.example.org\"\n"
        "\n"
        "  - deny: 203.0.113.0/24\n"
        "    transport: udp\n"
        "  - deny: 198.51.100.7\n"
        "  - deny: 2001:db8::/32\n"
        "  - {addresses: [10.2.0.0/24, fd00::1], allow: db.internal}\n"
        "  - allow: \"*\"\n");
    CHECK(policy.file() == "p.yaml");
    CHECK(policy.default_verdict() == Verdict::allow);
    const auto rules = policy.rules();
    REQUIRE(rules.size() == 7);

    CHECK(rules[0].verdict == Verdict::allow);
    CHECK(rules[0].target == Rule::Target::name);
    CHECK(rules[0].name == "example.com");
    CHECK(rules[0].ports == std::vector<policy::PortRange>{{443, 443}, {8000, 8100}, {53, 53}});
    CHECK(rules[0].transport == Transport::tcp);
    CHECK(rules[0].line == 3);

    CHECK(rules[1].target == Rule::Target::below);
    CHECK(rules[1].name == "example.org");
    CHECK(rules[1].ports.empty());
    CHECK_FALSE(rules[1].transport.has_value());
    CHECK(to_string(rules[1]) == "allow *.example.org");

    CHECK(rules[2].verdict == Verdict::deny);
    CHECK(rules[2].target == Rule::Target::network);
    CHECK(rules[2].transport == Transport::udp);
    CHECK(rules[2].line == 8);
    CHECK(to_string(rules[2]) == "deny 203.0.113.0/24");
    CHECK(to_string(rules[3]) == "deny 198.51.100.7");
    CHECK(to_string(rules[4]) == "deny 2001:db8::/32");

    REQUIRE(rules[5].addresses.size() == 2);
    CHECK(to_string(rules[5].addresses[0]) == "10.2.0.0/24");
    CHECK(to_string(rules[5].addresses[1]) == "fd00::1");
    CHECK(rules[5].line == 12);
    CHECK(to_string(rules[6]) == "allow *");
}

TEST_CASE("an empty policy denies everything") {
    for (const char* text : {"", "# nothing\n", "rules: []\n", "default: deny\n"}) {
        INFO(text);
        const Policy policy = policy_test::parsed(text);
        CHECK(policy.rules().empty());
        CHECK(policy.default_verdict() == Verdict::deny);
    }
}

TEST_CASE("a mistake is an error that names its place") {
    struct Case {
        const char* text;
        const char* error;
    };
    for (const Case& each :
         {Case{"default: maybe\n", "p.yaml:1:10: 'maybe' is not one of deny, allow"},
          Case{"default: [deny]\n", "p.yaml:1:10: expected text, found a list"},
          Case{"rule: []\n", "p.yaml:1:1: unknown key 'rule', did you mean 'rules'?"},
          Case{"rules: {}\n", "p.yaml:1:8: expected a list, found a mapping"},
          Case{"rules:\n", "p.yaml:1:7: expected a list"},
          Case{"default: deny\ndefault: allow\n", "p.yaml:2:1: the key 'default' was already"},
          Case{"- allow: a\n", "p.yaml:1:1: expected a mapping, found a list"},
          Case{"rules: [a]\n", "p.yaml:1:9: expected a mapping, found a single value"},
          Case{"rules:\n  - alow: a\n", "p.yaml:2:5: unknown key 'alow', did you mean 'allow'?"},
          Case{"rules:\n  - port: [1]\n    allow: a\n", "p.yaml:2:5: unknown key 'port'"},
          Case{"rules:\n  - ports: [1]\n", "p.yaml:2:5: a rule begins with 'allow' or 'deny'"},
          Case{"rules:\n  - allow: a\n    deny: b\n",
               "p.yaml:3:11: a rule has one of 'allow' and 'deny'"},
          Case{"rules:\n  - allow: a\n    allow: b\n", "p.yaml:3:5: the key 'allow' was already"},
          Case{"rules:\n  - allow:\n", "p.yaml:2:11: expected text, found nothing"},
          Case{"rules:\n  - allow: ''\n", "p.yaml:2:12: the host is empty"},
          Case{"rules:\n  - allow: *\n", "p.yaml:2:13: did not find"},
          Case{"rules:\n  - allow: '*example.org'\n", "p.yaml:2:12: '*example.org': a * stands"},
          Case{"rules:\n  - allow: 'a.*.org'\n", "p.yaml:2:12: 'a.*.org': a * stands"},
          Case{"rules:\n  - allow: '*.*.org'\n", "p.yaml:2:12: '*.*.org': a * stands"},
          Case{"rules:\n  - allow: '*.'\n", "p.yaml:2:12: the host is empty"},
          Case{"rules:\n  - allow: '*.1.2.3.4'\n",
               "p.yaml:2:12: '*.1.2.3.4': nothing is below an address"},
          Case{"rules:\n  - deny: a..b\n", "p.yaml:2:11: 'a..b' has an empty label"},
          Case{"rules:\n  - deny: '[::1]'\n", "p.yaml:2:11: '[::1]' has brackets"},
          Case{"rules:\n  - deny: fe80::1%lo\n", "p.yaml:2:11: 'fe80::1%lo' has a zone"},
          Case{"rules:\n  - deny: 127.1\n",
               "p.yaml:2:11: '127.1' is another spelling of the address 127.0.0.1"},
          Case{"rules:\n  - deny: 0x7f000001\n",
               "p.yaml:2:11: '0x7f000001' is another spelling of the address 127.0.0.1"},
          Case{"rules:\n  - allow: 10.0.0.1/8\n",
               "p.yaml:2:12: '10.0.0.1/8' has bits set beyond its prefix, the network is "
               "10.0.0.0/8"},
          Case{"rules:\n  - allow: 10.0.0.0/33\n", "p.yaml:2:12: '10.0.0.0/33' has a prefix"},
          Case{"rules:\n  - allow: 10/8\n", "p.yaml:2:12: '10' is not an IP address"},
          Case{"rules:\n  - allow: example.com/24\n",
               "p.yaml:2:12: 'example.com' is not an IP address"},
          Case{"rules:\n  - allow: ::ffff:10.0.0.0/104\n",
               "p.yaml:2:12: '::ffff:10.0.0.0/104' is an IPv4-mapped address, write 10.0.0.0/8"},
          Case{"rules:\n  - allow: ::ffff:0:0/96\n",
               "p.yaml:2:12: '::ffff:0:0/96' is an IPv4-mapped address, write 0.0.0.0/0"},
          Case{"rules:\n  - allow: ::ffff:10.0.0.1\n",
               "p.yaml:2:12: '::ffff:10.0.0.1' is an IPv4-mapped address, write 10.0.0.1"},
          Case{"rules:\n  - allow: a\n    ports: 443\n", "p.yaml:3:12: expected a list"},
          Case{"rules:\n  - allow: a\n    ports: []\n", "p.yaml:3:12: the list is empty"},
          Case{"rules:\n  - allow: a\n    ports: [0]\n", "p.yaml:3:13: '0' is neither a port"},
          Case{"rules:\n  - allow: a\n    ports: [65536]\n", "p.yaml:3:13: '65536' is neither"},
          Case{"rules:\n  - allow: a\n    ports: [1, https]\n", "p.yaml:3:16: 'https' is neither"},
          Case{"rules:\n  - allow: a\n    ports: [1-2-3]\n", "p.yaml:3:13: '1-2-3' is neither"},
          Case{"rules:\n  - allow: a\n    ports: [-5]\n", "p.yaml:3:13: '-5' is neither"},
          Case{"rules:\n  - allow: a\n    ports: [5-]\n", "p.yaml:3:13: '5-' is neither"},
          Case{"rules:\n  - allow: a\n    ports: [9-8]\n", "p.yaml:3:13: the range '9-8' is empty"},
          Case{"rules:\n  - allow: a\n    transport: sctp\n",
               "p.yaml:3:16: 'sctp' is not one of tcp, udp"},
          Case{"rules:\n  - allow: a\n    addresses: []\n", "p.yaml:3:16: the list is empty"},
          Case{"rules:\n  - allow: a\n    addresses: [b]\n",
               "p.yaml:3:17: 'b' is not an IP address"},
          Case{"rules:\n  - allow: a\n    addresses: [127.1]\n",
               "p.yaml:3:17: '127.1' is not an IP address"},
          Case{"rules:\n  - allow: a\n    addresses: ['::ffff:1.2.3.4']\n",
               "p.yaml:3:17: '::ffff:1.2.3.4' is an IPv4-mapped address, write 1.2.3.4"},
          Case{"rules:\n  - deny: a\n    addresses: [1.2.3.4]\n",
               "p.yaml:3:16: addresses are for a rule that allows a name"},
          Case{"rules:\n  - allow: 1.2.3.4\n    addresses: [1.2.3.4]\n",
               "p.yaml:3:16: addresses are for a rule that allows a name"},
          Case{"rules: [\n", "p.yaml:2:1: "},
          Case{"a: &x b\n", "p.yaml:1:4: anchors"}}) {
        INFO(each.text);
        const auto policy = Policy::parse(each.text, "p.yaml");
        REQUIRE_FALSE(policy.ok());
        INFO(policy.error().message);
        CHECK(policy.error().message.starts_with(each.error));
        CHECK(policy.error().code == base::ExitCode::config);
    }
}

TEST_CASE("the size of a policy has limits") {
    const auto repeated = [](std::size_t count, const char* item) {
        std::string text;
        for (std::size_t index = 0; index < count; ++index)
            text += item;
        return text;
    };
    const std::string rules = "rules:\n" + repeated(policy::kMaxRules, "  - allow: a\n");
    CHECK(Policy::parse(rules, "p").ok());
    const auto more = Policy::parse(rules + "  - allow: a\n", "p");
    REQUIRE_FALSE(more.ok());
    CHECK(holds(more.error().message, "p:1026:5: more than 1024 rules"));

    const std::string ports =
        "rules: [{allow: a, ports: [1" + repeated(policy::kMaxPorts - 1, ", 1");
    CHECK(Policy::parse(ports + "]}]", "p").ok());
    CHECK_FALSE(Policy::parse(ports + ", 1]}]", "p").ok());

    const std::string places =
        "rules: [{allow: a, addresses: [1.2.3.4" + repeated(policy::kMaxAddresses - 1, ", 1::2");
    CHECK(Policy::parse(places + "]}]", "p").ok());
    CHECK_FALSE(Policy::parse(places + ", 1::2]}]", "p").ok());

    CHECK_FALSE(Policy::parse("#" + std::string(256 * 1024, ' '), "p").ok());
}
