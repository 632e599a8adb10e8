// One service as it lives in PID 1: its program, its child, its pipes and its ring.
//
// What it should do next is decided by the Supervisor; this is what is done.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "file_log.h"
#include "health_checker.h"
#include "journal.h"
#include "load.h"
#include "notify_socket.h"
#include "prober.h"
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
    // Takes what is in the pipe now, at most `most_bytes`.
    void drain(std::size_t most_bytes);
    bool done() const { return !fd_.valid(); }
    int fd() const { return fd_.get(); }

  private:
    // False when there is nothing to read now, or never again.
    bool read_once(std::size_t most_bytes);

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

// The read end of the descriptor on which a service says that it is ready: by a newline.
class ReadyPipe : public Watcher {
  public:
    explicit ReadyPipe(Unit& unit) : unit_(unit) {}
    void on_ready(std::uint32_t events) override;

  private:
    friend class Unit;
    Unit& unit_;
    base::Fd fd_;
};

// Told what happens to a unit.
class UnitObserver {
  public:
    virtual ~UnitObserver() = default;
    virtual void on_unit_event(std::size_t index, const Event& event) = 0;
};

// What a service runs, and how it is watched.
struct Equipment {
    std::optional<Program> program;  // none: it cannot be started
    std::string cgroup;              // folder, or empty
    bool group_is_new = false;       // made for this service, and not killed as a whole since
    ReadyProbe probe;
    bool announces_by_descriptor = false;
    bool notifies = false;                        // it is to have a notify_socket
    std::unique_ptr<NotifySocket> notify_socket;  // may be null
    std::unique_ptr<HealthChecker> health;        // may be null
    bool console = true;                          // its output is mirrored there
    LogTarget log_target;                         // and goes there as well
};

class Unit {
  public:
    Unit(std::size_t index, std::string name, std::size_t ring_bytes, Equipment equipment,
         Journal& journal, Reactor& reactor, UnitObserver& observer);
    ~Unit();
    Unit(const Unit&) = delete;
    Unit& operator=(const Unit&) = delete;

    // Exchanges all that a new start will use. There is no child. The notification socket and what
    // the service said stay if they are needed.
    void equip(Equipment equipment);
    void set_console(bool console) { equipment_.console = console; }
    // Its number in the Supervisor.
    void set_index(std::size_t index) { index_ = index; }

    const std::string& name() const { return name_; }
    pid_t pid() const { return pid_; }
    const Ring& ring() const { return ring_; }
    // Folder of its cgroup, or empty.
    const std::string& cgroup() const { return equipment_.cgroup; }

    // Of the health check that is under way, or -1.
    pid_t health_pid() const { return equipment_.health ? equipment_.health->pid() : -1; }
    const HealthSchedule* health() const {
        return equipment_.health ? &equipment_.health->schedule() : nullptr;
    }
    void collect_health(int code, int status) { equipment_.health->collect(code, status); }

    // Starts the program. On failure returns how it ended: Ending::cannot_start.
    std::optional<Ending> spawn();
    // To the process group of the child.
    void send_signal(int signal);
    // SIGKILL to everything the service started that can be found.
    void kill_group();
    // The child was seen dead but not reaped: takes its last words and ends what it left behind.
    // Returns how it ended, from waitid's words. May call the observer before it returns.
    Ending collect(int code, int status);

    // Takes what the service said about itself and is not read yet.
    void take_announcements();
    // The service entered a state: begins or ends to look whether it is ready, or healthy.
    void on_state(State state, Time now);

    // For what belongs to the unit.
    void tell(const Event& event) { observer_.on_unit_event(index_, event); }
    void note(std::string_view what);
    void warn(std::string_view what, std::string_view detail);
    void warn_of_health(std::string_view how, unsigned failures, unsigned most);
    // It is a process of the service.
    bool owns(pid_t pid) const;
    // That process, which must be the service's, is its main one from now on.
    bool follow(pid_t pid);
    // What the service says about itself, or "".
    std::string_view status_text() const;
    bool needs_socket() const { return equipment_.notifies; }
    NotifySocket* notify_socket() { return equipment_.notify_socket.get(); }
    void set_socket(std::unique_ptr<NotifySocket> socket);

    // The timer of the Supervisor not included.
    std::optional<Time> next_deadline() const;
    void on_alarm(Time now);

    // To its log file, if it has one.
    void flush_log(Time now);
    bool log_finished() const { return !file_log_ || file_log_->finished(); }
    // The process wrote its log file, and has ended.
    bool collect_writer(pid_t pid) { return file_log_ && file_log_->collect(pid); }

    void drop_finished_pipes();
    void drain_pipes(std::size_t most_bytes_each);
    // Its last lines go to the console if they did not go there before.
    void show_tail(std::size_t lines);

    std::optional<Time> deadline;  // of the timer the Supervisor armed
    Time since{};                  // when it entered its state

  private:
    friend class OutputPipe;
    friend class ReportPipe;
    friend class ReadyPipe;
    void take_ready();
    void drop_ready();
    void take_report();
    void drop_report();

    std::size_t index_;
    std::string name_;
    Equipment equipment_;
    Journal& journal_;
    Reactor& reactor_;
    UnitObserver& observer_;
    Ring ring_;
    std::optional<FileLog> file_log_;
    pid_t pid_ = -1;
    pid_t session_ = -1;  // that its first process made
    ReportPipe report_;
    ReadyPipe ready_;
    Prober prober_;
    Program::Failure failure_;
    std::vector<std::unique_ptr<OutputPipe>> pipes_;
};

}  // namespace initd
