// Which of several fixed targets a connection goes to, and which of them are healthy. Pure: whoever
// connects and checks tells what came of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pf_proxy {

enum class Balance : std::uint8_t { round_robin, least_connections };

struct HealthSettings {
    std::chrono::milliseconds interval{};  // between two checks; 0: none are made
    unsigned rise = 2;                     // good checks that make an unhealthy target healthy
    unsigned fall = 3;                     // bad ones that make a healthy one unhealthy
};

class Targets {
  public:
    Targets(std::size_t count, Balance balance, HealthSettings health);

    // The healthy targets, in the order in which one connection is to try them.
    std::vector<std::size_t> order();
    void opened(std::size_t target) { ++states_[target].connections; }
    void closed(std::size_t target) { --states_[target].connections; }

    // What came of a check. True when the target's health has changed by it.
    bool checked(std::size_t target, bool good);
    bool healthy(std::size_t target) const { return states_[target].healthy; }
    std::size_t count() const { return states_.size(); }

  private:
    struct State {
        std::size_t connections = 0;
        bool healthy = true;  // until checks say otherwise
        unsigned streak = 0;  // checks in a row that speak against its health
    };

    Balance balance_;
    HealthSettings health_;
    std::vector<State> states_;
    std::size_t next_ = 0;
};

}  // namespace pf_proxy
