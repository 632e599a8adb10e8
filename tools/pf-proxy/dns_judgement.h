// What the stub of --dns says by itself, and what it makes of answers from elsewhere: the policy
// in terms of DNS. Pure.
//
// A name or address that the policy refuses is not made to disappear: it gets an address that leads
// nowhere (kRefusedV4, kRefusedV6), for which connecting says "permission denied" at once, where a
// name that is missing would be looked for elsewhere, or again.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "dns/message.h"
#include "policy/policy.h"

namespace pf_proxy {

inline constexpr std::uint32_t kProhibitedTtl = 1;  // seconds; a policy may be read again

inline constexpr std::chrono::seconds kShortestAnswer{1};
inline constexpr std::chrono::seconds kLongestAnswer{3600};
inline constexpr std::chrono::seconds kAbsentAnswer{5};  // no such name, or no such address

// An answer to a question for addresses, as long as it lasts.
struct FoundAddresses {
    dns::Rcode rcode = dns::Rcode::no_error;
    dns::Chain chain;
    std::chrono::seconds ttl{};  // the shortest of the chain within the limits above
    bool may_be_kept = false;    // says what is so, and not that somebody failed
};
FoundAddresses found_addresses(const dns::Answer& answer);

struct Judged {
    dns::Reply reply;
    std::vector<vsockio::IpAddress> addresses;  // of the reply: what a connection may be to
    std::string refused_because;                // why anything was refused; empty when nothing was
};

bool asks_for_address(const dns::Question& question);

// The reply to a question that is not passed on; nothing when it is.
std::optional<Judged> own_reply(const dns::Question& question, const policy::Policy& policy);

// The addresses that may be used, each record with `ttl`.
Judged judge_addresses(const dns::Question& question, const FoundAddresses& found,
                       std::chrono::seconds ttl, const policy::Policy& policy);

}  // namespace pf_proxy
