// The server's half of run and shell: a program on pipes or on a terminal, joined to a stream.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "authorized_keys.h"
#include "child.h"
#include "child_watch.h"
#include "decision.h"
#include "request.h"
#include "stream_ends.h"
#include "task.h"

namespace pipeline {

class RunTask : public Task {
  public:
    // Each of its two outputs may have `max_output` bytes.
    RunTask(loop::Loop& loop, RunRequest request, Granted granted, std::uint64_t max_output)
        : loop_(loop),
          request_(std::move(request)),
          granted_(std::move(granted)),
          max_output_(max_output) {}

    void on_data(std::uint8_t channel, std::span<const std::byte> bytes) override;
    void on_end(std::uint8_t channel) override;
    void on_event(const proto::pipeline::Fields& fields) override;
    void on_room() override;
    // TERM, and after a while KILL to all that it started.
    void stop(const base::Error& error) override;

  protected:
    base::Result<void> start() override;

  private:
    base::Result<void> watch_child();
    base::Result<std::unique_ptr<StreamSource>> source(int fd, std::uint8_t channel);
    void ended(ChildEnd end, bool timed_out);
    void settle();

    loop::Loop& loop_;
    RunRequest request_;
    Granted granted_;
    std::uint64_t max_output_;
    std::optional<ChildGroup> group_;
    std::optional<Child> child_;
    std::optional<ChildWatch> watch_;
    std::unique_ptr<StreamSink> input_;
    std::unique_ptr<StreamSource> sources_[2];
    int sources_open_ = 0;
    std::optional<ChildEnd> result_;
    bool timed_out_ = false;
    std::uint64_t bytes_ = 0;
};

// The program, its variables, user and folder, as they were asked for and granted.
base::Result<ChildSettings> child_settings(const RunRequest& request, const Granted& granted);

}  // namespace pipeline
