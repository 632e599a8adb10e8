// What an exchange of the whole table of services asks of the supervisor: some go down first, then
// a new supervisor, built aside, takes over what is going on. Pure.
//
// A withdrawn service is stopped by itself: what requires it goes on, as it does while a service is
// restarted by its own policy. Until the exchange nobody can start it, and the workload is not
// over.
#include <algorithm>

#include "load.h"
#include "supervisor.h"

namespace initd {

Plan plan_of(const LoadedService& service) {
    return {.policy = service.settings.policy,
            .critical = service.settings.critical,
            .enabled = service.settings.enabled,
            .broken = !service.problem.empty(),
            .transient = service.origin == Origin::transient,
            .sidecar = service.settings.sidecar};
}

void Supervisor::withdraw(std::size_t index) {
    if (shutting_down_) return;
    withdrawn_[index] = true;
    if (!down(index)) wishes_[index] = Wish::stop;
}

bool Supervisor::cleared() const {
    for (std::size_t index = 0; index < services_.size(); ++index) {
        if (withdrawn_[index] && (!down(index) || wishes_[index] != Wish::none)) return false;
    }
    return true;
}

void Supervisor::adopt(const Supervisor& old, const std::vector<std::size_t>& from) {
    for (std::size_t index = 0; index < from.size(); ++index) {
        if (from[index] == kNobody) continue;
        services_[index].adopt(old.services_[from[index]]);
        wishes_[index] = old.wishes_[from[index]];
        held_[index] = old.held_[from[index]];
        disabled_[index] = old.disabled_[from[index]];
        if (old.first_failure_ == from[index]) first_failure_ = index;
    }
}

void Supervisor::want(std::size_t index, Time now) {
    if (plans_[index].broken || !enabled(index) || held_[index] || shutting_down_) return;
    if (first_failure_ == index) first_failure_.reset();
    if (down(index)) apply(index, {Event::Kind::requested}, now);
}

}  // namespace initd
