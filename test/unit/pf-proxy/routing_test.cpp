// The routing rules decide as the policy does: a small interpreter of the kernel's search runs
// over what was compiled, and is compared with Policy::judge() at every border that there is.
#include "routing.h"

#include <catch2/catch_test_macros.hpp>
#include <set>

#include "marks.h"
#include "netlink_routing.h"

using pf_proxy::Route;
using pf_proxy::Routing;
using pf_proxy::RoutingRule;
using policy::Policy;
using vsockio::IpAddress;
using vsockio::IpNetwork;
using vsockio::Transport;
using Action = RoutingRule::Action;

namespace {

Policy parsed(std::string_view text) {
    auto result = Policy::parse(text, "p");
    REQUIRE(result.ok());
    return std::move(result).value();
}

struct Packet {
    IpAddress address;
    std::uint16_t port;
    Transport transport;
};

bool matches(const RoutingRule& rule, const Packet& packet) {
    if (rule.is_v4 != packet.address.is_v4 || rule.mark_mask != 0) return false;
    if (rule.source_ports.has_value()) return false;
    if (rule.destination.has_value() && !rule.destination->contains(packet.address)) return false;
    if (rule.transport.has_value() && rule.transport != packet.transport) return false;
    return !rule.ports.has_value() || rule.ports->contains(packet.port);
}

// Whether the table has a way for the address: the longest prefix decides.
bool has_way(const Routing& routing, std::uint32_t table, const IpAddress& address) {
    const Route* best = nullptr;
    for (const Route& route : routing.routes) {
        if (route.table != table || !route.destination.contains(address)) continue;
        if (best == nullptr || route.destination.prefix > best->destination.prefix) best = &route;
    }
    return best != nullptr && best->kind != Route::Kind::throw_back;
}

// Rules by priority; those of the same one in the order in which they were added.
bool reaches_device(const Routing& routing, const std::vector<const RoutingRule*>& ordered,
                    const Packet& packet) {
    std::uint32_t at_least = 0;
    for (const RoutingRule* rule : ordered) {
        if (rule->priority < at_least || !matches(*rule, packet)) continue;
        switch (rule->action) {
            case Action::prohibit: return false;
            case Action::nothing: break;
            case Action::skip_to: at_least = rule->table; break;
            case Action::lookup:
                if (!rule->without_default && has_way(routing, rule->table, packet.address)) {
                    return true;
                }
        }
    }
    FAIL("no rule decides");
    return false;
}

std::vector<const RoutingRule*> in_order(const Routing& routing) {
    std::vector<const RoutingRule*> ordered;
    for (const RoutingRule& rule : routing.rules)
        ordered.push_back(&rule);
    std::stable_sort(ordered.begin(), ordered.end(),
                     [](auto* one, auto* other) { return one->priority < other->priority; });
    return ordered;
}

IpAddress neighbour(IpAddress address, bool up) {
    for (std::size_t index = address.bits() / 8; index-- > 0;) {
        auto value = std::to_integer<unsigned>(address.bytes[index]);
        address.bytes[index] = static_cast<std::byte>(up ? value + 1 : value - 1);
        if (value != (up ? 0xFFU : 0U)) break;
    }
    return address;
}

// Both ends of every network that could matter, and their neighbours outside.
std::vector<IpAddress> interesting(const Policy& policy) {
    std::set<IpAddress> found;
    const auto add = [&](const IpNetwork& network) {
        for (const IpAddress& end : {network.address, network.last()}) {
            for (const IpAddress& each : {end, neighbour(end, true), neighbour(end, false)}) {
                if (each == each.unmapped()) found.insert(each);
            }
        }
    };
    for (const policy::SpecialRange& range : policy::special_ranges()) {
        add(range.network);
        if (range.embedded_at == 0) continue;
        for (const policy::SpecialRange& inner : policy::special_ranges()) {
            if (!inner.network.address.is_v4) continue;
            IpNetwork network = range.network;
            network.prefix = static_cast<unsigned>(8 * range.embedded_at) + inner.network.prefix;
            for (std::size_t index = 0; index < 4; ++index) {
                network.address.bytes[range.embedded_at + index] =
                    inner.network.address.bytes[index];
            }
            add(network);
        }
    }
    for (const policy::Rule& rule : policy.rules()) {
        if (rule.target == policy::Rule::Target::network) add(rule.network);
        for (const IpNetwork& place : rule.addresses)
            add(place);
    }
    return {found.begin(), found.end()};
}

constexpr std::uint16_t kPorts[] = {1, 53, 442, 443, 444, 7999, 8000, 8100, 65534, 65535};

bool is_refused_mark(const IpAddress& address) {
    return address == pf_proxy::kRefusedV4 || address == pf_proxy::kRefusedV6;
}

void agree(std::string_view text) {
    const Policy policy = parsed(text);
    const Routing routing = pf_proxy::egress_routing(policy, "enclave0");
    const std::vector<const RoutingRule*> ordered = in_order(routing);
    std::size_t allowed = 0;
    for (const IpAddress& address : interesting(policy)) {
        for (const std::uint16_t port : kPorts) {
            for (const Transport transport : {Transport::tcp, Transport::udp}) {
                const bool wanted = !is_refused_mark(address) &&
                                    policy.judge({{}, address, port, transport}).allowed;
                allowed += wanted ? 1 : 0;
                if (reaches_device(routing, ordered, {address, port, transport}) == wanted) {
                    continue;
                }
                FAIL(to_string(vsockio::IpEndpoint{address, port})
                     << " " << to_string(transport) << (wanted ? " is refused" : " gets out"));
            }
        }
    }
    INFO(text);
    CHECK(allowed > 0);
}

}  // namespace

TEST_CASE("routing rules decide as the policy does") {
    SECTION("everything that is ordinary") {
        agree("default: allow\n");
        agree("rules:\n  - allow: \"*\"\n");
        agree("rules:\n  - allow: \"0.0.0.0/0\"\n  - allow: \"::/0\"\n");
    }
    SECTION("special ranges, named at each depth") {
        agree("rules:\n  - allow: 169.254.0.0/16\n");
        agree("rules:\n  - allow: 169.254.169.254\n  - allow: 192.0.0.0/24\n");
        agree("rules:\n  - allow: 192.0.0.0/29\n  - allow: 192.0.0.0/8\n");
        agree("rules:\n  - allow: \"::/3\"\n  - allow: \"2001::/23\"\n  - allow: \"2001::/16\"\n");
        agree("rules:\n  - allow: \"64:ff9b::/96\"\n  - allow: \"2002:a00::/24\"\n");
        agree("rules:\n  - allow: \"64:ff9b::a00:0/104\"\n  - allow: \"fd00:ec2::254\"\n");
    }
    SECTION("order, ports and transports") {
        agree(
            "default: allow\nrules:\n  - deny: 1.1.1.0/24\n    ports: [53, 443]\n"
            "    transport: udp\n  - allow: 10.0.0.0/8\n    ports: [8000-8100]\n"
            "  - deny: \"2600::/12\"\n    ports: [444-65535]\n  - allow: fd00::/8\n");
        agree(
            "rules:\n  - allow: \"*\"\n    ports: [443, 8000-65535]\n"
            "  - deny: 8.8.8.8\n  - allow: 8.8.0.0/16\n    ports: [53]\n");
        agree("default: allow\nrules:\n  - deny: \"*\"\n    transport: udp\n    ports: [1-442]\n");
    }
    SECTION("hosts with addresses") {
        agree(
            "default: allow\nrules:\n  - allow: \"*\"\n    ports: [443]\n"
            "    addresses: [10.0.0.0/8, 169.254.0.0/16, 1.0.0.0/8]\n");
        agree(
            "rules:\n  - allow: \"*\"\n    ports: [443, 60000-65535]\n    transport: tcp\n"
            "    addresses: [\"fc00::/7\", \"2000::/3\"]\n  - allow: \"*\"\n");
    }
    SECTION("rules for names open nothing by address") {
        agree("rules:\n  - allow: a.example\n  - deny: \"*.example\"\n  - allow: 9.9.9.9\n");
    }
}

TEST_CASE("a pinned address is reached on the ports that its name is allowed") {
    const Policy policy = parsed(
        "rules:\n  - deny: 192.88.1.1\n  - allow: a.example\n    ports: [443, 8000-8100, 444]\n"
        "    transport: tcp\n  - allow: \"*.b.example\"\n    addresses: [10.2.0.0/24]\n"
        "  - deny: a.example\n  - allow: c.example\n    ports: [60000-65535]\n");
    const auto texts = [&](std::string_view name, std::string_view address) {
        std::vector<std::string> found;
        for (const RoutingRule& rule :
             pf_proxy::pin_rules(policy, name, vsockio::parse_ip_address(address).value())) {
            found.push_back(to_text(rule));
        }
        return found;
    };
    using Texts = std::vector<std::string>;
    CHECK(texts("a.example", "1.2.3.4") ==
          Texts{"pref 10010 from all to 1.2.3.4 ipproto tcp dport 443-444 lookup 60160",
                "pref 10010 from all to 1.2.3.4 ipproto tcp dport 8000-8100 lookup 60160"});
    CHECK(texts("x.b.example", "10.2.0.9") ==
          Texts{"pref 10010 from all to 10.2.0.9 ipproto tcp lookup 60160",
                "pref 10010 from all to 10.2.0.9 ipproto udp lookup 60160"});
    CHECK(texts("c.example", "2606::1")[0] ==
          "pref 10010 from all to 2606::1 ipproto tcp dport 60000-65534 lookup 60160");
    CHECK(texts("a.example", "192.88.1.1").empty());
    CHECK(texts("x.b.example", "10.3.0.9").empty());
    CHECK(texts("other.example", "1.2.3.4").empty());
    CHECK(texts("a.example", "::ffff:1.2.3.4") == texts("a.example", "1.2.3.4"));
}

TEST_CASE("a rule comes back from its message as it was") {
    Routing routing = pf_proxy::egress_routing(
        parsed("default: allow\nrules:\n  - deny: 1.1.1.0/24\n    ports: [53, 8000-65535]\n"
               "  - allow: fd00::/8\n    ports: [9-10]\n"),
        "enclave0");
    for (const auto answering : {pf_proxy::Answering::anybody, pf_proxy::Answering::loopback}) {
        for (const RoutingRule& rule :
             pf_proxy::return_routing({{80, 81}, {443, 443}}, answering).rules) {
            routing.rules.push_back(rule);
        }
    }
    for (const RoutingRule& rule : routing.rules) {
        pf_proxy::NetlinkMessage message = pf_proxy::rule_message(32, 0, rule);
        std::span<const std::byte> bytes = message.bytes(1);
        const auto part = pf_proxy::take_part(bytes);
        REQUIRE(part.has_value());
        CHECK(bytes.empty());
        const auto read = pf_proxy::read_rule(part->body);
        REQUIRE(read.has_value());
        CHECK(to_text(*read) == to_text(rule));
        CHECK(*read == rule);
    }
}

TEST_CASE("cut messages are no rules and are not read past their end") {
    const RoutingRule rule{.priority = 7, .destination = IpNetwork::only(pf_proxy::kRefusedV4)};
    pf_proxy::NetlinkMessage message = pf_proxy::rule_message(32, 0, rule);
    const std::span<const std::byte> whole = message.bytes(1);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        std::vector<std::byte> cut(whole.begin(),
                                   whole.begin() + static_cast<std::ptrdiff_t>(size));
        std::span<const std::byte> rest = cut;
        CHECK_FALSE(pf_proxy::take_part(rest).has_value());
        if (size < 16) continue;
        const auto read = pf_proxy::read_rule(std::span(cut).subspan(16));
        CHECK((!read.has_value() || *read != rule));
    }
}
