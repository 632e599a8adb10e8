// One rule of a policy, and whether it matches what is asked for. Pure. Semantics: policy(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/special.h"
#include "vsockio/ip_address.h"

namespace policy {

enum class Verdict : std::uint8_t { deny, allow };

struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;

    bool contains(std::uint16_t port) const { return first <= port && port <= last; }
    bool operator==(const PortRange&) const = default;
};

struct Rule {
    enum class Target : std::uint8_t {
        name,     // exactly `name`
        below,    // any name that ends in .`name`
        any,      // whatever host, by name or address
        network,  // an address in `network`
    };

    Verdict verdict = Verdict::deny;
    Target target = Target::any;
    std::string name;              // in the spelling of parse_host()
    vsockio::IpNetwork network;    // never of mapped addresses
    std::vector<PortRange> ports;  // empty for all
    std::optional<vsockio::Transport> transport;
    std::vector<vsockio::IpNetwork> addresses;  // where an allowed name may lie; empty for anywhere
    std::size_t line = 0;                       // in its file, from 1
};

// "allow *.example.org", without the ports and what else the rule says.
std::string to_string(const Rule& rule);

// What is asked for, in the form that rules are compared with.
struct Query {
    std::string name;                           // as parse_host() gives it; empty for none
    std::optional<vsockio::IpAddress> address;  // unmapped; nothing while a name is unresolved
    std::optional<SpecialRange> special;        // of the address
    std::uint16_t port = 0;
    vsockio::Transport transport = vsockio::Transport::tcp;
};

enum class Match : std::uint8_t {
    yes,
    other_name,
    nameless,  // a rule for names, and the request has none
    other_network,
    unresolved,  // a rule for addresses, and the request has none yet
    other_transport,
    other_port,
    special_unnamed,    // would allow, but the address is special and the rule does not name it
    misplaced,          // decides: the name lies outside of the rule's addresses
    misplaced_special,  // decides: within them, but special and not named by them
};

// Whether the rule is about this name, whatever the address, port and transport.
bool matches_name(const Rule& rule, std::string_view name);
Match match(const Rule& rule, const Query& query);
// Whether a rule with this outcome ends the search.
bool decides(Match match);
// The outcome as part of a sentence: "another port".
std::string_view to_string(Match match);

}  // namespace policy
