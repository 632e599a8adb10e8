// The control socket: who may ask for what, and answers that go out as fast as the client reads.
// Protocol: initd-control(5).
//
// A fixed number of clients, each with memory laid out beforehand and one request at a time. What
// does not fit into a client's output waits as a task with a cursor; PID 1 never waits. Requests
// are carried out in control_requests.cpp, answers composed in control_tasks.cpp.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "boot.h"
#include "proto/control.h"
#include "reactor.h"
#include "roster.h"
#include "supervisor.h"
#include "unit.h"

namespace initd {

inline constexpr const char* kControlPath = "/run/initd.sock";

// What requests are about. Borrowed.
struct ControlSubjects {
    const Booted* booted = nullptr;
    Journal* journal = nullptr;
    Supervisor* supervisor = nullptr;
    const std::vector<std::unique_ptr<Unit>>* units = nullptr;
    Roster* roster = nullptr;
    Time started{};
};

class Control;

// One connection. It is a slot that is used again and again.
class ControlClient : public Watcher {
  public:
    void on_ready(std::uint32_t events) override;

  private:
    friend class Control;
    // Where the rest of an answer comes from.
    enum class Task { none, services, log, events, processes, settle, reload, run };
    // What the client has to do before its deadline.
    enum class Wait { nothing, greet, ask, finish_frame, read, follow };

    // It gets what comes until it goes.
    bool follows() const { return task_ == Task::events || (task_ == Task::log && follow_); }
    bool idle() const { return task_ == Task::none && output_sent_ == output_used_; }

    Control* owner_ = nullptr;
    base::Fd fd_;
    std::span<std::byte> input_;
    std::span<std::byte> output_;
    std::size_t input_used_ = 0;
    std::size_t output_used_ = 0;
    std::size_t output_sent_ = 0;
    std::uint32_t user_id_ = 0;
    bool may_change_ = false;
    bool greeted_ = false;
    bool closing_ = false;  // once the output is sent
    std::uint32_t interest_ = 0;
    Wait wait_ = Wait::nothing;
    std::optional<Time> deadline_;

    Task task_ = Task::none;
    bool more_now_ = false;         // the task could give more at once
    proto::control::Kind asked_{};  // of services and settle
    std::size_t index_ = 0;         // next service, or the one awaited
    std::size_t end_index_ = 0;     // services: one past the last
    const Ring* ring_ = nullptr;    // of logs
    Ring::Cursor cursor_;           // logs, events
    std::uint64_t end_offset_ = 0;  // logs: the end, unless it follows
    bool follow_ = false;
    base::Fd folder_;  // processes: /proc
    std::uint64_t only_pid_ = 0;
    std::uint64_t reload_ = 0;  // the number of the one awaited
    std::shared_ptr<const ReloadReport> report_;
};

class Control : public Watcher {
  public:
    static constexpr std::size_t kMostClients = 16;
    // Of these, so many are kept for the user who may do everything.
    static constexpr std::size_t kReserved = 4;

    // All memory that is needed later; and then the socket.
    base::Result<void> prepare(const ControlSubjects& subjects, Reactor& reactor);
    base::Result<void> open(const ControlSubjects& subjects, Reactor& reactor);
    // Takes a connection, or refuses it.
    void admit(base::Fd fd);

    // A service changed its state. `text` may be empty.
    void note_event(std::string_view service, State state, Reason reason, std::string_view text);
    // Sends what there is to whom takes it. Call after anything happened.
    void flush();
    // Drops who let a deadline pass.
    void on_alarm(Time now);
    std::optional<Time> next_deadline() const;
    // Nobody is still to be sent anything.
    bool drained() const;
    // What end_system asked for, once.
    std::optional<EndAction> take_end() { return std::exchange(wanted_end_, std::nullopt); }
    void set_phase(std::string_view phase) { phase_ = phase; }

    // The table is about to be exchanged, see RosterObserver; it will have `count` services.
    void on_exchange(const std::vector<std::size_t>& to, std::size_t count);

    void on_ready(std::uint32_t events) override;

  private:
    friend class ControlClient;
    using Kind = proto::control::Kind;

    // control.cpp: connections.
    void refuse(const base::Fd& fd, std::string_view text);
    bool receive(ControlClient& client);
    void serve(ControlClient& client, bool progressed);
    enum class Sent { all, some, nothing };  // nothing: the client has gone
    Sent send_output(ControlClient& client, bool& progressed);
    void update_interest(ControlClient& client);
    void update_deadline(ControlClient& client, bool progressed);
    void close(ControlClient& client);

    // control_requests.cpp: what is asked.
    void take_request(ControlClient& client);
    void greet(ControlClient& client, const proto::control::Frame& frame);
    void carry_out(ControlClient& client, const proto::control::Frame& frame);
    void change_service(ControlClient& client, const proto::control::Frame& frame);
    bool may_start(ControlClient& client, std::size_t index);
    void begin_services(ControlClient& client, const proto::control::Frame& frame);
    void begin_log(ControlClient& client, const proto::control::Frame& frame);
    void begin_events(ControlClient& client);
    void begin_processes(ControlClient& client, const proto::control::Frame& frame);
    void send_signal(ControlClient& client, const proto::control::Frame& frame);
    void reload(ControlClient& client);
    void run(ControlClient& client, const proto::control::Frame& frame);
    void fill_run(ControlClient& client);
    void follow_exchange(ControlClient& client, const std::vector<std::size_t>& to,
                         std::size_t count);
    void tell_system(ControlClient& client);
    void end_system(ControlClient& client, const proto::control::Frame& frame);
    std::optional<std::size_t> find(ControlClient& client, const proto::control::Frame& frame);

    // control_tasks.cpp: answers.
    void fill(ControlClient& client);
    void fill_services(ControlClient& client);
    void fill_log(ControlClient& client);
    void fill_events(ControlClient& client);
    void fill_processes(ControlClient& client);
    void fill_settle(ControlClient& client);
    void fill_reload(ControlClient& client);
    bool put_loss(ControlClient& client, Kind kind, const Ring& ring);
    // control_describe.cpp
    void describe_service(proto::control::FrameWriter& frame, std::size_t index) const;
    std::string_view service_of(pid_t pid, pid_t session) const;
    proto::control::FrameWriter frame(ControlClient& client, Kind kind) const;
    bool put(ControlClient& client, proto::control::FrameWriter& frame);
    void done(ControlClient& client, std::string_view text = {});
    void failed(ControlClient& client, base::ExitCode code, std::string_view text);

    ControlSubjects subjects_;
    Reactor* reactor_ = nullptr;
    base::Fd listener_;
    std::unique_ptr<std::byte[]> memory_;
    std::span<char> scratch_;
    Ring events_;
    std::array<ControlClient, kMostClients> clients_;
    std::string_view phase_ = "running";
    std::optional<EndAction> wanted_end_;
};

}  // namespace initd
