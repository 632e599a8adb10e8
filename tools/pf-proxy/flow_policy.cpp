// Remembered decisions of one flow.
#include "flow_policy.h"

namespace pf_proxy {

bool FlowPolicy::allows(const vsockio::IpEndpoint& destination) {
    if (own_ == destination) return true;
    if (policy_ == nullptr) return false;
    for (const Answer& answer : answers_) {
        if (answer.destination == destination) return answer.allowed;
    }
    const policy::Request request{
        {}, destination.address, destination.port, vsockio::Transport::udp};
    const Answer answer{destination, policy_->judge(request).allowed};
    if (answers_.size() < kMaximumAnswers) {
        answers_.push_back(answer);
    } else {
        answers_[next_] = answer;
        next_ = (next_ + 1) % kMaximumAnswers;
    }
    return answer.allowed;
}

}  // namespace pf_proxy
