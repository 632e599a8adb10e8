// What a near side asks the far side for, when an application connects or sends to an address: the
// policy's word on the address, alone and under the names that the application got it for. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "destination.h"
#include "policy/policy.h"

namespace pf_proxy {

struct NearJudgement {
    // Nothing when it is refused. Else the address, so that exactly this is connected to, and the
    // names under which it is allowed: the far side's policy may need one where ours does not.
    std::optional<Destination> destination;
    std::string reason;  // of a refusal
};

// Without a policy everything is asked for. `names` are those of Pins, the latest first.
NearJudgement judge_original(const policy::Policy* policy, std::span<const std::string> names,
                             const vsockio::IpEndpoint& original, vsockio::Transport transport);

}  // namespace pf_proxy
