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
#include "status.h"

namespace pipeline {

using base::Error;
using base::Result;
using proto::pipeline::FieldId;
using proto::pipeline::Fields;

namespace {

class JobsClient : public StreamUser {
  public:
    // With a job its output is written as it comes, unless it is only to be listed.
    JobsClient(Client& client, std::string id) : client_(client), id_(std::move(id)) {}

    Result<std::vector<std::string>> ask() {
        proto::pipeline::Payload request;
        request.number(FieldId::operation, static_cast<std::uint64_t>(Operation::jobs));
        if (!id_.empty()) request.text(FieldId::job, id_);
        stream_ = TRY(client_.connection().open(request, *this));
        while (!over_)
            TRY(client_.run());
        if (failure_.has_value()) return *failure_;
        return lines_;
    }

    void on_data(std::uint8_t channel, std::span<const std::byte> bytes) override {
        const int output = channel == 0 ? STDOUT_FILENO : STDERR_FILENO;
        const Result<void> written = base::write_all(output, bytes, "the output");
        if (!written.ok() && !failure_.has_value()) failure_ = written.error();
        stream_->consumed(bytes.size());
    }
    void on_end(std::uint8_t) override {}
    void on_status(const Fields& fields) override {
        if (!failure_.has_value()) failure_ = error_of(fields);
        fields.for_each([&](const proto::Field<FieldId>& field) {
            if (field.id == FieldId::job_status) lines_.emplace_back(field.as_text());
        });
        over_ = true;
        client_.stop();
    }
    void on_lost(const Error& error) override {
        failure_ = error;
        over_ = true;
        client_.stop();
    }

  private:
    Client& client_;
    std::string id_;
    std::unique_ptr<Stream> stream_;
    std::optional<Error> failure_;
    std::vector<std::string> lines_;
    bool over_ = false;
};

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
    JobsClient jobs(*client, one ? call.operands[0] : "");
    const std::vector<std::string> lines = TRY(jobs.ask());
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
