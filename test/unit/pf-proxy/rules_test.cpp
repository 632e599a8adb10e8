// The texts for nft(8) and the lists of ports that they are made from. That nft takes them and that
// they do what they say is shown by test/it/pf_proxy_rules.sh.
#include "rules.h"

#include <catch2/catch_test_macros.hpp>

#include "routing.h"

using pf_proxy::parse_ports;
using pf_proxy::to_text;

namespace {

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("each ruleset replaces its own table in one step and names no other") {
    const std::vector<policy::PortRange> ports = {{80, 80}, {9000, 9100}};
    const std::string egress = to_text(pf_proxy::EgressRules{"enclave0", 15001, true});
    const std::string ingress = to_text(pf_proxy::IngressRules{ports, 15001, ""});
    const std::string answers = to_text(pf_proxy::AnswerRules{ports});
    CHECK(
        egress.starts_with("add table inet enclavebox\ndelete table inet enclavebox\n"
                           "table inet enclavebox {\n"));
    CHECK(
        ingress.starts_with("add table inet enclavebox_ingress\n"
                            "delete table inet enclavebox_ingress\n"));
    CHECK(answers.starts_with("add table inet enclavebox_answers\n"));
    for (const std::string* text : {&egress, &ingress, &answers})
        CHECK_FALSE(has(*text, "flush"));
}

TEST_CASE("only the ports that were given are caught") {
    const std::string text = to_text(pf_proxy::IngressRules{{{80, 80}, {9000, 9100}}, 15001, ""});
    CHECK(has(text, "tcp dport { 80, 9000-9100 } redirect to :15001"));
    CHECK(has(text, "udp dport { 80, 9000-9100 } tproxy ip6 to :15001"));
    const std::string outside = to_text(pf_proxy::IngressRules{{{80, 80}}, 15001, "eth0"});
    CHECK(has(outside, "iifname \"eth0\" fib daddr type local tcp dport { 80 }"));
    CHECK_FALSE(has(outside, "hook output"));
}

TEST_CASE("only answers to connections with addresses of others are marked") {
    const std::string text = to_text(pf_proxy::AnswerRules{{{80, 80}, {9000, 9100}}});
    CHECK(has(text,
              "tcp sport { 80, 9000-9100 } socket transparent 1 meta mark set 0xeb000002 accept"));
    const std::vector<policy::PortRange> ports = {{9000, 9100}};
    const std::string all = to_text(return_routing(ports, pf_proxy::Answering::anybody));
    CHECK(has(all, "ip -4 rule add pref 9001 from all ipproto tcp sport 9000-9100 lookup 60158"));
    CHECK(has(all, "ip -6 rule add pref 9001 from all ipproto tcp sport 9000-9100 lookup 60158"));
    CHECK(has(all, "ip -6 route replace local default dev lo src ::1 table 60158"));
    CHECK_FALSE(has(all, "udp"));
    const std::string own = to_text(return_routing(ports, pf_proxy::Answering::loopback));
    CHECK(has(own, "pref 9001 from 127.0.0.0/8 ipproto tcp sport 9000-9100 lookup 60158"));
    CHECK(has(own, "pref 9001 from ::1 ipproto tcp sport 9000-9100 lookup 60158"));
}

TEST_CASE("without holding there is no queue") {
    CHECK(has(to_text(pf_proxy::EgressRules{"enclave0", 1, true}), "queue num 60160 bypass"));
    CHECK_FALSE(has(to_text(pf_proxy::EgressRules{"enclave0", 1, false}), "queue"));
}

TEST_CASE("a list of ports is read whole or refused") {
    CHECK(parse_ports("80,443,9000-9100").value() ==
          std::vector<policy::PortRange>{{80, 80}, {443, 443}, {9000, 9100}});
    CHECK(parse_ports("1-65535").value() == std::vector<policy::PortRange>{{1, 65535}});
    for (const char* bad : {"", "0", "65536", "80,", ",80", "80-", "-80", "90-80", "80 ", "a",
                            "80;flush ruleset", "1-2-3"}) {
        INFO(bad);
        CHECK_FALSE(parse_ports(bad).ok());
    }
    std::string many = "1";
    for (int index = 0; index < 64; ++index)
        many += ",1";
    CHECK_FALSE(parse_ports(many).ok());
}
