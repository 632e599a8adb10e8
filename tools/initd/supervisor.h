// All services together as one pure state machine: gates starts on dependencies, stops in reverse
// order, and says when the workload is over.
//
// Events name a service by its index. Every event returns with the actions to carry out in a
// queue of fixed capacity; nothing is allocated after construction. No clock, no descriptor, no
// log.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "order.h"
#include "service.h"

namespace initd {

struct ServiceAction {
    std::size_t service = 0;
    Action action;
    State state = State::idle;  // of the service when the action was made
};

struct Plan {
    Policy policy;
    bool critical = false;
    bool enabled = true;
    bool broken = false;     // it can never start: bad file, cycle, missing requirement
    bool transient = false;  // no part of the workload: its end and its failure are its own
    bool sidecar = false;    // serves others: no part of the workload where there is one
};

inline constexpr std::size_t kNobody = static_cast<std::size_t>(-1);

// Why the enclave is to end.
struct Outcome {
    enum class Kind { workload_done, critical_failed, no_services } kind;
    std::optional<std::size_t> service;  // the one whose ending is the enclave's
};

class Supervisor {
  public:
    Supervisor(const std::vector<Plan>& plans, std::vector<std::vector<Gate>> gates);

    void start_all(Time now);
    void handle(std::size_t service, const Event& event, Time now);
    // Stops everything, each after all that started after it are down.
    void shut_down(Time now);

    // Requests from outside; without effect once everything is being stopped. See requests.cpp.
    void start(std::size_t index, Time now);
    void stop(std::size_t index, Time now);
    void restart(std::size_t index, Time now);
    // A disabled service is not started, whoever asks; to disable it stops it. For this boot.
    void allow(std::size_t index) { disabled_[index] = false; }
    void disable(std::size_t index, Time now);
    // What it requires, however indirectly, and has ended without being ready.
    std::optional<std::size_t> lost_requirement(std::size_t index);
    // What keeps a service from being started: itself or a requirement, disabled or broken.
    std::optional<std::size_t> obstacle(std::size_t index);
    bool enabled(std::size_t index) const { return plans_[index].enabled && !disabled_[index]; }
    bool broken(std::size_t index) const { return plans_[index].broken; }
    // A stop or restart of it is under way, or its place is about to be taken.
    bool moving(std::size_t index) const {
        return wishes_[index] != Wish::none || withdrawn_[index];
    }

    // For an exchange of the whole table, see exchange.cpp. A withdrawn service is stopped, alone,
    // and nobody can start it; settle_all() begins with it.
    void withdraw(std::size_t index);
    bool withdrawn(std::size_t index) const { return withdrawn_[index]; }
    // All that were withdrawn are down.
    bool cleared() const;
    // Takes over what is going on: the service at `index` goes on where the one at `from[index]`
    // of `old` is, kNobody is new. Allocates nothing.
    void adopt(const Supervisor& old, const std::vector<std::size_t>& from);
    // It is to run, unless it runs or was stopped by request. Call settle_all() after some.
    void want(std::size_t index, Time now);
    void settle_all(Time now) { settle(now); }
    bool held(std::size_t index) const { return held_[index]; }
    // It has no child and will get none by itself.
    bool down(std::size_t index) const;

    // The oldest action not yet taken.
    std::optional<ServiceAction> next_action();

    const Service& service(std::size_t index) const { return services_[index]; }
    std::size_t size() const { return services_.size(); }
    // Set once, when the first reason appears.
    const std::optional<Outcome>& outcome() const { return outcome_; }
    // No service has a child or will get one.
    bool all_down() const;

  private:
    // fail and end: it lost what it requires, by failure or otherwise.
    enum class Wish : unsigned char { none, stop, restart, fail, end };
    using Links = std::vector<std::vector<std::size_t>>;

    void walk(std::size_t from, const Links& links);
    bool held_up(std::size_t index);
    bool settle_wish(std::size_t index, Time now);
    bool lost(std::size_t index) const;
    bool settle_loss(std::size_t index);
    void apply(std::size_t index, const Event& event, Time now);
    void settle(Time now);
    bool settle_start(std::size_t index, Time now);
    bool settle_stop(std::size_t index, Time now);
    // Whose end is waited for, and whose failure is the workload's.
    bool is_work(std::size_t index) const;
    void judge();

    std::vector<Plan> plans_;
    std::vector<std::vector<Gate>> gates_;
    std::vector<std::vector<std::size_t>> followers_;  // who waits for a service
    Links requirers_;                                  // who requires a service
    Links requirements_;                               // what a service requires
    std::vector<Service> services_;
    std::vector<Wish> wishes_;
    std::vector<bool> held_;      // stopped by request
    std::vector<bool> disabled_;  // by request
    std::vector<bool> withdrawn_;
    std::vector<bool> seen_;         // of a walk
    bool only_sidecars_ = true;      // then they are the workload
    std::vector<std::size_t> walk_;  // the services that it met
    std::vector<ServiceAction> queue_;
    std::size_t taken_ = 0;
    std::optional<std::size_t> first_failure_;
    std::optional<Outcome> outcome_;
    bool shutting_down_ = false;
};

}  // namespace initd
