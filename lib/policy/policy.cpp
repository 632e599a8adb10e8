// Decisions and their reasons.
#include "policy/policy.h"

#include <bitset>

#include "base/format.h"
#include "base/text.h"
#include "policy/host_name.h"

namespace policy {

using base::Result;
using vsockio::IpAddress;
using vsockio::Transport;

namespace {

constexpr std::size_t kPorts = 65536;

Decision refuse(std::string reason) {
    return {false, 0, std::move(reason)};
}

std::string describe_special(const Query& query) {
    return fmt::format("{} is special ({}, {})", to_string(*query.address), query.special->name,
                       to_string(query.special->network));
}

// What a host, an address or both ask for; an Error's message is the reason for a refusal.
Result<Query> make_query(std::string_view host, std::optional<IpAddress> address,
                         std::uint16_t port, Transport transport) {
    Query query;
    query.port = port;
    query.transport = transport;
    if (address.has_value()) address = address->unmapped();
    if (!host.empty() || !address.has_value()) {
        Host parsed = TRY(parse_host(host));
        if (auto* name = std::get_if<std::string>(&parsed)) {
            query.name = std::move(*name);
        } else {
            const IpAddress meant = std::get<IpAddress>(parsed).unmapped();
            if (address.value_or(meant) != meant) {
                return base::Error::data(fmt::format("the host is the address {} and not {}",
                                                     to_string(meant), to_string(*address)));
            }
            address = meant;
        }
    }
    if (port == 0) return base::Error::data("there is no port 0");
    query.address = address;
    if (address.has_value()) query.special = special_range(*address);
    return query;
}

Decision decision_of(const Rule& rule, Match match, const Query& query) {
    if (match == Match::misplaced) {
        return {false, rule.line,
                fmt::format("line {}: {} is for other addresses than {}", rule.line,
                            to_string(rule), to_string(*query.address))};
    }
    if (match == Match::misplaced_special) {
        return {false, rule.line,
                fmt::format("{}, which the addresses of line {} do not name",
                            describe_special(query), rule.line)};
    }
    return {rule.verdict == Verdict::allow, rule.line,
            fmt::format("line {}: {}", rule.line, to_string(rule))};
}

// The ports of both transports that no rule has decided yet.
class OpenPorts {
  public:
    OpenPorts() {
        for (auto& ports : open_) {
            ports.set();
            ports.reset(0);
        }
    }
    bool any() const { return open_[0].any() || open_[1].any(); }
    // Whether the rule is about any open port; these are then decided.
    bool take(const Rule& rule) {
        bool taken = false;
        for (const Transport transport : {Transport::tcp, Transport::udp}) {
            if (rule.transport.value_or(transport) != transport) continue;
            auto& ports = open_[transport == Transport::tcp ? 0 : 1];
            if (rule.ports.empty()) {
                taken = taken || ports.any();
                ports.reset();
            }
            for (const PortRange& range : rule.ports) {
                for (std::size_t port = range.first; port <= range.last; ++port) {
                    taken = taken || ports.test(port);
                    ports.reset(port);
                }
            }
        }
        return taken;
    }

  private:
    std::bitset<kPorts> open_[2];
};

}  // namespace

Decision Policy::without_rule(const Query& query) const {
    if (query.special.has_value()) {
        return refuse(
            fmt::format("{}, and no rule that allows it names it", describe_special(query)));
    }
    if (default_ == Verdict::allow) return {true, 0, "no rule matches, the default is allow"};
    return refuse("no rule matches, the default is deny");
}

Decision Policy::decide(const Query& query) const {
    for (const Rule& rule : rules_) {
        const Match outcome = match(rule, query);
        if (decides(outcome)) return decision_of(rule, outcome, query);
    }
    return without_rule(query);
}

Decision Policy::judge(const Request& request) const {
    const Result<Query> query =
        make_query(request.name, request.address, request.port, request.transport);
    return query.ok() ? decide(query.value()) : refuse(query.error().message);
}

Decision Policy::judge_name(std::string_view host, std::uint16_t port, Transport transport) const {
    const Result<Query> query = make_query(host, std::nullopt, port, transport);
    return query.ok() ? decide(query.value()) : refuse(query.error().message);
}

Decision Policy::judge_name(std::string_view host) const {
    const Result<Query> query = make_query(host, std::nullopt, 1, Transport::tcp);
    return query.ok() ? decide_any_port(query.value()) : refuse(query.error().message);
}

Decision Policy::judge_found(std::string_view name, const IpAddress& address) const {
    const Result<Query> query = make_query(name, address, 1, Transport::tcp);
    return query.ok() ? decide_any_port(query.value()) : refuse(query.error().message);
}

Decision Policy::decide_any_port(Query query) const {
    OpenPorts open;
    for (const Rule& rule : rules_) {
        // Asked at a port of the rule's own, only name and address can keep it from matching.
        query.port = rule.ports.empty() ? std::uint16_t{1} : rule.ports.front().first;
        query.transport = rule.transport.value_or(Transport::tcp);
        const Match outcome = match(rule, query);
        if (!decides(outcome) || !open.take(rule)) continue;
        Decision decision = decision_of(rule, outcome, query);
        if (decision.allowed || !open.any()) return decision;
    }
    return without_rule(query);
}

std::vector<std::string> Policy::explain(std::string_view host,
                                         const std::optional<IpAddress>& address,
                                         std::uint16_t port, Transport transport) const {
    const Result<Query> query = make_query(host, address, port, transport);
    if (!query.ok()) return {fmt::format("denied: {}", query.error().message)};
    std::vector<std::string> lines;
    bool decided = false;
    for (const Rule& rule : rules_) {
        const Match outcome = match(rule, query.value());
        lines.push_back(fmt::format("{}:{}: {}: {}{}", file_, rule.line, to_string(rule),
                                    to_string(outcome),
                                    decided && decides(outcome) ? ", too late" : ""));
        decided = decided || decides(outcome);
    }
    const Decision decision = decide(query.value());
    lines.push_back(
        fmt::format("{}: {}", decision.allowed ? "allowed" : "denied", decision.reason));
    return lines;
}

}  // namespace policy
