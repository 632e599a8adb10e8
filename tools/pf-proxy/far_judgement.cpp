// From a request to addresses.
#include "far_judgement.h"

#include <algorithm>

#include "base/format.h"

namespace pf_proxy {

using base::Result;
using proto::pf_proxy::StatusCode;
using vsockio::IpAddress;

namespace {

FarJudgement::Verdict refused(std::string reason) {
    return {StatusCode::refused, {}, 0, std::move(reason)};
}

FarJudgement::Verdict failed(const base::Error& error) {
    return {StatusCode::failed, {}, error.errno_value, error.message};
}

}  // namespace

FarJudgement::FarJudgement(Resolver& resolver, std::shared_ptr<const policy::Policy> policy,
                           const Destination& destination, Done done)
    : resolver_(resolver),
      policy_(std::move(policy)),
      destination_(destination),
      done_(std::move(done)) {}

std::optional<FarJudgement::Verdict> FarJudgement::begin() {
    if (policy_ == nullptr) return refused("there is no policy");
    if (const auto* address = std::get_if<IpAddress>(&destination_.host)) {
        return judge_address(address->unmapped());
    }
    return judge_name(std::get<std::string>(destination_.host));
}

policy::Decision FarJudgement::judge_as(std::string_view name, const IpAddress& address) const {
    return policy_->judge({name, address, destination_.port, destination_.transport});
}

// --- a name ----------------------------------------------------------------------------------

std::optional<FarJudgement::Verdict> FarJudgement::judge_name(const std::string& name) {
    policy::Decision decision =
        policy_->judge_name(name, destination_.port, destination_.transport);
    if (!decision.allowed) return refused(std::move(decision.reason));
    Lookup& lookup = lookups_.emplace_back(Lookup{name, false, nullptr});
    lookup.query = resolver_.resolve(
        name, Family::any, Freshness::remembered,
        [this, &lookup](const Result<Resolver::Answer>& answer) {
            finish(answer.ok() ? judge_found(lookup.name, answer.value().addresses)
                               : failed(answer.error()));
        });
    return std::nullopt;
}

FarJudgement::Verdict FarJudgement::judge_found(const std::string& name,
                                                const std::vector<IpAddress>& addresses) {
    Verdict verdict;
    for (const IpAddress& address : addresses) {
        policy::Decision decision = judge_as(name, address);
        if (!decision.allowed) {
            verdict.reason = std::move(decision.reason);
        } else if (verdict.addresses.size() < kMaximumAddresses) {
            verdict.addresses.push_back(address.unmapped());
        }
    }
    if (!verdict.addresses.empty()) verdict.code = StatusCode::connected;
    return verdict;
}

// --- an address ------------------------------------------------------------------------------

std::optional<FarJudgement::Verdict> FarJudgement::judge_address(const IpAddress& address) {
    const Verdict yes{StatusCode::connected, {address}, 0, {}};
    policy::Decision decision = judge_as({}, address);
    if (decision.allowed) return yes;
    worst_ = refused(std::move(decision.reason));
    for (const std::string& name : destination_.names) {
        decision = policy_->judge_name(name, destination_.port, destination_.transport);
        if (decision.allowed) decision = judge_as(name, address);
        if (decision.allowed) {
            if (resolver_.has_had(name, address)) return yes;
            lookups_.push_back({name, false, nullptr});
        } else {
            worst_.reason = fmt::format("{}: {}", name, decision.reason);
        }
    }
    if (lookups_.empty()) return std::move(worst_);
    left_ = lookups_.size();
    for (Lookup& lookup : lookups_)
        look_up(lookup, Freshness::remembered);
    return std::nullopt;
}

void FarJudgement::look_up(Lookup& lookup, Freshness freshness) {
    const auto& address = std::get<IpAddress>(destination_.host);
    lookup.fresh = freshness == Freshness::fresh;
    lookup.query = resolver_.resolve(
        lookup.name, address.unmapped().is_v4 ? Family::v4 : Family::v6, freshness,
        [this, &lookup](const Result<Resolver::Answer>& answer) { answered(lookup, answer); });
}

// What is remembered may be older than what the near side was told, so it can say yes but not no.
void FarJudgement::answered(Lookup& lookup, const Result<Resolver::Answer>& answer) {
    const IpAddress address = std::get<IpAddress>(destination_.host).unmapped();
    if (answer.ok() && std::ranges::count(answer.value().addresses, address) != 0) {
        return finish({StatusCode::connected, {address}, 0, {}});
    }
    const bool late = !answer.ok() && answer.error().errno_value == ETIMEDOUT;
    if (!lookup.fresh && !late) return look_up(lookup, Freshness::fresh);
    if (!answer.ok()) {
        worst_ = failed(answer.error());
    } else if (worst_.code == StatusCode::refused) {
        worst_.reason = fmt::format("{} is not {}", lookup.name, to_string(address));
    }
    if (--left_ == 0) finish(std::move(worst_));
}

void FarJudgement::finish(Verdict verdict) {
    lookups_.clear();
    const Done done = std::move(done_);
    done(std::move(verdict));  // may destroy this
}

}  // namespace pf_proxy
