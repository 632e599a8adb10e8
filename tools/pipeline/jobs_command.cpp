// pipeline jobs: the key's jobs, or one of them with its output.
#include <fcntl.h>
#include <unistd.h>

#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "client.h"
#include "codec/json.h"
#include "commands.h"
#include "decision.h"
#include "question.h"

namespace pipeline {

using base::Error;
using base::Result;
using proto::pipeline::FieldId;
using proto::pipeline::Fields;

namespace {

// The output of a job is written as it comes.
class JobsQuestion : public Question {
  public:
    using Question::Question;
    Result<void> take(std::uint8_t channel, std::span<const std::byte> bytes) override {
        return base::write_all(channel == 0 ? STDOUT_FILENO : STDERR_FILENO, bytes, "the output");
    }
};

Result<std::vector<std::string>> ask(Client& client, const std::string& job, bool end) {
    proto::pipeline::Payload request;
    request.number(FieldId::operation, static_cast<std::uint64_t>(Operation::jobs));
    if (!job.empty()) request.text(FieldId::job, job);
    if (end) request.number(FieldId::end_job, 1);
    JobsQuestion question(client);
    const Fields fields = TRY(question.ask(request));
    std::vector<std::string> lines;
    fields.for_each([&](const proto::Field<FieldId>& field) {
        if (field.id == FieldId::job_status) lines.emplace_back(field.as_text());
    });
    return lines;
}

std::string text_of(const codec::json::Value& line, std::string_view key) {
    const codec::json::Value* value = line.find(key);
    if (value == nullptr) return "";
    if (const auto text = value->as_text()) return base::escape(*text);
    return codec::json::write(*value);
}

Result<std::string> table(const std::vector<std::string>& lines) {
    std::string text =
        fmt::format("{:<14}{:<9}{:<26}{:<8}{}\n", "JOB", "STATE", "STARTED", "EXIT", "COMMAND");
    for (const std::string& line : lines) {
        const codec::json::Value job = TRY(codec::json::parse(line));
        const std::string signal = text_of(job, "signal");
        const std::string exit = signal.empty() ? text_of(job, "exit_code") : "sig " + signal;
        text +=
            fmt::format("{:<14}{:<9}{:<26}{:<8}{}\n", text_of(job, "job"), text_of(job, "state"),
                        text_of(job, "started"), exit, text_of(job, "command"));
    }
    return text;
}

}  // namespace

Result<int> jobs_command(const base::Arguments& arguments) {
    const ClientCall call = TRY(client_call(arguments));
    if (call.operands.size() > 1) return Error::usage("jobs takes an address and one job at most");
    loop::Loop loop = TRY(loop::Loop::create());
    const std::unique_ptr<Client> client = TRY(Client::connect(loop, call.settings));
    const bool one = !call.operands.empty();
    const bool end = arguments.has("end");
    if (end && !one) return Error::usage("--end needs the job that is to end");
    const std::vector<std::string> lines = TRY(ask(*client, one ? call.operands[0] : "", end));
    client->close();
    if (one) return 0;
    if (!arguments.has("json")) {
        const std::string text = TRY(table(lines));
        TRY(base::print(text));
        return 0;
    }
    for (const std::string& line : lines) {
        const codec::json::Value job = TRY(codec::json::parse(line));
        TRY(base::print(codec::json::write(job) + "\n"));
    }
    return 0;
}

}  // namespace pipeline
