// One service as it lives in PID 1: its program, its child, its pipes and its ring.
//
// What it should do next is decided by the Supervisor; this is what is done.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "journal.h"
#include "load.h"
#include "reactor.h"
#include "service.h"
#include "spawn.h"

namespace initd {

class Unit;

// The read end of a child's stdout or stderr. It lives until end of file, which may be long after
// the child when something it started holds the other end.
class OutputPipe : public Watcher {
  public:
    OutputPipe(Unit& unit, base::Fd fd, bool is_error)
        : unit_(unit), fd_(std::move(fd)), is_error_(is_error) {}
    void on_ready(std::uint32_t events) override;
    // Reads at most `most_bytes` without waiting.
    void drain(std::size_t most_bytes);
    bool done() const { return !fd_.valid(); }
    int fd() const { return fd_.get(); }

  private:
    void deliver(std::string_view text, bool ended);

    Unit& unit_;
    base::Fd fd_;
    LineCutter cutter_;
    bool is_error_;
};

// The child's report on how far it got.
class ReportPipe : public Watcher {
  public:
    explicit ReportPipe(Unit& unit) : unit_(unit) {}
    void on_ready(std::uint32_t events) override;

  private:
    friend class Unit;
    Unit& unit_;
    base::Fd fd_;
};

// Told when a child's program runs.
class UnitObserver {
  public:
    virtual ~UnitObserver() = default;
    virtual void on_executed(std::size_t index) = 0;
};

class Unit {
  public:
    Unit(std::size_t index, std::string name, std::size_t ring_bytes, bool console,
         std::optional<Program> program, std::string cgroup, Journal& journal, Reactor& reactor,
         UnitObserver& observer);

    const std::string& name() const { return name_; }
    pid_t pid() const { return pid_; }
    const Ring& ring() const { return ring_; }
    // Folder of its cgroup, or empty.
    const std::string& cgroup() const { return cgroup_; }

    // Starts the program. On failure returns how it ended: Ending::cannot_start.
    std::optional<Ending> spawn();
    // To the process group of the child.
    void send_signal(int signal);
    // SIGKILL to everything the service started that can be found.
    void kill_group();
    // The child was seen dead but not reaped: takes its last words and ends what it left behind.
    // Returns how it ended, from waitid's words. May call the observer before it returns.
    Ending collect(int code, int status);

    void drop_finished_pipes();
    void drain_pipes();
    // Its last lines go to the console if they did not go there before.
    void show_tail(std::size_t lines);

    std::optional<Time> deadline;  // of the timer the Supervisor armed
    Time since{};                  // when it entered its state

  private:
    friend class OutputPipe;
    friend class ReportPipe;
    void take_report();
    void drop_report();

    std::size_t index_;
    std::string name_;
    bool console_;
    std::optional<Program> program_;
    std::string cgroup_;
    Journal& journal_;
    Reactor& reactor_;
    UnitObserver& observer_;
    Ring ring_;
    pid_t pid_ = -1;
    ReportPipe report_;
    Program::Failure failure_;
    std::vector<std::unique_ptr<OutputPipe>> pipes_;
};

}  // namespace initd
