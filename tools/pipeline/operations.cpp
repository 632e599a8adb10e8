// Lines of the audit log, and the memory of what has begun.
#include "operations.h"

#include <algorithm>
#include <limits>

#include "admission.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "proto/pipeline.h"

namespace pipeline {

using base::Result;

namespace {

struct Said {
    std::uint16_t stream = 0;
    AuditEvent event;
};

std::optional<Said> decode(std::span<const std::byte> bytes) {
    if (bytes.size() < kStreamBytes) return std::nullopt;
    std::optional<AuditEvent> event = decode_audit(bytes.subspan(kStreamBytes));
    if (!event.has_value()) return std::nullopt;
    return Said{base::load_be<std::uint16_t>(bytes), std::move(*event)};
}

}  // namespace

Result<Operations> Operations::create(const std::string& audit_file) {
    if (audit_file.empty()) return Operations(std::nullopt);
    TRY(base::make_parents(audit_file, 0700));
    const auto now = std::chrono::system_clock::now();
    AuditLog::Opened opened =
        TRY(AuditLog::open(audit_file, std::chrono::floor<std::chrono::milliseconds>(now)));
    if (opened.torn) {
        base::log::warning("the last line of the audit log was cut off", {{"file", audit_file}});
    }
    return Operations(std::move(opened.log));
}

void Operations::begun(const Worker& worker, std::span<const std::byte> said, Time now) {
    std::optional<Said> what = decode(said);
    if (!what.has_value()) return;
    const auto first = under_way_.lower_bound({worker.number, 0});
    const auto last =
        under_way_.upper_bound({worker.number, std::numeric_limits<std::uint16_t>::max()});
    if (std::distance(first, last) >= std::ptrdiff_t{proto::pipeline::kMaximumStreams}) return;
    under_way_.insert_or_assign({worker.number, what->stream},
                                UnderWay{std::move(what->event), now});
}

void Operations::ended(const Worker& worker, std::span<const std::byte> said, Time now) {
    std::optional<Said> what = decode(said);
    if (!what.has_value()) return;
    under_way_.erase({worker.number, what->stream});
    if (worker.identity.key.empty()) {
        if (!may_write_refusal(now)) {
            ++left_out_;
            return;
        }
        if (left_out_ > 0) {
            what->event.outcome += fmt::format("; {} refusals before were left out", left_out_);
            left_out_ = 0;
        }
    }
    write(worker, std::move(what->event));
}

bool Operations::may_write_refusal(Time now) {
    const auto earned = (now - refusals_counted_) / kRefusalPause;
    if (earned > 0) {
        refusals_left_ = static_cast<unsigned>(
            std::min<std::int64_t>(kRefusals, refusals_left_ + std::int64_t{earned}));
        refusals_counted_ += earned * kRefusalPause;
    }
    if (refusals_left_ == 0) return false;
    --refusals_left_;
    return true;
}

void Operations::session_over(const Worker& worker, Time now) {
    while (true) {
        const auto left = under_way_.lower_bound({worker.number, 0});
        if (left == under_way_.end() || left->first.first != worker.number) return;
        AuditEvent event = std::move(left->second.event);
        event.outcome = "cut off: its session was killed";
        event.duration = std::chrono::floor<std::chrono::milliseconds>(now - left->second.began);
        under_way_.erase(left);
        write(worker, std::move(event));
    }
}

// The listener's own knowledge of who it is stands beside what the session says of itself.
void Operations::write(const Worker& worker, AuditEvent event) {
    base::log::info("operation", {{"session", worker.number},
                                  {"peer", worker.identity.peer},
                                  {"key", worker.identity.key},
                                  {"comment", worker.identity.comment},
                                  {"operation", event.operation},
                                  {"argument", event.argument},
                                  {"outcome", event.outcome},
                                  {"bytes", event.bytes},
                                  {"duration_ms", event.duration.count()}});
    if (!log_.has_value()) return;
    AuditEntry entry;
    entry.time = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    entry.session = worker.number;
    entry.identity = worker.identity;
    entry.event = std::move(event);
    const Result<void> written = log_->append(std::move(entry));
    if (!written.ok()) base::log::error("no audit", {{"error", written.error().message}});
}

}  // namespace pipeline
