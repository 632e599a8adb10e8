// What the control socket may ask of services: start, stop, restart, enable, disable. Pure.
//
// A stop takes along all that requires the service, those first; a restart brings the same ones
// back once all of them are down; a start asks for what the service requires as well. What was
// stopped by request keeps the workload from being over. What ended and will not be ready again
// takes along whatever requires it, in the same order.
#include <algorithm>

#include "supervisor.h"

namespace initd {

// Fills walk_ with `from` and all that can be reached over `links`.
void Supervisor::walk(std::size_t from, const Links& links) {
    std::fill(seen_.begin(), seen_.end(), false);
    walk_.clear();
    const auto visit = [this](std::size_t index) {
        if (seen_[index]) return;
        seen_[index] = true;
        walk_.push_back(index);
    };
    visit(from);
    for (std::size_t next = 0; next < walk_.size(); ++next) {
        for (const std::size_t other : links[walk_[next]])
            visit(other);
    }
}

bool Supervisor::down(std::size_t index) const {
    return services_[index].ended() || services_[index].state() == State::idle;
}

void Supervisor::start(std::size_t index, Time now) {
    if (shutting_down_) return;
    if (first_failure_ == index) first_failure_.reset();
    walk(index, requirements_);
    for (const std::size_t other : walk_) {
        if (!enabled(other) || plans_[other].broken || withdrawn_[other]) continue;
        held_[other] = false;
        if (wishes_[other] != Wish::none) {
            wishes_[other] = Wish::restart;  // on its way down, it comes back
        } else if (down(other) && (other == index || !services_[other].ready())) {
            apply(other, {Event::Kind::requested}, now);
        }
    }
    settle(now);
}

void Supervisor::stop(std::size_t index, Time now) {
    if (shutting_down_) return;
    walk(index, requirers_);
    for (const std::size_t other : walk_) {
        if (down(other) && wishes_[other] == Wish::none) continue;
        wishes_[other] = Wish::stop;
        held_[other] = !plans_[other].transient;
    }
    settle(now);
}

void Supervisor::restart(std::size_t index, Time now) {
    if (shutting_down_) return;
    if (down(index) && wishes_[index] == Wish::none) return start(index, now);
    walk(index, requirers_);
    for (const std::size_t other : walk_) {
        if (!enabled(other) || down(other) || withdrawn_[other]) continue;
        wishes_[other] = Wish::restart;
        held_[other] = false;
    }
    settle(now);
}

void Supervisor::disable(std::size_t index, Time now) {
    disabled_[index] = true;
    stop(index, now);
}

std::optional<std::size_t> Supervisor::obstacle(std::size_t index) {
    walk(index, requirements_);
    const auto found = std::find_if(walk_.begin(), walk_.end(), [this](std::size_t other) {
        return !enabled(other) || plans_[other].broken || withdrawn_[other];
    });
    if (found == walk_.end()) return std::nullopt;
    return *found;
}

// Something that requires it, however indirectly, is to go down before it.
bool Supervisor::held_up(std::size_t index) {
    walk(index, requirers_);
    return std::any_of(walk_.begin(), walk_.end(), [&](std::size_t other) {
        return other != index && wishes_[other] != Wish::none && !down(other);
    });
}

bool Supervisor::lost(std::size_t index) const {
    return services_[index].ended() && !services_[index].ready() && !moving(index);
}

std::optional<std::size_t> Supervisor::lost_requirement(std::size_t index) {
    walk(index, requirements_);
    const auto found = std::find_if(walk_.begin(), walk_.end(), [&](std::size_t other) {
        return other != index && lost(other);
    });
    if (found == walk_.end()) return std::nullopt;
    return *found;
}

// Marks what has to go down because this one is lost. Those that still wait are settle_start's.
bool Supervisor::settle_loss(std::size_t index) {
    if (requirers_[index].empty() || !lost(index)) return false;
    const Wish wish = services_[index].state() == State::failed ? Wish::fail : Wish::end;
    bool marked = false;
    walk(index, requirers_);
    for (const std::size_t other : walk_) {
        if (other == index || down(other) || wishes_[other] != Wish::none) continue;
        if (services_[other].state() == State::waiting) continue;
        wishes_[other] = wish;
        marked = true;
    }
    return marked;
}

bool Supervisor::settle_wish(std::size_t index, Time now) {
    const Wish wish = wishes_[index];
    if (wish == Wish::none) return false;
    const State before = services_[index].state();
    if (!down(index)) {
        const bool stops = before == State::stopping || before == State::killing;
        if (stops ? !services_[index].failing() : held_up(index)) return false;
        apply(index,
              {wish == Wish::fail  ? Event::Kind::requirement_failed
               : wish == Wish::end ? Event::Kind::requirement_ended
                                   : Event::Kind::stop},
              now);
        return services_[index].state() != before;
    }
    if (wish == Wish::restart) {
        for (std::size_t other = 0; other < services_.size(); ++other) {
            if (wishes_[other] != Wish::none && !down(other) && !withdrawn_[other]) return false;
        }
    }
    wishes_[index] = Wish::none;
    if (wish == Wish::restart) apply(index, {Event::Kind::requested}, now);
    return true;
}

}  // namespace initd
