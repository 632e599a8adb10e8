// Round robin, least connections, and health that rises and falls.
#include "targets.h"

#include <algorithm>

namespace pf_proxy {

Targets::Targets(std::size_t count, Balance balance, HealthSettings health)
    : balance_(balance), health_(health), states_(count) {}

std::vector<std::size_t> Targets::order() {
    std::vector<std::size_t> order;
    for (std::size_t step = 0; step < states_.size(); ++step) {
        const std::size_t target = (next_ + step) % states_.size();
        if (states_[target].healthy) order.push_back(target);
    }
    if (!order.empty()) next_ = (order.front() + 1) % states_.size();
    if (balance_ == Balance::least_connections) {
        // Stable, so that among equals they take turns.
        std::ranges::stable_sort(
            order, {}, [this](std::size_t target) { return states_[target].connections; });
    }
    return order;
}

bool Targets::checked(std::size_t target, bool good) {
    State& state = states_[target];
    if (good == state.healthy) {
        state.streak = 0;
        return false;
    }
    if (++state.streak < (state.healthy ? health_.fall : health_.rise)) return false;
    state.healthy = good;
    state.streak = 0;
    return true;
}

}  // namespace pf_proxy
