// The policy as routing rules.
#include "routing.h"

#include <algorithm>
#include <array>
#include <set>

#include "marks.h"

namespace pf_proxy {

using policy::PortRange;
using policy::Rule;
using policy::Verdict;
using vsockio::IpAddress;
using vsockio::IpNetwork;
using vsockio::Transport;
using Action = RoutingRule::Action;

namespace {

constexpr std::array kTransports = {Transport::tcp, Transport::udp};
constexpr IpNetwork kAllV4{IpAddress::v4(0, 0, 0, 0), 0};
constexpr IpNetwork kAllV6{IpAddress{}, 0};
constexpr std::uint16_t kLastMatchedPort = 65'534;  // the kernel's limit for a range's end

// Priorities that one rule of a policy takes, in their order.
enum Slot : std::uint32_t { kGaps, kAllow, kRefuse, kEnd, kSlots };
static_assert(kPolicyPriority + policy::kMaxRules * kSlots + 1 < kLastPriority);

// The special ranges, with those that lie in others because an IPv4 address is embedded.
std::set<IpNetwork> special_networks() {
    std::set<IpNetwork> networks;
    for (const policy::SpecialRange& outer : policy::special_ranges()) {
        networks.insert(outer.network);
        if (outer.embedded_at == 0) continue;
        for (const policy::SpecialRange& inner : policy::special_ranges()) {
            if (!inner.network.address.is_v4) continue;
            IpNetwork network = outer.network;
            network.prefix = static_cast<unsigned>(8 * outer.embedded_at) + inner.network.prefix;
            for (std::size_t index = 0; index < 4; ++index) {
                network.address.bytes[outer.embedded_at + index] =
                    inner.network.address.bytes[index];
            }
            networks.insert(network);
        }
    }
    return networks;
}

class Compiler {
  public:
    Compiler() : special_(special_networks()) {}

    void add(const Rule& rule, std::uint32_t priority);
    void add_default(Verdict verdict, std::uint32_t priority);
    std::vector<RoutingRule> rules;
    std::vector<Route> routes();

  private:
    // In how many ranges the network lies.
    std::uint32_t depth(const IpNetwork& network) const {
        return static_cast<std::uint32_t>(
            std::count_if(special_.begin(), special_.end(),
                          [&](const IpNetwork& range) { return range.contains(network); }));
    }
    std::uint32_t table_for(const IpNetwork& network) {
        const std::uint32_t deep = depth(network);
        depths_.insert(deep);
        return kAllowedTable + deep;
    }
    // One rule for each transport and range of ports.
    void spread(const Rule& rule, RoutingRule pattern, std::uint32_t priority, Slot slot);
    void skip_gaps(const Rule& rule, std::uint32_t priority);

    std::set<IpNetwork> special_;
    std::set<std::uint32_t> depths_;  // of the tables in use
};

bool has_last_port(const Rule& rule) {
    return std::any_of(rule.ports.begin(), rule.ports.end(),
                       [](const PortRange& range) { return range.last > kLastMatchedPort; });
}

// The ranges of ports that are not the rule's.
std::vector<PortRange> gaps(std::vector<PortRange> ports) {
    std::sort(ports.begin(), ports.end(),
              [](const PortRange& one, const PortRange& other) { return one.first < other.first; });
    std::vector<PortRange> found;
    std::uint32_t next = 1;
    for (const PortRange& range : ports) {
        if (range.first > next) {
            found.push_back(
                {static_cast<std::uint16_t>(next), static_cast<std::uint16_t>(range.first - 1)});
        }
        next = std::max<std::uint32_t>(next, range.last + 1U);
    }
    return found;
}

bool is_for(const Rule& rule, Transport transport) {
    return rule.transport.value_or(transport) == transport;
}

bool is_for(const Rule& rule, bool is_v4) {
    return rule.target != Rule::Target::network || rule.network.address.is_v4 == is_v4;
}

void Compiler::spread(const Rule& rule, RoutingRule pattern, std::uint32_t priority, Slot slot) {
    pattern.priority = priority + slot;
    for (const Transport transport : kTransports) {
        if (!is_for(rule, transport)) continue;
        pattern.transport = transport;
        if (rule.ports.empty() || has_last_port(rule)) {
            rules.push_back(pattern);
            continue;
        }
        for (const PortRange& range : rule.ports) {
            pattern.ports = range;
            rules.push_back(pattern);
        }
        pattern.ports.reset();
    }
}

// No range of the kernel's ends at 65535. Where the rule has that port, all others than the rule's
// pass it by instead.
void Compiler::skip_gaps(const Rule& rule, std::uint32_t priority) {
    for (const bool is_v4 : {true, false}) {
        if (!is_for(rule, is_v4)) continue;
        RoutingRule skip{.is_v4 = is_v4,
                         .priority = priority + kGaps,
                         .action = Action::skip_to,
                         .table = priority + kEnd};
        for (const Transport transport : kTransports) {
            if (!is_for(rule, transport)) continue;
            skip.transport = transport;
            for (const PortRange& range : gaps(rule.ports)) {
                skip.ports = range;
                rules.push_back(skip);
            }
        }
        rules.push_back({.is_v4 = is_v4, .priority = priority + kEnd, .action = Action::nothing});
    }
}

void Compiler::add(const Rule& rule, std::uint32_t priority) {
    if (rule.target == Rule::Target::name || rule.target == Rule::Target::below) return;
    if (has_last_port(rule)) skip_gaps(rule, priority);
    const auto allow = [&](const IpNetwork& network) {
        RoutingRule pattern{
            .is_v4 = network.address.is_v4, .action = Action::lookup, .table = table_for(network)};
        if (network.prefix != 0) pattern.destination = network;
        spread(rule, pattern, priority, kAllow);
    };
    const bool is_network = rule.target == Rule::Target::network;
    if (rule.verdict == Verdict::allow) {
        if (is_network) return allow(rule.network);
        if (rule.addresses.empty()) {
            allow(kAllV4);
            return allow(kAllV6);
        }
        std::for_each(rule.addresses.begin(), rule.addresses.end(), allow);
    }
    // Denied, or outside of where everything may lie.
    for (const bool is_v4 : {true, false}) {
        if (!is_for(rule, is_v4)) continue;
        RoutingRule pattern{.is_v4 = is_v4, .action = Action::prohibit};
        if (is_network && rule.network.prefix != 0) pattern.destination = rule.network;
        spread(rule, pattern, priority, kRefuse);
    }
}

// Only TCP and UDP are carried: anything else has no way out, whatever the policy.
void Compiler::add_default(Verdict verdict, std::uint32_t priority) {
    if (verdict == Verdict::allow) {
        Rule everything;
        everything.verdict = verdict;
        add(everything, priority);
    }
    for (const bool is_v4 : {true, false}) {
        rules.push_back({.is_v4 = is_v4, .priority = kLastPriority, .action = Action::prohibit});
    }
}

std::vector<Route> Compiler::routes() {
    std::vector<Route> found;
    for (const std::uint32_t deep : depths_) {
        const std::uint32_t table = kAllowedTable + deep;
        found.push_back({table, Route::Kind::device, kAllV4, {}});
        found.push_back({table, Route::Kind::device, kAllV6, {}});
        for (const IpNetwork& range : special_) {
            if (depth(range) > deep) found.push_back({table, Route::Kind::throw_back, range, {}});
        }
    }
    return found;
}

// What comes before the policy, for both families.
void add_frame(Routing& routing) {
    for (const bool is_v4 : {true, false}) {
        const IpNetwork& all = is_v4 ? kAllV4 : kAllV6;
        routing.routes.push_back({kLoopbackTable, Route::Kind::loopback, all, {}});
        routing.routes.push_back({kPinnedTable, Route::Kind::device, all, {}});
        const auto lookup = [&](std::uint32_t priority, std::uint32_t table, std::uint32_t mark) {
            routing.rules.push_back({.is_v4 = is_v4,
                                     .priority = priority,
                                     .action = Action::lookup,
                                     .table = table,
                                     .without_default = mark == 0,
                                     .mark = mark,
                                     .mark_mask = mark == 0 ? 0 : kMarkMask});
        };
        constexpr std::uint32_t kMainTable = 254;
        lookup(kEgressPriority, kMainTable, kOwnMark);
        lookup(kEgressPriority + 1, kLoopbackTable, kLocalMark);
        lookup(kEgressPriority + 2, kPinnedTable, kRefusedMark);
        // Networks of other devices, as of containers within the enclave, are not the proxy's.
        lookup(kEgressPriority + 3, kMainTable, 0);
        routing.rules.push_back({.is_v4 = is_v4,
                                 .priority = kEgressPriority + 4,
                                 .action = Action::prohibit,
                                 .destination = IpNetwork::only(is_v4 ? kRefusedV4 : kRefusedV6)});
    }
}

}  // namespace

Routing egress_routing(const policy::Policy& policy, std::string_view device) {
    Routing routing;
    routing.device = device;
    routing.addresses = {kDeviceV4, kDeviceV6};
    add_frame(routing);
    Compiler compiler;
    std::uint32_t priority = kPolicyPriority;
    for (const Rule& rule : policy.rules()) {
        compiler.add(rule, priority);
        priority += kSlots;
    }
    compiler.add_default(policy.default_verdict(), priority);
    routing.rules.insert(routing.rules.end(), compiler.rules.begin(), compiler.rules.end());
    const std::vector<Route> routes = compiler.routes();
    routing.routes.insert(routing.routes.end(), routes.begin(), routes.end());
    return routing;
}

Routing return_routing(const std::vector<PortRange>& ports, Answering answering) {
    Routing routing;
    for (const bool is_v4 : {true, false}) {
        const IpAddress loopback =
            is_v4 ? IpAddress::v4(127, 0, 0, 1) : IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 1});
        routing.routes.push_back(
            {kReturnTable, Route::Kind::loopback, is_v4 ? kAllV4 : kAllV6, loopback});
        RoutingRule rule{.is_v4 = is_v4,
                         .priority = kReturnPriority,
                         .action = Action::lookup,
                         .table = kReturnTable,
                         .mark = kReturnMark,
                         .mark_mask = 0xFFFF'FFFF};
        routing.rules.push_back(rule);
        rule.mark = rule.mark_mask = 0;
        rule.priority = kReturnPriority + 1;
        rule.transport = Transport::tcp;
        if (answering == Answering::loopback) {
            rule.source =
                is_v4 ? IpNetwork{IpAddress::v4(127, 0, 0, 0), 8} : IpNetwork::only(loopback);
        }
        for (const PortRange& range : ports) {
            rule.source_ports = range;
            routing.rules.push_back(rule);
        }
    }
    return routing;
}

}  // namespace pf_proxy
