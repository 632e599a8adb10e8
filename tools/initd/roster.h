// The table of services, and its exchange as a whole: by a reload, or for a program that is run
// once more than the files say.
//
// Everything new is built aside, where a lack of memory refuses the request and changes nothing.
// Then what has to go is stopped, by itself; and once that is down one swap, which cannot fail,
// puts the new table in the place of the old. What is kept moves over as it is: processes, rings,
// counters, and what was stopped or disabled by request. What counts as a change: difference.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "boot.h"
#include "difference.h"
#include "reactor.h"
#include "supervisor.h"
#include "unit.h"

namespace initd {

// What a reload did. Shared with the clients that are still reading it.
struct ReloadReport {
    struct Entry {
        std::string name;
        Change change;
    };
    std::uint64_t number = 0;
    std::vector<Entry> entries;
    std::string summary;
};

// Told before the table is exchanged for one of `count` services: the service at `index` will be at
// `to[index]`, or kNobody.
class RosterObserver {
  public:
    virtual ~RosterObserver() = default;
    virtual void on_exchange(const std::vector<std::size_t>& to, std::size_t count) = 0;
};

// A program that is to run once.
struct RunRequest {
    std::vector<std::string> command;
    Environment environment;
    std::string name;    // empty: one is made
    std::string user;    // empty: root
    std::string folder;  // empty: /
};

// Borrows the running table. All of it outlives the Roster.
struct Table {
    Booted& booted;
    Journal& journal;
    Reactor& reactor;
    UnitObserver& unit_observer;
    RosterObserver& observer;
    std::optional<Supervisor>& supervisor;
    std::vector<std::unique_ptr<Unit>>& units;
};

class Roster {
  public:
    explicit Roster(const Table& table);
    ~Roster();

    // Fills the table at boot.
    void build();

    // Reads the configuration anew and begins to change what differs. An Error says what is wrong
    // with it, and then nothing has changed. roster_reload.cpp
    base::Result<void> reload(Time now);
    // A reload is under way.
    bool pending() const { return next_ != nullptr; }
    // Exchanges the table once what has to go is down; true if it did.
    bool advance(Time now);
    // The enclave is ending.
    void abandon();

    // Adds a oneshot service that no file describes and starts it; returns its number. The ends of
    // the last kMostEnds such services are kept. roster_run.cpp
    static constexpr std::size_t kMostRuns = 16;  // at a time
    static constexpr std::size_t kMostEnds = 16;
    base::Result<std::size_t> run(const RunRequest& request, Time now);

    std::uint64_t reloads() const { return reloads_; }  // begun so far
    const std::shared_ptr<const ReloadReport>& last_report() const { return last_report_; }

  private:
    struct Next;

    void add_unit(std::size_t index);
    base::Result<void> prepare_reload(Next& next);
    void plan(Next& next);
    void withdraw(const Next& next, Time now);
    void exchange(Next& next, Time now);
    base::Result<void> prepare_run(Next& next, const RunRequest& request);
    base::Result<LoadedService> load_run(const RunRequest& request);
    void move_unit(Next& next, std::size_t index);
    void forget(const Next& next, Unit& unit, Time now);

    Table table_;
    std::unique_ptr<Next> next_;
    std::uint64_t reloads_ = 0;
    std::uint64_t runs_ = 0;
    std::shared_ptr<const ReloadReport> last_report_;
};

}  // namespace initd
