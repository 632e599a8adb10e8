// The running part of PID 1: events in, Supervisor's decisions out, until there is an End.
//
// Phases: running -> stopping (services go down in reverse order) -> settling (their log files get
// the rest) -> lingering (the host's readers do) -> over. An error in here is logged and survived.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "boot.h"
#include "control.h"
#include "farewell.h"
#include "journal.h"
#include "last_words.h"
#include "reactor.h"
#include "readers.h"
#include "roster.h"
#include "supervisor.h"
#include "unit.h"

namespace initd {

class Runtime : public UnitObserver, public RosterObserver {
  public:
    Runtime(Booted booted, Journal& journal, LastWords& last_words);
    ~Runtime() override { last_words_.detach(); }

    // All that may fail, and all memory that is needed later.
    base::Result<void> prepare();
    // Runs until the end and says which. Call once.
    End run();

    void on_exchange(const std::vector<std::size_t>& to, std::size_t count) override;
    void on_unit_event(std::size_t index, const Event& event) override;

  private:
    enum class Phase { running, stopping, settling, lingering, over };

    void watch_console();
    void turn();
    void on_signal(int signal);
    void on_alarm();
    void reap();
    void carry_out();
    void perform(const ServiceAction& action);
    void report(const ServiceAction& action);
    void report_failure(std::size_t index, Reason reason);
    void report_stopping(const ServiceAction& action);
    void consider_outcome();
    void consider_control();
    void consider_roster();
    void begin_stop(End end);
    void begin_settle();
    void begin_linger();
    bool log_files_written() const;
    void arm();

    Booted booted_;
    Journal& journal_;
    LastWords& last_words_;
    Reactor reactor_;
    Readers log_readers_;
    Readers status_readers_;
    Control control_;
    std::optional<Supervisor> supervisor_;
    std::vector<std::unique_ptr<Unit>> units_;
    Roster roster_;
    Phase phase_ = Phase::running;
    bool outcome_told_ = false;
    End end_;
    Farewell farewell_;
    std::optional<Time> phase_deadline_;
    std::optional<Time> reap_at_;  // when children could not be asked for
};

}  // namespace initd
