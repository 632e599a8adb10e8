// Runs a service's health checks: one child at a time, beside the service in its cgroup, killed
// with all that it started when it takes too long. Its output is kept, bounded, and logged only
// when the check fails. When to run is decided in health.h.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/fd.h"
#include "health.h"
#include "reactor.h"
#include "spawn.h"

namespace initd {

class Unit;

class HealthChecker : public Watcher {
  public:
    // `group` is the folder of the checks' own cgroup, or empty.
    HealthChecker(const HealthRule& rule, Program program, std::string group);
    ~HealthChecker() override;
    HealthChecker(const HealthChecker&) = delete;
    HealthChecker& operator=(const HealthChecker&) = delete;

    void attach(Unit& unit, Reactor& reactor);
    void begin(Time now) { schedule_.begin(now); }
    // A check that is under way is killed and counts for nothing.
    void end();
    std::optional<Time> due() const { return schedule_.due(); }
    void on_due(Time now);

    // Of the check that is under way, or -1.
    pid_t pid() const { return pid_; }
    // It was seen dead but not reaped.
    void collect(int code, int status);

    const HealthSchedule& schedule() const { return schedule_; }
    void on_ready(std::uint32_t events) override;

  private:
    void run(Time now);
    void kill();
    void read_output();
    void drop_output();
    void log_failure(const Ending& ending);

    HealthSchedule schedule_;
    Program program_;
    std::string group_;
    Unit* unit_ = nullptr;
    Reactor* reactor_ = nullptr;
    pid_t pid_ = -1;
    base::Fd output_;
    base::Fd report_;
    std::array<char, 1024> text_{};  // the first of what the check printed
    std::size_t text_bytes_ = 0;
    bool timed_out_ = false;
};

}  // namespace initd
