// Matching one rule: its target, transport and port, then whether it may allow the address.
#include "policy/rule.h"

#include <algorithm>

#include "base/format.h"

namespace policy {

using vsockio::IpAddress;
using vsockio::IpNetwork;

namespace {

Match match_target(const Rule& rule, const Query& query) {
    switch (rule.target) {
        case Rule::Target::any: return Match::yes;
        case Rule::Target::network:
            if (!query.address.has_value()) return Match::unresolved;
            return rule.network.contains(*query.address) ? Match::yes : Match::other_network;
        case Rule::Target::name:
        case Rule::Target::below:
            if (query.name.empty()) return Match::nameless;
            return matches_name(rule, query.name) ? Match::yes : Match::other_name;
    }
    return Match::other_name;
}

bool matches_port(const Rule& rule, std::uint16_t port) {
    return rule.ports.empty() ||
           std::any_of(rule.ports.begin(), rule.ports.end(),
                       [&](const PortRange& range) { return range.contains(port); });
}

// A special address is named by a network that holds it and nothing outside of its range.
bool names(const IpNetwork& network, const Query& query) {
    return network.contains(*query.address) &&
           (!query.special.has_value() || query.special->network.contains(network));
}

Match match_address(const Rule& rule, const Query& query) {
    const std::vector<IpNetwork>& places = rule.addresses;
    if (places.empty()) {
        const bool named = !query.special.has_value() ||
                           (rule.target == Rule::Target::network && names(rule.network, query));
        return named ? Match::yes : Match::special_unnamed;
    }
    if (std::any_of(places.begin(), places.end(),
                    [&](const IpNetwork& place) { return names(place, query); })) {
        return Match::yes;
    }
    const bool within = std::any_of(places.begin(), places.end(), [&](const IpNetwork& place) {
        return place.contains(*query.address);
    });
    return within ? Match::misplaced_special : Match::misplaced;
}

}  // namespace

std::string to_string(const Rule& rule) {
    std::string target;
    switch (rule.target) {
        case Rule::Target::name: target = rule.name; break;
        case Rule::Target::below: target = fmt::format("*.{}", rule.name); break;
        case Rule::Target::any: target = "*"; break;
        case Rule::Target::network: target = to_string(rule.network); break;
    }
    return fmt::format("{} {}", rule.verdict == Verdict::allow ? "allow" : "deny", target);
}

bool matches_name(const Rule& rule, std::string_view name) {
    switch (rule.target) {
        case Rule::Target::any: return true;
        case Rule::Target::network: return false;
        case Rule::Target::name: return name == rule.name;
        case Rule::Target::below:
            return name.size() > rule.name.size() && name.ends_with(rule.name) &&
                   name[name.size() - rule.name.size() - 1] == '.';
    }
    return false;
}

Match match(const Rule& rule, const Query& query) {
    const Match target = match_target(rule, query);
    if (target != Match::yes) return target;
    if (rule.transport.value_or(query.transport) != query.transport) return Match::other_transport;
    if (!matches_port(rule, query.port)) return Match::other_port;
    if (rule.verdict == Verdict::deny || !query.address.has_value()) return Match::yes;
    return match_address(rule, query);
}

bool decides(Match match) {
    return match == Match::yes || match == Match::misplaced || match == Match::misplaced_special;
}

std::string_view to_string(Match match) {
    switch (match) {
        case Match::yes: return "matches";
        case Match::other_name: return "another name";
        case Match::nameless: return "a rule for names, and the request has none";
        case Match::other_network: return "another network";
        case Match::unresolved: return "a rule for addresses, and the request has none yet";
        case Match::other_transport: return "another transport";
        case Match::other_port: return "another port";
        case Match::special_unnamed: return "does not name the special address";
        case Match::misplaced: return "the name, but outside of the rule's addresses";
        case Match::misplaced_special:
            return "the name, but its special address is not named by the rule's addresses";
    }
    return "";
}

}  // namespace policy
