// An original destination, judged.
#include "near_judgement.h"

namespace pf_proxy {

NearJudgement judge_original(const policy::Policy* policy, std::span<const std::string> names,
                             const vsockio::IpEndpoint& original, vsockio::Transport transport) {
    NearJudgement judgement;
    const vsockio::IpAddress address = original.address.unmapped();
    const Destination by_address{address, original.port, transport};
    if (policy == nullptr) {
        judgement.destination = by_address;
        return judgement;
    }
    policy::Decision decision = policy->judge({{}, address, original.port, transport});
    judgement.reason = std::move(decision.reason);
    if (decision.allowed) judgement.destination = by_address;
    for (const std::string& name : names) {
        if (judgement.destination.has_value()) break;
        decision = policy->judge({name, address, original.port, transport});
        if (decision.allowed) {
            judgement.destination = Destination{name, original.port, transport};
        } else {
            // More to the point than that the address has no rule.
            judgement.reason = name + ": " + decision.reason;
        }
    }
    return judgement;
}

}  // namespace pf_proxy
