// A program joined to a stream.
#include "run_task.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/format.h"
#include "environment.h"
#include "identity.h"
#include "session_groups.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;
using proto::pipeline::FieldId;
using proto::pipeline::Fields;

namespace {

constexpr std::uint64_t kHighestSignal = 64;

std::string outcome_of(const ChildEnd& end, bool timed_out) {
    const std::string why = timed_out ? ", out of time" : "";
    if (end.signal.has_value()) return fmt::format("signal {}{}", *end.signal, why);
    return fmt::format("exit {}{}", end.code.value_or(0), why);
}

}  // namespace

Result<ChildSettings> child_settings(const RunRequest& request, const Granted& granted) {
    const std::string user = granted.user.empty() ? std::to_string(::getuid()) : granted.user;
    const base::Account account = TRY(system_account(user));
    ChildSettings settings;
    if (granted.command.has_value()) {
        settings.command = {"sh", "-c", *granted.command};
    } else if (request.shell) {
        const LoginShell shell = login_shell(account);
        settings.command = {shell.name};
        settings.program = shell.program;
    } else if (request.command.has_value()) {
        settings.command = {"sh", "-c", *request.command};
    } else {
        settings.command = request.arguments;
    }
    std::string terminal;
    if (request.terminal.has_value()) {
        terminal = is_terminal_name(request.terminal->type) ? request.terminal->type : "dumb";
        settings.terminal = TerminalSize{request.terminal->rows, request.terminal->columns};
    }
    // The server's own comes from the image, which knows where its programs are.
    const char* path = std::getenv("PATH");
    settings.environment = merge_environment(
        account_environment(account, path != nullptr ? path : "", terminal), granted.environment);
    settings.folder = request.folder.empty() ? account.home : request.folder;
    settings.account = account;
    settings.with_input = request.input || request.terminal.has_value();
    return settings;
}

Result<void> RunTask::start() {
    ChildSettings settings = TRY(child_settings(request_, granted_));
    std::optional<ChildGroup> made =
        ChildGroup::make(command_group_name(::getpid(), stream().id()));
    if (made.has_value()) group_.emplace(std::move(*made));
    settings.group = group_.has_value() ? &*group_ : nullptr;
    child_.emplace(TRY(Child::start(settings)));
    return watch_child();
}

Result<void> RunTask::watch_child() {
    watch_.emplace(
        TRY(ChildWatch::create(loop_, *child_, granted_.time,
                               [this](ChildEnd end, bool timed_out) { ended(end, timed_out); })));
    if (child_->input() >= 0) {
        base::Fd input = TRY(base::duplicate(child_->input()));
        const bool terminal = child_->has_terminal();
        // A pipe has now one writer, the sink, whose end is the end of the program's input.
        if (!terminal) child_->end_input();
        input_ = TRY(StreamSink::create(loop_, std::move(input), stream(), [this, terminal](auto) {
            if (terminal && child_.has_value()) child_->end_input();
        }));
    }
    sources_[0] = TRY(source(child_->output(), 0));
    // A terminal stays open for its size and for signals.
    if (!child_->has_terminal()) child_->close_output();
    if (child_->errors() >= 0) {
        sources_[1] = TRY(source(child_->errors(), 1));
        child_->close_errors();
    }
    return {};
}

Result<std::unique_ptr<StreamSource>> RunTask::source(int fd, std::uint8_t channel) {
    base::Fd own = TRY(base::duplicate(fd));
    ++sources_open_;
    const auto ended = [this, channel](std::optional<Error> error) {
        if (error.has_value()) return fail(*error);
        bytes_ += sources_[channel]->bytes();
        --sources_open_;
        settle();
    };
    return StreamSource::create(loop_, std::move(own), stream(), channel, ended, max_output_);
}

void RunTask::on_data(std::uint8_t, std::span<const std::byte> bytes) {
    bytes_ += bytes.size();
    if (input_ == nullptr) return stream().consumed(bytes.size());
    input_->take(bytes);
}

void RunTask::on_end(std::uint8_t) {
    if (input_ != nullptr) input_->end();
}

void RunTask::on_event(const Fields& fields) {
    if (!child_.has_value()) return;
    const auto rows = fields.number(FieldId::rows);
    const auto columns = fields.number(FieldId::columns);
    if (rows.has_value() && columns.has_value()) {
        child_->resize({static_cast<std::uint16_t>(*rows), static_cast<std::uint16_t>(*columns)});
    }
    const auto signal = fields.number(FieldId::signal);
    if (signal.has_value() && *signal >= 1 && *signal <= kHighestSignal) {
        child_->signal(static_cast<int>(*signal));
    }
}

void RunTask::on_room() {
    for (const auto& one : sources_) {
        if (one != nullptr) one->on_room();
    }
}

void RunTask::stop(const Error& error) {
    if (!watch_.has_value()) return fail(error);
    watch_->stop(SIGTERM);
}

// What it wrote before it ended is passed on; who else holds its pipes is not waited for.
void RunTask::ended(ChildEnd end, bool timed_out) {
    result_ = end;
    timed_out_ = timed_out;
    for (const auto& one : sources_) {
        if (one != nullptr) one->finish();
    }
    settle();
}

void RunTask::settle() {
    if (!result_.has_value() || sources_open_ > 0) return;
    finish(encode(RunStatus{result_->code, result_->signal, timed_out_}),
           {outcome_of(*result_, timed_out_), bytes_});
}

}  // namespace pipeline
