// What a session serves: from an open frame to a decision to a task, and its line in the audit log.
#include <algorithm>

#include "base/format.h"
#include "base/log.h"
#include "copy_task.h"
#include "forward_task.h"
#include "info_task.h"
#include "jobs_task.h"
#include "request.h"
#include "run_task.h"
#include "session.h"
#include "status.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;
using proto::pipeline::FieldId;
using proto::pipeline::Fields;

namespace {

Result<Operation> operation_of(const Fields& fields) {
    const std::uint64_t number = fields.number(FieldId::operation).value_or(0);
    for (const Operation operation : kOperations) {
        if (static_cast<std::uint64_t>(operation) == number) return operation;
    }
    return Error(ExitCode::protocol, fmt::format("operation {} is none that is known", number));
}

// What decide() wants to know, as the fields have it.
Result<Asked> asked_of(Operation operation, const Fields& fields) {
    Asked asked;
    asked.operation = operation;
    switch (operation) {
        case Operation::run:
        case Operation::shell: {
            const RunRequest request = TRY(decode_run(fields));
            asked.command = typed_command(request);
            asked.user = request.user;
            asked.folder = request.folder;
            asked.environment = request.variables;
            asked.timeout = request.time_limit;
            break;
        }
        case Operation::forward:
        case Operation::listen:
            asked.address = TRY(vsockio::parse_address(fields.text(FieldId::address).value_or("")));
            break;
        default: break;
    }
    return asked;
}

// 0 stands for no limit.
std::uint64_t limit_of(std::uint64_t setting) {
    return setting == 0 ? StreamSource::kNoLimit : setting;
}

std::string argument_of(const Asked& asked, const Fields& fields) {
    if (asked.address.has_value()) return to_string(*asked.address);
    if (!asked.command.empty()) return asked.command;
    if (const auto path = fields.text(FieldId::path)) return std::string(*path);
    return std::string(fields.text(FieldId::job).value_or(""));
}

}  // namespace

void Session::on_open(std::uint16_t id, const Fields& fields) {
    served_.push_back(std::make_unique<Served>());
    Served& served = *served_.back();
    served.began = loop_.now();
    last_busy_ = loop_.now();
    const Result<void> opened = open_task(id, fields, served);
    if (opened.ok()) return;
    connection_->refuse_stream(id, opened.error());
    audit_end(served, {opened.error().message, 0});
    served.over = true;
    sweeper_->start(std::chrono::milliseconds(0));
}

Result<void> Session::open_task(std::uint16_t id, const Fields& fields, Served& served) {
    const Operation operation = TRY(operation_of(fields));
    served.operation = operation_name(operation);
    const Asked asked = TRY(asked_of(operation, fields));
    served.argument = argument_of(asked, fields);
    const Decision decision = decide(*key_, asked, circumstances());
    if (const Refused* refused = std::get_if<Refused>(&decision)) {
        return Error(ExitCode::refused, refused->reason)
            .with_hint(fmt::format("the option '{}' of the key decides that", refused->option));
    }
    const Granted& granted = std::get<Granted>(decision);
    served.task = TRY(make_task(operation, fields, asked, granted));
    // A program is told by its watch, and may end in order.
    const bool program = operation == Operation::run || operation == Operation::shell;
    if (granted.time.has_value() && !program) {
        Task& task = *served.task;
        served.limit = TRY(loop::Timer::create(
            loop_, [&task] { task.stop(Error(ExitCode::refused, "its time is up")); }));
        served.limit->start(*granted.time);
    }
    served.stream = id;
    TRY(audit_begin(served));
    served.task->begin(connection_->accept(id, *served.task),
                       [this](Task& task, const TaskReport& report) { task_over(task, report); });
    return {};
}

Result<std::unique_ptr<Task>> Session::make_task(Operation operation, const Fields& fields,
                                                 const Asked& asked, const Granted& granted) {
    switch (operation) {
        case Operation::run:
        case Operation::shell: return run_task(TRY(decode_run(fields)), granted);
        case Operation::put:
            return std::unique_ptr<Task>(
                std::make_unique<PutTask>(loop_, TRY(decode_copy(fields)), granted.folders,
                                          limit_of(start_.settings.max_copy)));
        case Operation::get:
            return std::unique_ptr<Task>(
                std::make_unique<GetTask>(loop_, TRY(decode_copy(fields)), granted.folders));
        case Operation::forward:
            return std::unique_ptr<Task>(std::make_unique<ForwardTask>(loop_, *asked.address));
        case Operation::listen:
            return std::unique_ptr<Task>(
                std::make_unique<ListenTask>(loop_, *connection_, *asked.address));
        case Operation::control: {
            vsockio::Address address;
            address.path = start_.settings.control_socket;
            return std::unique_ptr<Task>(std::make_unique<ForwardTask>(loop_, address));
        }
        case Operation::info:
            return std::unique_ptr<Task>(std::make_unique<InfoTask>(*key_, others_));
        case Operation::jobs:
            return std::unique_ptr<Task>(std::make_unique<JobsTask>(
                loop_, std::string(fields.text(FieldId::job).value_or("")), jobs_folder_,
                fingerprint_, fields.number(FieldId::end_job) == 1));
    }
    return Error(ExitCode::internal, "the operation is in the list but not here");
}

std::unique_ptr<Task> Session::run_task(RunRequest request, const Granted& granted) {
    if (request.no_wait) {
        return std::make_unique<StartJobTask>(
            std::move(request), granted, jobs_folder_, fingerprint_,
            [this] { connection_->tls().forget(); }, job_watchers_);
    }
    return std::make_unique<RunTask>(loop_, std::move(request), granted,
                                     limit_of(start_.settings.max_output));
}

unsigned Session::running_jobs() const {
    if (jobs_folder_.empty() || !key_->max_sessions.has_value()) return 0;
    const Result<std::vector<Job>> jobs = list_jobs(jobs_folder_, fingerprint_);
    if (!jobs.ok()) return 0;
    return static_cast<unsigned>(std::ranges::count(jobs.value(), JobState::running, &Job::state));
}

void Session::task_over(Task& task, const TaskReport& report) {
    for (const auto& served : served_) {
        if (served->task.get() != &task) continue;
        audit_end(*served, report);
        served->limit.reset();
        served->over = true;
    }
    last_busy_ = loop_.now();
    sweeper_->start(std::chrono::milliseconds(0));
}

}  // namespace pipeline
