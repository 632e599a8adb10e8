// The far side's word on a request: which addresses may be connected to. A name is judged before it
// is looked up, and each address with the name that it is allowed for. Who asks for an address gets
// this one or none: with names, if one of them is allowed and leads there by our own lookup too.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "destination.h"
#include "policy/policy.h"
#include "resolver.h"

namespace pf_proxy {

class FarJudgement {
  public:
    // That a name may lead to: each takes its share of the time for connecting.
    static constexpr std::size_t kMaximumAddresses = 32;

    struct Verdict {
        // connected: there are addresses to connect to; else refused, or failed.
        proto::pf_proxy::StatusCode code = proto::pf_proxy::StatusCode::refused;
        std::vector<vsockio::IpAddress> addresses;  // unmapped; best first
        int errno_value = 0;                        // of failed
        std::string reason;                         // of refused and failed, for logs
    };
    // Called once, from the loop; may destroy the judgement.
    using Done = std::function<void(Verdict)>;

    // Without a policy everything is refused. The resolver must outlive it.
    FarJudgement(Resolver& resolver, std::shared_ptr<const policy::Policy> policy,
                 const Destination& destination, Done done);
    FarJudgement(const FarJudgement&) = delete;
    FarJudgement& operator=(const FarJudgement&) = delete;

    // Once. What can be said at once; else Done will be called.
    std::optional<Verdict> begin();
    // Done will not be called any more.
    void cancel() { lookups_.clear(); }

  private:
    struct Lookup {
        std::string name;
        bool fresh = false;
        std::unique_ptr<Resolver::Query> query;
    };

    std::optional<Verdict> judge_name(const std::string& name);
    Verdict judge_found(const std::string& name, const std::vector<vsockio::IpAddress>& addresses);
    std::optional<Verdict> judge_address(const vsockio::IpAddress& address);
    policy::Decision judge_as(std::string_view name, const vsockio::IpAddress& address) const;
    void look_up(Lookup& lookup, Freshness freshness);
    void answered(Lookup& lookup, const base::Result<Resolver::Answer>& answer);
    void finish(Verdict verdict);

    Resolver& resolver_;
    std::shared_ptr<const policy::Policy> policy_;
    Destination destination_;
    Done done_;
    std::vector<Lookup> lookups_;  // does not grow once there are queries
    std::size_t left_ = 0;
    Verdict worst_;  // when none of the names leads to the address
};

}  // namespace pf_proxy
