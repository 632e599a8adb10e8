// What lets an application reach an address by the name that it is pinned to. The policy itself is
// asked, port by port where its answer may change, so there is no second reading of it.
#include <algorithm>
#include <set>

#include "marks.h"
#include "routing.h"

namespace pf_proxy {

using policy::PortRange;
using vsockio::Transport;

namespace {

constexpr unsigned kPorts = 65'536;
constexpr std::uint16_t kLastMatchedPort = 65'534;  // the kernel's limit for a range's end

// Where the answer may change: each begins a range within which all ports are judged alike.
std::set<unsigned> boundaries(const policy::Policy& policy) {
    std::set<unsigned> found = {1, kPorts};
    for (const policy::Rule& rule : policy.rules()) {
        for (const PortRange& range : rule.ports) {
            found.insert(range.first);
            found.insert(range.last + 1U);
        }
    }
    return found;
}

std::vector<PortRange> allowed_ports(const policy::Policy& policy, policy::Request request) {
    std::vector<PortRange> allowed;
    const std::set<unsigned> starts = boundaries(policy);
    for (auto start = starts.begin(); *start != kPorts; ++start) {
        request.port = static_cast<std::uint16_t>(*start);
        if (!policy.judge(request).allowed) continue;
        const auto last = static_cast<std::uint16_t>(*std::next(start) - 1);
        if (!allowed.empty() && allowed.back().last + 1U == *start) {
            allowed.back().last = last;
        } else {
            allowed.push_back({request.port, last});
        }
    }
    return allowed;
}

}  // namespace

std::vector<RoutingRule> pin_rules(const policy::Policy& policy, std::string_view name,
                                   const vsockio::IpAddress& address) {
    const vsockio::IpAddress plain = address.unmapped();
    std::vector<RoutingRule> rules;
    for (const Transport transport : {Transport::tcp, Transport::udp}) {
        RoutingRule rule{.is_v4 = plain.is_v4,
                         .priority = kPinPriority,
                         .action = RoutingRule::Action::lookup,
                         .table = kPinnedTable,
                         .destination = vsockio::IpNetwork::only(plain),
                         .transport = transport};
        for (PortRange range : allowed_ports(policy, {name, plain, 0, transport})) {
            const bool all = range == PortRange{1, kPorts - 1};
            range.last = std::min(range.last, kLastMatchedPort);
            if (range.first > range.last) continue;
            rule.ports.reset();
            if (!all) rule.ports = range;
            rules.push_back(rule);
        }
    }
    return rules;
}

}  // namespace pf_proxy
