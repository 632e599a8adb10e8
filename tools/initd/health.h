// When to run a service's health check, and when it has failed often enough: the pure half of
// `health:`. The half that runs it is health_checker.h.
//
// Checks begin one interval after the service is ready, one at a time, an interval between the end
// of one and the start of the next. Nothing is armed while the service is not ready.
#pragma once

#include <optional>

#include "service.h"
#include "settings.h"

namespace initd {

class HealthSchedule {
  public:
    enum class Step { run, kill };

    // The rule must outlive the schedule or be set anew.
    void set_rule(const HealthRule& rule);
    void begin(Time now);
    void end();
    bool active() const { return active_; }

    // When to act next.
    std::optional<Time> due() const;
    // To be called when it is due: run a check, or kill the one that takes too long.
    Step on_due(Time now);
    // A check ended; one that was killed has failed. True when that was one failure too many.
    bool on_ended(bool success, Time now);
    // There was no check, for lack of resources of our own: the service is not to blame.
    void on_skipped(Time now);

    bool checked() const { return checked_; }        // at least once since begin()
    unsigned failures() const { return failures_; }  // in a row
    unsigned retries() const { return retries_; }

  private:
    enum class Phase { resting, checking, killed };
    void rest(Time now);

    milliseconds interval_{10'000};
    milliseconds timeout_{2'000};
    unsigned retries_ = 3;
    bool active_ = false;
    bool checked_ = false;
    unsigned failures_ = 0;
    Phase phase_ = Phase::resting;
    Time at_{};
};

}  // namespace initd
