// Where the datagrams of one flow may go: the policy's answers, remembered for as long as the flow
// lasts, so that a datagram costs a comparison and not a walk through the rules.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "policy/policy.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

class FlowPolicy {
  public:
    // Answers that are remembered; the oldest goes first.
    static constexpr std::size_t kMaximumAnswers = 16;

    // Without a policy only what allow() names is allowed.
    explicit FlowPolicy(std::shared_ptr<const policy::Policy> policy)
        : policy_(std::move(policy)) {}

    // The flow's own destination, which has been judged with its name or needs no judging; it is
    // never forgotten.
    void allow(const vsockio::IpEndpoint& own) { own_ = own; }
    const std::optional<vsockio::IpEndpoint>& own() const { return own_; }

    bool judges() const { return policy_ != nullptr; }
    bool allows(const vsockio::IpEndpoint& destination);

  private:
    struct Answer {
        vsockio::IpEndpoint destination;
        bool allowed = false;
    };

    std::shared_ptr<const policy::Policy> policy_;
    std::optional<vsockio::IpEndpoint> own_;
    std::vector<Answer> answers_;
    std::size_t next_ = 0;  // to be replaced
};

}  // namespace pf_proxy
