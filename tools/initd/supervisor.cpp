// Gates, reverse stop, and the end of the workload.
#include "supervisor.h"

#include <algorithm>

namespace initd {

Supervisor::Supervisor(const std::vector<Plan>& plans, std::vector<std::vector<Gate>> gates)
    : plans_(plans),
      gates_(std::move(gates)),
      followers_(plans.size()),
      requirers_(plans.size()),
      requirements_(plans.size()),
      wishes_(plans.size(), Wish::none),
      held_(plans.size(), false),
      disabled_(plans.size(), false),
      withdrawn_(plans.size(), false),
      seen_(plans.size(), false) {
    gates_.resize(plans.size());
    walk_.reserve(plans.size());
    for (const Plan& plan : plans) {
        services_.emplace_back(plan.policy);
        if (plan.enabled && !plan.sidecar && !plan.transient) only_sidecars_ = false;
    }
    for (std::size_t index = 0; index < gates_.size(); ++index) {
        for (const Gate& gate : gates_[index]) {
            followers_[gate.on].push_back(index);
            if (!gate.required) continue;
            requirers_[gate.on].push_back(index);
            requirements_[index].push_back(gate.on);
        }
    }
    // One event moves each service at most through a failure or a release and a stop, or through
    // a stop and a new start.
    queue_.reserve((plans.size() + 1) * 2 * Actions::kMost);
}

void Supervisor::start_all(Time now) {
    for (std::size_t index = 0; index < services_.size(); ++index) {
        if (!enabled(index)) continue;
        if (!plans_[index].broken)
            apply(index, {Event::Kind::requested}, now);
        else
            apply(index, {Event::Kind::requirement_failed}, now);
    }
    settle(now);
}

void Supervisor::handle(std::size_t service, const Event& event, Time now) {
    apply(service, event, now);
    settle(now);
}

void Supervisor::shut_down(Time now) {
    shutting_down_ = true;
    std::fill(wishes_.begin(), wishes_.end(), Wish::none);
    settle(now);
}

std::optional<ServiceAction> Supervisor::next_action() {
    if (taken_ == queue_.size()) {
        queue_.clear();
        taken_ = 0;
        return std::nullopt;
    }
    return queue_[taken_++];
}

bool Supervisor::all_down() const {
    return std::all_of(services_.begin(), services_.end(), [](const Service& service) {
        return service.ended() || service.state() == State::idle;
    });
}

void Supervisor::apply(std::size_t index, const Event& event, Time now) {
    Service& service = services_[index];
    const bool had_failed = service.state() == State::failed;
    for (const Action& action : service.handle(event, now)) {
        queue_.push_back({index, action, service.state()});
    }
    if (had_failed || service.state() != State::failed || plans_[index].transient) return;
    if (!first_failure_ && is_work(index)) first_failure_ = index;
    if (plans_[index].critical && !outcome_ && !shutting_down_) {
        outcome_ = Outcome{Outcome::Kind::critical_failed, index};
    }
}

void Supervisor::settle(Time now) {
    bool changed = true;
    while (changed) {
        changed = false;
        for (std::size_t index = 0; index < services_.size(); ++index) {
            const bool moved = shutting_down_ ? settle_stop(index, now)
                                              : settle_loss(index) || settle_wish(index, now) ||
                                                    settle_start(index, now);
            changed = changed || moved;
        }
    }
    judge();
}

bool Supervisor::settle_start(std::size_t index, Time now) {
    if (services_[index].state() != State::waiting) return false;
    for (const Gate& gate : gates_[index]) {
        const Service& other = services_[gate.on];
        if (moving(gate.on)) return false;
        if (other.ready()) continue;
        if (gate.required && other.ended()) {
            apply(index, {Event::Kind::requirement_failed}, now);
            return true;
        }
        if (!other.ended()) return false;
    }
    apply(index, {Event::Kind::released}, now);
    return true;
}

bool Supervisor::settle_stop(std::size_t index, Time now) {
    const Service& service = services_[index];
    const State before = service.state();
    if (before == State::idle || service.ended()) return false;
    if ((before == State::stopping || before == State::killing) && !service.failing()) return false;
    const auto& followers = followers_[index];
    const bool needed = std::any_of(followers.begin(), followers.end(), [&](std::size_t other) {
        return other != index && !services_[other].ended() &&
               services_[other].state() != State::idle;
    });
    if (needed) return false;
    apply(index, {Event::Kind::stop}, now);
    return service.state() != before;
}

bool Supervisor::is_work(std::size_t index) const {
    return !plans_[index].transient && (!plans_[index].sidecar || only_sidecars_);
}

void Supervisor::judge() {
    if (outcome_ || shutting_down_) return;
    // What was withdrawn may be replaced.
    if (std::any_of(withdrawn_.begin(), withdrawn_.end(), [](bool flag) { return flag; })) return;
    bool any = false;
    for (std::size_t index = 0; index < services_.size(); ++index) {
        if (!is_work(index)) continue;
        // Who stopped a service by request may want it back.
        if (held_[index]) return;
        if (!enabled(index)) continue;
        any = true;
        if (!services_[index].ended()) return;
    }
    if (!any)
        outcome_ = Outcome{Outcome::Kind::no_services, std::nullopt};
    else
        outcome_ = Outcome{Outcome::Kind::workload_done, first_failure_};
}

}  // namespace initd
