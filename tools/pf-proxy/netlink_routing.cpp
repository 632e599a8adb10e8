// Rules and routes as messages, and the difference between what is there and what shall be.
#include "netlink_routing.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

#include <map>
#include <set>

#include "marks.h"
#include "netlink_device.h"

namespace pf_proxy {

using base::Error;
using base::Result;
using vsockio::IpAddress;
using vsockio::Transport;
using Action = RoutingRule::Action;

namespace {

constexpr std::uint16_t kAsk = NLM_F_REQUEST | NLM_F_ACK;
constexpr std::uint8_t kFamilies[] = {AF_INET, AF_INET6};
// More tables than special ranges nest.
constexpr std::uint32_t kDepths = 16;

std::span<const std::byte> bytes_of(const IpAddress& address) {
    return std::span(address.bytes).first(address.bits() / 8);
}

std::uint8_t action_number(Action action) {
    switch (action) {
        case Action::lookup: return FR_ACT_TO_TBL;
        case Action::prohibit: return FR_ACT_PROHIBIT;
        case Action::skip_to: return FR_ACT_GOTO;
        case Action::nothing: return FR_ACT_NOP;
    }
    return FR_ACT_PROHIBIT;
}

fib_rule_port_range native(const policy::PortRange& ports) {
    return {.start = ports.first, .end = ports.last};
}

std::optional<policy::PortRange> port_range(const NetlinkAttribute& attribute) {
    const auto ports = attribute.as<fib_rule_port_range>();
    if (!ports.has_value()) return std::nullopt;
    return policy::PortRange{ports->start, ports->end};
}

// Nothing when the attribute is no address of the family.
std::optional<vsockio::IpNetwork> network_of(const NetlinkAttribute& attribute, bool is_v4,
                                             unsigned prefix) {
    vsockio::IpNetwork network;
    network.address.is_v4 = is_v4;
    network.prefix = prefix;
    if (attribute.value.size() * 8 != network.address.bits()) return std::nullopt;
    std::memcpy(network.address.bytes.data(), attribute.value.data(), attribute.value.size());
    return network;
}

NetlinkMessage route_message(const Route& route, std::uint32_t device) {
    NetlinkMessage message(RTM_NEWROUTE, kAsk | NLM_F_CREATE | NLM_F_REPLACE);
    rtmsg header{};
    header.rtm_family = route.destination.address.is_v4 ? AF_INET : AF_INET6;
    header.rtm_dst_len = static_cast<unsigned char>(route.destination.prefix);
    header.rtm_table = RT_TABLE_UNSPEC;
    header.rtm_protocol = kRoutingProtocol;
    header.rtm_scope = RT_SCOPE_UNIVERSE;
    header.rtm_type = RTN_THROW;
    if (route.kind == Route::Kind::loopback) {
        header.rtm_type = RTN_LOCAL;
        header.rtm_scope = RT_SCOPE_HOST;
    } else if (route.kind == Route::Kind::device) {
        header.rtm_type = RTN_UNICAST;
        header.rtm_scope = RT_SCOPE_LINK;
    }
    message.append(header);
    message.attribute(RTA_TABLE, route.table);
    if (route.destination.prefix != 0) {
        message.attribute_bytes(RTA_DST, bytes_of(route.destination.address));
    }
    if (route.kind != Route::Kind::throw_back) {
        message.attribute(RTA_OIF, route.kind == Route::Kind::device ? device : 1U);  // 1: lo
    }
    if (route.source.has_value()) message.attribute_bytes(RTA_PREFSRC, bytes_of(*route.source));
    return message;
}

Result<std::vector<RoutingRule>> rules_there(NetlinkSocket& kernel, const RoutingRange& range) {
    std::vector<RoutingRule> found;
    for (const std::uint8_t family : kFamilies) {
        NetlinkMessage message(RTM_GETRULE, NLM_F_REQUEST | NLM_F_DUMP);
        fib_rule_hdr header{};
        header.family = family;
        message.append(header);
        TRY(kernel.list(message, [&](const NetlinkPart& part) {
            const std::optional<RoutingRule> rule = read_rule(part.body);
            if (!rule.has_value() || rule->priority < range.first_priority) return;
            if (rule->priority <= range.last_priority) found.push_back(*rule);
        }));
    }
    return found;
}

// Routes are taken away as they were listed, whatever they say.
Result<void> remove_routes(NetlinkSocket& kernel, const RoutingRange& range) {
    for (const std::uint8_t family : kFamilies) {
        std::vector<std::vector<std::byte>> bodies;
        NetlinkMessage message(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP);
        rtmsg header{};
        header.rtm_family = family;
        message.append(header);
        TRY(kernel.list(message, [&](const NetlinkPart& part) {
            std::span<const std::byte> rest = part.body;
            const std::optional<rtmsg> route = take_plain<rtmsg>(rest);
            if (!route.has_value() || route->rtm_protocol != kRoutingProtocol) return;
            while (const std::optional<NetlinkAttribute> attribute = take_attribute(rest)) {
                if (attribute->type != RTA_TABLE) continue;
                const std::uint32_t table = attribute->as<std::uint32_t>().value_or(0);
                if (table < range.first_table || table > range.last_table) continue;
                bodies.emplace_back(part.body.begin(), part.body.end());
            }
        }));
        for (const std::vector<std::byte>& body : bodies) {
            std::span<const std::byte> rest = body;
            NetlinkMessage removal(RTM_DELROUTE, kAsk);
            removal.append(take_plain<rtmsg>(rest).value_or(rtmsg{}));
            while (const std::optional<NetlinkAttribute> attribute = take_attribute(rest)) {
                removal.attribute_bytes(attribute->type, attribute->value);
            }
            const int problem = TRY(kernel.ask(removal));
            if (problem != 0 && problem != ESRCH) {
                return Error::system("remove", "a route", problem);
            }
        }
    }
    return {};
}

std::string key(const RoutingRule& rule) {
    return (rule.is_v4 ? "4 " : "6 ") + to_text(rule);
}

}  // namespace

const RoutingRange kEgressRange{kEgressPriority, kLastPriority, kLoopbackTable,
                                kAllowedTable + kDepths};
const RoutingRange kReturnRange{kReturnPriority, kReturnPriority + 1, kReturnTable, kReturnTable};

NetlinkMessage rule_message(std::uint16_t type, std::uint16_t flags, const RoutingRule& rule) {
    NetlinkMessage message(type, flags);
    fib_rule_hdr header{};
    header.family = rule.is_v4 ? AF_INET : AF_INET6;
    header.action = action_number(rule.action);
    if (rule.destination.has_value()) {
        header.dst_len = static_cast<std::uint8_t>(rule.destination->prefix);
    }
    if (rule.source.has_value()) {
        header.src_len = static_cast<std::uint8_t>(rule.source->prefix);
    }
    message.append(header);
    message.attribute(FRA_PRIORITY, rule.priority);
    message.attribute(FRA_PROTOCOL, kRoutingProtocol);
    if (rule.action == Action::lookup) message.attribute(FRA_TABLE, rule.table);
    if (rule.action == Action::skip_to) message.attribute(FRA_GOTO, rule.table);
    if (rule.without_default) message.attribute<std::uint32_t>(FRA_SUPPRESS_PREFIXLEN, 0);
    if (rule.destination.has_value()) {
        message.attribute_bytes(FRA_DST, bytes_of(rule.destination->address));
    }
    if (rule.source.has_value()) {
        message.attribute_bytes(FRA_SRC, bytes_of(rule.source->address));
    }
    if (rule.mark_mask != 0) {
        message.attribute(FRA_FWMARK, rule.mark);
        message.attribute(FRA_FWMASK, rule.mark_mask);
    }
    if (rule.transport.has_value()) {
        message.attribute<std::uint8_t>(
            FRA_IP_PROTO, *rule.transport == Transport::tcp ? IPPROTO_TCP : IPPROTO_UDP);
    }
    if (rule.source_ports.has_value()) {
        message.attribute(FRA_SPORT_RANGE, native(*rule.source_ports));
    }
    if (rule.ports.has_value()) message.attribute(FRA_DPORT_RANGE, native(*rule.ports));
    return message;
}

std::optional<RoutingRule> read_rule(std::span<const std::byte> body) {
    const std::optional<fib_rule_hdr> header = take_plain<fib_rule_hdr>(body);
    if (!header.has_value()) return std::nullopt;
    RoutingRule rule;
    rule.is_v4 = header->family == AF_INET;
    switch (header->action) {
        case FR_ACT_TO_TBL: rule.action = Action::lookup; break;
        case FR_ACT_PROHIBIT: rule.action = Action::prohibit; break;
        case FR_ACT_GOTO: rule.action = Action::skip_to; break;
        case FR_ACT_NOP: rule.action = Action::nothing; break;
        default: return std::nullopt;
    }
    bool ours = false;
    while (const std::optional<NetlinkAttribute> attribute = take_attribute(body)) {
        const std::uint32_t number = attribute->as<std::uint32_t>().value_or(0);
        switch (attribute->type) {
            case FRA_PROTOCOL: ours = attribute->as<std::uint8_t>() == kRoutingProtocol; break;
            case FRA_PRIORITY: rule.priority = number; break;
            case FRA_TABLE:
                if (rule.action == Action::lookup) rule.table = number;
                break;
            case FRA_GOTO: rule.table = number; break;
            case FRA_SUPPRESS_PREFIXLEN: rule.without_default = number == 0; break;
            case FRA_FWMARK: rule.mark = number; break;
            case FRA_FWMASK: rule.mark_mask = number; break;
            case FRA_SPORT_RANGE: rule.source_ports = port_range(*attribute); break;
            case FRA_DPORT_RANGE: rule.ports = port_range(*attribute); break;
            case FRA_IP_PROTO:
                rule.transport =
                    attribute->as<std::uint8_t>() == IPPROTO_UDP ? Transport::udp : Transport::tcp;
                break;
            case FRA_DST:
                rule.destination = network_of(*attribute, rule.is_v4, header->dst_len);
                if (!rule.destination.has_value()) return std::nullopt;
                break;
            case FRA_SRC:
                rule.source = network_of(*attribute, rule.is_v4, header->src_len);
                if (!rule.source.has_value()) return std::nullopt;
                break;
            default: break;
        }
    }
    if (!ours) return std::nullopt;
    return rule;
}

Result<void> add_rule(NetlinkSocket& kernel, const RoutingRule& rule) {
    NetlinkMessage message = rule_message(RTM_NEWRULE, kAsk | NLM_F_CREATE | NLM_F_EXCL, rule);
    const int problem = TRY(kernel.ask(message));
    if (problem != 0 && problem != EEXIST) {
        return Error::system("add the routing rule", to_text(rule), problem);
    }
    return {};
}

Result<void> remove_rule(NetlinkSocket& kernel, const RoutingRule& rule) {
    NetlinkMessage message = rule_message(RTM_DELRULE, kAsk, rule);
    const int problem = TRY(kernel.ask(message));
    if (problem != 0 && problem != ENOENT) {
        return Error::system("remove the routing rule", to_text(rule), problem);
    }
    return {};
}

Result<void> apply_routing(NetlinkSocket& kernel, const Routing& routing,
                           const RoutingRange& range) {
    std::uint32_t device = 0;
    if (!routing.device.empty()) {
        device = static_cast<std::uint32_t>(
            TRY(ensure_device(kernel, routing.device, routing.addresses)));
    }
    for (const Route& route : routing.routes) {
        NetlinkMessage message = route_message(route, device);
        const int problem = TRY(kernel.ask(message));
        if (problem != 0) {
            return Error::system("add a route to", to_string(route.destination), problem);
        }
    }
    std::set<std::string> wanted;
    for (const RoutingRule& rule : routing.rules)
        wanted.insert(key(rule));
    std::set<std::string> there;
    std::vector<RoutingRule> surplus;
    for (const RoutingRule& rule : TRY(rules_there(kernel, range))) {
        there.insert(key(rule));
        if (!wanted.contains(key(rule)) && rule.priority != kPinPriority) surplus.push_back(rule);
    }
    for (const RoutingRule& rule : routing.rules) {
        if (!there.contains(key(rule))) TRY(add_rule(kernel, rule));
    }
    for (const RoutingRule& rule : surplus)
        TRY(remove_rule(kernel, rule));
    return {};
}

Result<void> remove_routing(NetlinkSocket& kernel, const Routing& routing,
                            const RoutingRange& range) {
    for (const RoutingRule& rule : TRY(rules_there(kernel, range))) {
        TRY(remove_rule(kernel, rule));
    }
    TRY(remove_routes(kernel, range));
    if (!routing.device.empty()) {
        TRY(remove_device(kernel, routing.device, routing.addresses));
    }
    return {};
}

}  // namespace pf_proxy
