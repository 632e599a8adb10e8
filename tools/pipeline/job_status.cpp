// The status file of a job, in JSON.
#include "codec/json.h"
#include "jobs.h"

namespace pipeline {

namespace {

namespace json = codec::json;
using base::Error;
using base::Result;

json::Value number(std::uint64_t value) {
    return json::Value(static_cast<std::int64_t>(value));
}

json::Value time_value(Instant instant) {
    return json::Value(std::int64_t{instant.time_since_epoch().count()});
}

}  // namespace

std::string job_status_text(const JobStatus& status) {
    json::Value value;
    value.set("key", json::Value(status.key));
    value.set("started_ms", time_value(status.started));
    value.set("watcher", json::Value(std::int64_t{status.watcher}));
    if (status.end) {
        value.set("ended_ms", time_value(status.ended));
        if (status.end->code) value.set("code", json::Value(std::int64_t{*status.end->code}));
        if (status.end->signal) value.set("signal", json::Value(std::int64_t{*status.end->signal}));
        value.set("timed_out", json::Value(status.timed_out));
        value.set("output_bytes", number(status.output_bytes));
        value.set("lost_bytes", number(status.lost_bytes));
    }
    return json::write(value) + "\n";
}

Result<JobStatus> parse_job_status(std::string_view text) {
    const json::Value value = TRY(json::parse(text, {.maximum_bytes = 4096, .maximum_depth = 1}));
    const auto integer = [&](std::string_view key) {
        const json::Value* member = value.find(key);
        return member == nullptr ? std::nullopt : member->as_integer();
    };
    const json::Value* key = value.find("key");
    const auto started = integer("started_ms"), watcher = integer("watcher");
    if (key == nullptr || !key->as_text() || !started || !watcher || *watcher < 0 ||
        *watcher > 1 << 30) {
        return Error::data("not a job's status");
    }
    JobStatus status;
    status.key = *key->as_text();
    status.started = Instant(std::chrono::milliseconds(*started));
    status.watcher = static_cast<pid_t>(*watcher);
    const auto ended = integer("ended_ms"), code = integer("code"), signal = integer("signal");
    if (!ended) return status;
    if (code.has_value() == signal.has_value()) return Error::data("no single end of a job");
    const std::int64_t how = code ? *code : *signal;
    if (how < 0 || how > 255) return Error::data("an end that no job has");
    status.end.emplace();
    (code ? status.end->code : status.end->signal) = static_cast<int>(how);
    status.ended = Instant(std::chrono::milliseconds(*ended));
    const json::Value* timed_out = value.find("timed_out");
    status.timed_out = timed_out != nullptr && timed_out->as_bool().value_or(false);
    status.output_bytes = static_cast<std::uint64_t>(integer("output_bytes").value_or(0));
    status.lost_bytes = static_cast<std::uint64_t>(integer("lost_bytes").value_or(0));
    return status;
}

}  // namespace pipeline
