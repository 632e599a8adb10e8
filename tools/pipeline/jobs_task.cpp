// Jobs on the server.
#include "jobs_task.h"

#include <unistd.h>

#include "base/format.h"
#include "base/text.h"
#include "codec/json.h"
#include "job_output.h"
#include "job_watcher.h"
#include "run_task.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;
using proto::pipeline::FieldId;
using proto::pipeline::kMaximumPayload;
using proto::pipeline::Payload;

namespace {

// A job's command is cut in a list, so that all fit one frame.
constexpr std::size_t kShownCommand = 200;

std::string_view state_name(JobState state) {
    switch (state) {
        case JobState::running: return "running";
        case JobState::ended: return "ended";
        case JobState::lost: return "lost";
    }
    return "lost";
}

std::string job_line(const Job& job) {
    codec::json::Value line{codec::json::Object{}};
    line.set("job", job.id);
    line.set("state", state_name(job.state));
    line.set("started", format_instant(job.status.started));
    if (job.state == JobState::ended) {
        line.set("ended", format_instant(job.status.ended));
        if (job.status.end.has_value() && job.status.end->code.has_value()) {
            line.set("exit_code", std::int64_t{*job.status.end->code});
        }
        if (job.status.end.has_value() && job.status.end->signal.has_value()) {
            line.set("signal", std::int64_t{*job.status.end->signal});
        }
        if (job.status.timed_out) line.set("timed_out", true);
    }
    line.set("command", job.command.substr(0, kShownCommand));
    return codec::json::write(line);
}

}  // namespace

Result<void> StartJobTask::start() {
    JobSettings settings;
    settings.folder = folder_;
    settings.key = key_;
    settings.command = typed_command(request_);
    settings.child = TRY(child_settings(request_, granted_));
    settings.limit = granted_.time;
    const StartedJob job = TRY(start_job(settings, forget_));
    watchers_.push_back(job.watcher);
    stream().send_opened(Payload().text(FieldId::job, job.id));
    finish(Payload().number(FieldId::code, 0).text(FieldId::job, job.id), {"job " + job.id, 0});
    return {};
}

Result<void> JobsTask::start() {
    status_.number(FieldId::code, 0);
    if (id_.empty()) {
        for (const Job& job : TRY(list_jobs(folder_, key_))) {
            const std::string line = job_line(job);
            if (status_.view().size() + line.size() + proto::kFieldHeaderBytes <= kMaximumPayload) {
                status_.text(FieldId::job_status, line);
            }
        }
        finish(status_, {"done", 0});
        return {};
    }
    const std::optional<Job> job = TRY(find_job(folder_, id_, key_));
    if (!job.has_value()) {
        return Error(ExitCode::no_input,
                     fmt::format("there is no job {} of this key", base::quote(id_)));
    }
    if (!end_) return show(*job);
    const bool ended = TRY(end_job(folder_, id_, key_));
    if (!ended) return Error(ExitCode::no, fmt::format("the job {} does not run", id_));
    finish(status_, {"ended", 0});
    return {};
}

Result<void> JobsTask::show(const Job& job) {
    status_.text(FieldId::job_status, job_line(job));
    for (std::uint8_t channel = 0; channel < 2; ++channel) {
        base::Fd file = TRY(open_job_output(folder_, id_, channel == 1));
        // The oldest bytes of a long output are a hole.
        (void)::lseek(file.get(), static_cast<off_t>(first_kept(file.get())), SEEK_SET);
        ++open_;
        sources_[channel] =
            TRY(StreamSource::create(loop_, std::move(file), stream(), channel,
                                     [this](std::optional<Error>) { source_ended(); }));
    }
    return {};
}

void JobsTask::source_ended() {
    if (--open_ > 0) return;
    for (const auto& source : sources_)
        bytes_ += source->bytes();
    finish(status_, {"done", bytes_});
}

void JobsTask::on_room() {
    for (const auto& source : sources_) {
        if (source != nullptr) source->on_room();
    }
}

}  // namespace pipeline
