// An original destination, judged.
#include "near_judgement.h"

namespace pf_proxy {

NearJudgement judge_original(const policy::Policy* policy, std::span<const std::string> names,
                             const vsockio::IpEndpoint& original, vsockio::Transport transport) {
    NearJudgement judgement;
    Destination asked{original.address.unmapped(), original.port, transport};
    const policy::Request alone{{}, original.address, original.port, transport};
    if (policy == nullptr) {
        judgement.destination = std::move(asked);
        return judgement;
    }
    policy::Decision decision = policy->judge(alone);
    bool allowed = decision.allowed;
    judgement.reason = std::move(decision.reason);
    for (const std::string& name : names) {
        if (asked.names.size() >= proto::pf_proxy::kMaximumNames) break;
        policy::Request named = alone;
        named.name = name;
        decision = policy->judge_name(name, original.port, transport);
        if (decision.allowed) decision = policy->judge(named);
        if (decision.allowed) {
            asked.names.push_back(name);
            allowed = true;
        } else {
            // More to the point than that the address has no rule.
            judgement.reason = name + ": " + decision.reason;
        }
    }
    if (allowed) judgement.destination = std::move(asked);
    return judgement;
}

}  // namespace pf_proxy
