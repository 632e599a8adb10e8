// Routing as the words of ip(8).
#include "base/format.h"
#include "marks.h"
#include "routing.h"

namespace pf_proxy {

namespace {

std::string ports(const policy::PortRange& range) {
    if (range.first == range.last) return fmt::format("{}", range.first);
    return fmt::format("{}-{}", range.first, range.last);
}

std::string to_text(const Route& route, std::string_view device) {
    const std::string destination =
        route.destination.prefix == 0 ? "default" : to_string(route.destination);
    std::string_view type;
    if (route.kind == Route::Kind::loopback) type = "local ";
    if (route.kind == Route::Kind::throw_back) type = "throw ";  // lint: allow words: ip's word
    std::string line = fmt::format("ip -{} route replace {}{}",
                                   route.destination.address.is_v4 ? 4 : 6, type, destination);
    if (route.kind == Route::Kind::loopback) line += " dev lo";
    if (route.kind == Route::Kind::device) line += fmt::format(" dev {}", device);
    if (route.source.has_value()) line += fmt::format(" src {}", to_string(*route.source));
    return fmt::format("{} table {} proto {}\n", line, route.table, kRoutingProtocol);
}

}  // namespace

std::string to_text(const RoutingRule& rule) {
    std::string line =
        fmt::format("pref {} from {}", rule.priority,
                    rule.source.has_value() ? to_string(*rule.source) : std::string("all"));
    if (rule.destination.has_value()) line += fmt::format(" to {}", to_string(*rule.destination));
    if (rule.mark_mask != 0) {
        line += fmt::format(" fwmark {:#x}/{:#x}", rule.mark, rule.mark_mask);
    }
    if (rule.transport.has_value()) {
        line += fmt::format(" ipproto {}", vsockio::to_string(*rule.transport));
    }
    if (rule.source_ports.has_value()) line += fmt::format(" sport {}", ports(*rule.source_ports));
    if (rule.ports.has_value()) line += fmt::format(" dport {}", ports(*rule.ports));
    switch (rule.action) {
        case RoutingRule::Action::lookup: line += fmt::format(" lookup {}", rule.table); break;
        case RoutingRule::Action::prohibit: line += " prohibit"; break;
        case RoutingRule::Action::skip_to: line += fmt::format(" goto {}", rule.table); break;
        case RoutingRule::Action::nothing: line += " nop"; break;
    }
    if (rule.without_default) line += " suppress_prefixlength 0";
    return line;
}

std::string to_text(const Routing& routing) {
    std::string text;
    if (!routing.device.empty()) {
        text += fmt::format("ip link add {0} type dummy\nip link set {0} mtu 65535 up\n",
                            routing.device);
    }
    for (const vsockio::IpAddress& address : routing.addresses) {
        text += fmt::format("ip address replace {}/{} dev {}{}\n", to_string(address),
                            address.bits(), routing.device, address.is_v4 ? "" : " nodad");
    }
    for (const Route& route : routing.routes)
        text += to_text(route, routing.device);
    for (const RoutingRule& rule : routing.rules) {
        text += fmt::format("ip -{} rule add {} protocol {}\n", rule.is_v4 ? 4 : 6, to_text(rule),
                            kRoutingProtocol);
    }
    return text;
}

}  // namespace pf_proxy
