// What all tasks share: one end, one report.
#include "task.h"

#include "status.h"

namespace pipeline {

void Task::begin(std::unique_ptr<Stream> stream, Over over) {
    stream_ = std::move(stream);
    over_ = std::move(over);
    const base::Result<void> started = start();
    if (!started.ok()) fail(started.error());
}

void Task::on_data(std::uint8_t, std::span<const std::byte> bytes) {
    stream_->consumed(bytes.size());  // nobody asked for it
}

void Task::on_lost(const base::Error& error) {
    report({"given up: " + error.message, 0});
}

void Task::finish(const proto::pipeline::Payload& status, const TaskReport& done) {
    if (over()) return;
    stream_->finish(status);
    report(done);
}

void Task::fail(const base::Error& error) {
    finish(encode(error), {error.message, 0});
}

void Task::report(const TaskReport& done) {
    if (over()) return;
    const Over over = std::move(over_);
    over_ = nullptr;
    over(*this, done);
}

}  // namespace pipeline
