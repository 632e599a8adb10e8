// The server's half of jobs: starting one, listing a key's, showing the output of one.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "child.h"
#include "decision.h"
#include "jobs.h"
#include "request.h"
#include "stream_ends.h"
#include "task.h"

namespace pipeline {

// `run` without waiting: the job goes on when the session has ended.
class StartJobTask : public Task {
  public:
    // `forget` wipes, in the process that watches the job, what only the session may know; that
    // process is added to `watchers`, which outlives the task.
    StartJobTask(RunRequest request, Granted granted, std::string folder, std::string key,
                 std::function<void()> forget, std::vector<pid_t>& watchers)
        : request_(std::move(request)),
          granted_(std::move(granted)),
          folder_(std::move(folder)),
          key_(std::move(key)),
          forget_(std::move(forget)),
          watchers_(watchers) {}

  protected:
    base::Result<void> start() override;

  private:
    RunRequest request_;
    Granted granted_;
    std::string folder_;
    std::string key_;
    std::function<void()> forget_;
    std::vector<pid_t>& watchers_;
};

// The jobs of a key as JSON lines in the status; with an id, that job's, and its output
// as data; or that job is ended.
class JobsTask : public Task {
  public:
    JobsTask(loop::Loop& loop, std::string id, std::string folder, std::string key, bool end)
        : loop_(loop),
          id_(std::move(id)),
          folder_(std::move(folder)),
          key_(std::move(key)),
          end_(end) {}

    void on_room() override;

  protected:
    base::Result<void> start() override;

  private:
    base::Result<void> show(const Job& job);
    void source_ended();

    loop::Loop& loop_;
    std::string id_;
    std::string folder_;
    std::string key_;
    bool end_;  // instead of showing it
    proto::pipeline::Payload status_;
    std::unique_ptr<StreamSource> sources_[2];
    int open_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace pipeline
