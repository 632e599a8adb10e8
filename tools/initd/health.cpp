// The schedule of checks.
#include "health.h"

namespace initd {

void HealthSchedule::set_rule(const HealthRule& rule) {
    interval_ = rule.interval;
    timeout_ = rule.timeout;
    retries_ = rule.retries;
}

void HealthSchedule::begin(Time now) {
    active_ = true;
    checked_ = false;
    failures_ = 0;
    rest(now);
}

void HealthSchedule::end() {
    active_ = false;
}

void HealthSchedule::rest(Time now) {
    phase_ = Phase::resting;
    at_ = now + interval_;
}

std::optional<Time> HealthSchedule::due() const {
    if (!active_ || phase_ == Phase::killed) return std::nullopt;
    return at_;
}

HealthSchedule::Step HealthSchedule::on_due(Time now) {
    if (phase_ == Phase::resting) {
        phase_ = Phase::checking;
        at_ = now + timeout_;
        return Step::run;
    }
    phase_ = Phase::killed;
    return Step::kill;
}

bool HealthSchedule::on_ended(bool success, Time now) {
    if (!active_ || phase_ == Phase::resting) return false;
    success = success && phase_ == Phase::checking;
    checked_ = true;
    failures_ = success ? 0 : failures_ + 1;
    rest(now);
    return failures_ >= retries_;
}

void HealthSchedule::on_skipped(Time now) {
    rest(now);
}

}  // namespace initd
