// Pins as routing rules: the rules of `pf-proxy rules` prohibit every address that the policy
// allows only by name, and these let an application reach it while it is pinned to one. Rules that
// say the same for two names are one rule.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "loop/loop.h"
#include "pins.h"
#include "policy/policy.h"
#include "routing.h"

namespace pf_proxy {

// Where rules go: the kernel, or a test.
struct RuleSink {
    std::function<base::Result<void>(const RoutingRule&)> add;
    std::function<base::Result<void>(const RoutingRule&)> remove;
};

// The kernel's. Takes away what another process has left of pins. Needs CAP_NET_ADMIN.
base::Result<RuleSink> kernel_rules();

class PinKeeper {
  public:
    // The kernel compares every packet's destination with one after the other.
    static constexpr std::size_t kMaximumRules = 2048;

    // `failed` is told of rules that could not be added or removed.
    using Failed = std::function<void(const base::Error&)>;
    static base::Result<std::unique_ptr<PinKeeper>> create(
        loop::Loop& loop, std::shared_ptr<const policy::Policy> policy, RuleSink sink,
        Failed failed, std::size_t maximum_rules = kMaximumRules);
    PinKeeper(const PinKeeper&) = delete;
    PinKeeper& operator=(const PinKeeper&) = delete;
    ~PinKeeper();  // removes all rules

    // Rules until then, on the loop's clock. When there are too many, those that end first go.
    void pin(const std::string& name, const vsockio::IpAddress& address, Pins::Time until);
    // Pins stay, with the rules that the new policy makes of them.
    void set_policy(std::shared_ptr<const policy::Policy> policy);

    std::size_t rules() const { return rules_.size(); }

  private:
    using Key = std::pair<vsockio::IpAddress, std::string>;
    struct Pinned {
        Pins::Time until{};
        std::vector<RoutingRule> rules;
    };
    struct Used {
        RoutingRule rule;
        std::size_t pins = 0;
        bool added = false;  // the kernel took it
    };

    PinKeeper(loop::Loop& loop, std::shared_ptr<const policy::Policy> policy, RuleSink sink,
              Failed failed, std::size_t maximum_rules)
        : loop_(loop),
          policy_(std::move(policy)),
          sink_(std::move(sink)),
          failed_(std::move(failed)),
          maximum_rules_(maximum_rules) {}
    std::vector<RoutingRule> rules_for(const Key& key) const;
    void use(const std::vector<RoutingRule>& rules);
    void release(const std::vector<RoutingRule>& rules);
    void drop_first();
    void expire();
    void arm();

    loop::Loop& loop_;
    std::shared_ptr<const policy::Policy> policy_;
    RuleSink sink_;
    Failed failed_;
    std::size_t maximum_rules_;
    std::map<Key, Pinned> pins_;
    std::map<std::string, Used> rules_;  // by their text
    std::optional<loop::Timer> timer_;
};

}  // namespace pf_proxy
