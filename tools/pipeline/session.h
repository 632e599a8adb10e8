// A session: one connection on the server, in a process of its own. It proves the key, asks the
// listener for admission, gives evidence, becomes the key's user, and serves streams as tasks.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit_record.h"
#include "connection.h"
#include "decision.h"
#include "loop/loop.h"
#include "request.h"
#include "serve.h"
#include "task.h"

namespace pipeline {

class Session : public ConnectionOwner {
  public:
    Session(loop::Loop& loop, SessionStart start);
    ~Session() override;

    // Runs until the connection is over; the process's exit status.
    base::Result<int> run();

    void on_secure() override;
    void on_greeting(const proto::pipeline::Fields& fields) override;
    void on_open(std::uint16_t id, const proto::pipeline::Fields& fields) override;
    void on_lost(const base::Error& error) override;

  private:
    // A task, and what the audit log says of it.
    struct Served {
        std::unique_ptr<Task> task;
        std::string operation;
        std::string argument;
        std::uint16_t stream = 0;  // 0 until it has begun
        std::chrono::milliseconds began{};
        std::optional<loop::Timer> limit;
        bool over = false;
    };

    // session.cpp
    base::Result<void> begin();
    base::Result<void> find_own_key();
    base::Result<void> welcome(const proto::pipeline::Fields& fields);
    base::Result<unsigned> ask_admission();
    base::Result<std::vector<std::byte>> evidence(std::span<const std::byte> nonce);
    base::Result<void> become_user();
    void refuse(const base::Error& error);
    void end(const base::Error& error);
    void idle_check();
    void sweep();
    Circumstances circumstances() const;
    base::Result<void> audit_begin(const Served& served);
    void audit_end(const Served& served, const TaskReport& report);
    base::Result<void> tell_listener(std::byte what, std::uint16_t stream, const AuditEvent& event);

    // session_tasks.cpp
    base::Result<void> open_task(std::uint16_t id, const proto::pipeline::Fields& fields,
                                 Served& served);
    base::Result<std::unique_ptr<Task>> make_task(Operation operation,
                                                  const proto::pipeline::Fields& fields,
                                                  const Asked& asked, const Granted& granted);
    std::unique_ptr<Task> run_task(RunRequest request, const Granted& granted);
    unsigned running_jobs() const;
    void task_over(Task& task, const TaskReport& report);

    loop::Loop& loop_;
    SessionStart start_;
    std::unique_ptr<Connection> connection_;
    std::string fingerprint_;
    const AuthorizedKey* key_ = nullptr;
    std::optional<std::uint32_t> cid_;
    unsigned others_ = 0;
    bool admitted_ = false;
    bool over_ = false;
    std::chrono::milliseconds last_busy_{};
    std::string jobs_folder_;
    std::vector<pid_t> job_watchers_;  // they outlive the session
    std::vector<std::unique_ptr<Served>> served_;
    std::optional<loop::Poll> listener_gone_;
    std::optional<loop::Timer> sweeper_;
    std::optional<loop::Timer> idle_;
    std::optional<loop::Signal> ending_;
};

}  // namespace pipeline
