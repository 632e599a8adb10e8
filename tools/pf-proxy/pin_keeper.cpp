// Which rules are there for which pins, and until when.
#include "pin_keeper.h"

#include <linux/netlink.h>

#include <algorithm>

#include "marks.h"
#include "netlink_routing.h"

namespace pf_proxy {

using base::Result;
using std::chrono::milliseconds;

namespace {

constexpr RoutingRange kPinRange{kPinPriority, kPinPriority, 1, 0};  // and no table

std::string text_of(const RoutingRule& rule) {
    return (rule.is_v4 ? "4 " : "6 ") + to_text(rule);
}

}  // namespace

Result<RuleSink> kernel_rules() {
    auto kernel = std::make_shared<NetlinkSocket>(TRY(NetlinkSocket::open(NETLINK_ROUTE)));
    TRY(remove_routing(*kernel, {}, kPinRange));
    // Whether rules may be changed at all is told now and not by the first application's failure.
    RoutingRule absent;
    absent.priority = kPinPriority;
    TRY(remove_rule(*kernel, absent));
    return RuleSink{[kernel](const RoutingRule& rule) { return add_rule(*kernel, rule); },
                    [kernel](const RoutingRule& rule) { return remove_rule(*kernel, rule); }};
}

Result<std::unique_ptr<PinKeeper>> PinKeeper::create(loop::Loop& loop,
                                                     std::shared_ptr<const policy::Policy> policy,
                                                     RuleSink sink, Failed failed,
                                                     std::size_t maximum_rules) {
    std::unique_ptr<PinKeeper> made(
        new PinKeeper(loop, std::move(policy), std::move(sink), std::move(failed), maximum_rules));
    PinKeeper* keeper = made.get();
    made->timer_ = TRY(loop::Timer::create(loop, [keeper] { keeper->expire(); }));
    return made;
}

PinKeeper::~PinKeeper() {
    for (const auto& [text, used] : rules_) {
        if (used.added) (void)sink_.remove(used.rule);
    }
}

// Nothing where the address is let through by itself.
std::vector<RoutingRule> PinKeeper::rules_for(const Key& key) const {
    std::vector<RoutingRule> rules = pin_rules(*policy_, key.second, key.first);
    if (rules == pin_rules(*policy_, {}, key.first)) rules.clear();
    return rules;
}

void PinKeeper::pin(const std::string& name, const vsockio::IpAddress& address, Pins::Time until) {
    const Key key(address.unmapped(), name);
    const auto found = pins_.find(key);
    if (found != pins_.end()) {
        found->second.until = std::max(found->second.until, until);
        return;
    }
    std::vector<RoutingRule> rules = rules_for(key);
    if (rules.empty() || rules.size() > maximum_rules_) return;
    while (rules_.size() + rules.size() > maximum_rules_)
        drop_first();
    use(rules);
    pins_.emplace(key, Pinned{until, std::move(rules)});
    arm();
}

void PinKeeper::set_policy(std::shared_ptr<const policy::Policy> policy) {
    policy_ = std::move(policy);
    std::vector<std::vector<RoutingRule>> old;
    for (auto& [key, pinned] : pins_) {
        old.push_back(std::exchange(pinned.rules, rules_for(key)));
        use(pinned.rules);
    }
    // What both policies allow is there without a gap.
    for (const std::vector<RoutingRule>& rules : old)
        release(rules);
    while (rules_.size() > maximum_rules_)
        drop_first();
}

void PinKeeper::use(const std::vector<RoutingRule>& rules) {
    for (const RoutingRule& rule : rules) {
        Used& used = rules_.try_emplace(text_of(rule), Used{rule}).first->second;
        if (used.pins++ > 0) continue;
        const Result<void> added = sink_.add(rule);
        used.added = added.ok();
        if (!used.added) failed_(added.error());
    }
}

void PinKeeper::release(const std::vector<RoutingRule>& rules) {
    for (const RoutingRule& rule : rules) {
        const auto used = rules_.find(text_of(rule));
        if (used == rules_.end() || --used->second.pins > 0) continue;
        const bool added = used->second.added;
        rules_.erase(used);
        if (!added) continue;
        const Result<void> removed = sink_.remove(rule);
        if (!removed.ok()) failed_(removed.error());
    }
}

void PinKeeper::drop_first() {
    const auto first =
        std::ranges::min_element(pins_, {}, [](const auto& entry) { return entry.second.until; });
    if (first == pins_.end()) return;
    release(first->second.rules);
    pins_.erase(first);
}

void PinKeeper::expire() {
    const milliseconds now = loop_.now();
    for (auto each = pins_.begin(); each != pins_.end();) {
        if (each->second.until > now) {
            ++each;
            continue;
        }
        release(each->second.rules);
        each = pins_.erase(each);
    }
    arm();
}

void PinKeeper::arm() {
    const auto first =
        std::ranges::min_element(pins_, {}, [](const auto& entry) { return entry.second.until; });
    if (first == pins_.end()) return timer_->stop();
    timer_->start(std::max(milliseconds(0), first->second.until - loop_.now()));
}

}  // namespace pf_proxy
