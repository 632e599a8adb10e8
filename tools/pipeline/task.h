// One stream that a session serves: a command, a copy, a forwarded connection. Sessions own tasks;
// what a task may do has been decided before it is made.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "connection.h"

namespace pipeline {

// How a task ended, for the audit log.
struct TaskReport {
    std::string outcome;  // "exit 0", "signal 9", or an Error's message
    std::uint64_t bytes = 0;
};

class Task : public StreamUser {
  public:
    // Called once; the task is destroyed later, from the loop.
    using Over = std::function<void(Task&, const TaskReport&)>;

    // Takes the stream and starts; what start() refuses becomes the stream's status.
    void begin(std::unique_ptr<Stream> stream, Over over);
    // Ends the task from outside: time is up, or the server ends.
    virtual void stop(const base::Error& error) { fail(error); }

    void on_data(std::uint8_t, std::span<const std::byte> bytes) override;
    void on_end(std::uint8_t) override {}
    void on_lost(const base::Error& error) override;

  protected:
    virtual base::Result<void> start() = 0;
    Stream& stream() { return *stream_; }
    bool over() const { return over_ == nullptr; }
    void finish(const proto::pipeline::Payload& status, const TaskReport& report);
    void fail(const base::Error& error);

  private:
    void report(const TaskReport& report);
    std::unique_ptr<Stream> stream_;
    Over over_;
};

}  // namespace pipeline
