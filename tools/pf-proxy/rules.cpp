// The texts of the rulesets.
//
// Order within the output hook, by priority: hold (SYNs wait), refuse (verdicts become errors),
// datagrams (marked, so that they are routed to the loopback), connections (redirected).
#include "rules.h"

#include "base/format.h"
#include "base/text.h"
#include "marks.h"

namespace pf_proxy {

using base::Error;
using base::Result;
using policy::PortRange;

namespace {

// A set for nft(8): "{ 80, 9000-9100 }".
std::string port_set(const std::vector<PortRange>& ports) {
    std::string text;
    for (const PortRange& range : ports) {
        text += text.empty() ? "{ " : ", ";
        text += range.first == range.last ? fmt::format("{}", range.first)
                                          : fmt::format("{}-{}", range.first, range.last);
    }
    return text + " }";
}

std::string in_table(std::string_view table, std::string_view chains) {
    return fmt::format("{}table inet {} {{\n{}}}\n", removal_text(table), table, chains);
}

std::string chain(std::string_view name, std::string_view base, std::string_view rules) {
    return fmt::format("\tchain {} {{\n\t\ttype {}; policy accept;\n{}\t}}\n", name, base, rules);
}

std::string refusals() {
    return fmt::format(
        "\t\tmeta mark {:#x} meta l4proto tcp reject with tcp reset\n"
        "\t\tmeta mark {:#x} reject with icmpx host-unreachable\n"
        "\t\tmeta mark {:#x} reject with icmpx no-route\n"
        "\t\tmeta mark {:#x} reject with icmpx admin-prohibited\n",
        kResetMark, kHostUnreachableMark, kNoRouteMark, kProhibitedMark);
}

}  // namespace

std::string removal_text(std::string_view table) {
    return fmt::format("add table inet {0}\ndelete table inet {0}\n", table);
}

std::string to_text(const EgressRules& rules) {
    std::string chains;
    if (rules.hold) {
        // Without a listener the SYN passes on to the redirect, where nobody listens either: a
        // proxy that is not there means "connection refused" and not a wait for minutes.
        chains += chain("hold", "filter hook output priority -170",
                        fmt::format("\t\toifname \"{}\" tcp flags & (fin | syn | rst | ack) == syn "
                                    "queue num {} bypass\n",
                                    rules.device, kQueueNumber));
        chains += chain("refuse", "filter hook output priority -145", refusals());
    }
    chains += chain("datagrams", "route hook output priority -150",
                    fmt::format("\t\toifname \"{}\" meta l4proto udp meta mark set {:#x}\n",
                                rules.device, kDatagramMark));
    chains += chain("connections", "nat hook output priority -100",
                    fmt::format("\t\toifname \"{}\" meta l4proto tcp redirect to :{}\n",
                                rules.device, rules.port));
    // What no proxy takes must not reach whoever listens at the port that the datagram was for.
    chains += chain("deliver", "filter hook prerouting priority -150",
                    fmt::format("\t\tmeta mark != {0:#x} accept\n"
                                "\t\tmeta nfproto ipv4 meta l4proto udp tproxy ip to "
                                "127.0.0.1:{1} accept\n"
                                "\t\tmeta nfproto ipv6 meta l4proto udp tproxy ip6 to "
                                "[::1]:{1} accept\n"
                                "\t\tdrop\n",
                                kDatagramMark, rules.port));
    return in_table(kEgressTable, chains);
}

std::string to_text(const IngressRules& rules) {
    const std::string ports = port_set(rules.ports);
    const std::string where =
        rules.interface.empty() ? "" : fmt::format("iifname \"{}\" ", rules.interface);
    const std::string redirect =
        fmt::format("fib daddr type local tcp dport {} redirect to :{}\n", ports, rules.port);
    std::string chains = chain("remote", "nat hook prerouting priority -100",
                               fmt::format("\t\t{}{}", where, redirect));
    if (rules.interface.empty()) {
        chains +=
            chain("here", "nat hook output priority -100",
                  fmt::format("\t\tmeta mark & {:#x} != {:#x} {}", kMarkMask, kOwnMark, redirect));
    }
    const std::string datagrams =
        fmt::format("{}fib daddr type local udp dport {} tproxy", where, ports);
    chains += chain("datagrams", "filter hook prerouting priority -150",
                    fmt::format("\t\tmeta nfproto ipv4 {0} ip to :{1} accept\n"
                                "\t\tmeta nfproto ipv6 {0} ip6 to :{1} accept\n",
                                datagrams, rules.port));
    return in_table(kIngressTable, chains);
}

std::string to_text(const AnswerRules& rules) {
    return in_table(kAnswersTable, chain("answers", "filter hook prerouting priority -150",
                                         fmt::format("\t\ttcp sport {} socket transparent 1 "
                                                     "meta mark set {:#x} accept\n",
                                                     port_set(rules.ports), kReturnMark)));
}

Result<std::vector<PortRange>> parse_ports(std::string_view text) {
    std::vector<PortRange> ports;
    for (const std::string_view item : base::split(text, ',')) {
        const std::size_t dash = item.find('-');
        const auto first = base::parse_number(item.substr(0, dash), 1, 65'535);
        const auto last = dash == std::string_view::npos
                              ? first
                              : base::parse_number(item.substr(dash + 1), 1, 65'535);
        if (!first.ok() || !last.ok() || first.value() > last.value()) {
            return Error::usage(
                fmt::format("{} is no port and no range of ports", base::quote(item)));
        }
        ports.push_back(
            {static_cast<std::uint16_t>(first.value()), static_cast<std::uint16_t>(last.value())});
    }
    if (ports.size() > policy::kMaxPorts) {
        return Error::usage(fmt::format("more than {} ports and ranges", policy::kMaxPorts));
    }
    return ports;
}

}  // namespace pf_proxy
