// pipeline run and pipeline shell: from words to a request, and from its result to an exit code.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/format.h"
#include "base/main.h"
#include "codec/json.h"
#include "commands.h"
#include "run_client.h"
#include "terminal.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using base::Result;

namespace {

constexpr int kSignalBase = 128;

int exit_code_of(const RunStatus& status) {
    if (status.signal.has_value()) return kSignalBase + *status.signal;
    return status.exit_code.value_or(0);
}

Result<RunRequest> request_of(const base::Arguments& arguments,
                              const std::vector<std::string>& words) {
    RunRequest request;
    request.shell = arguments.command->name == "shell";
    for (const std::string_view variable : arguments.values("env")) {
        if (variable.find('=') == std::string_view::npos || variable.starts_with('=')) {
            return Error::usage(fmt::format("--env {} is not KEY=VALUE", variable));
        }
        request.variables.emplace_back(variable);
    }
    request.user = arguments.value("user");
    if (request.shell) {
        if (!words.empty()) return Error::usage("shell takes an address and nothing else");
        return request;
    }
    request.arguments = words;
    if (arguments.has("command")) request.command = std::string(arguments.value("command"));
    if (request.arguments.empty() != request.command.has_value()) {
        return Error::usage("run takes a program with its arguments, or --command, and not both",
                            "pipeline run ADDRESS -- PROGRAM ARGUMENT...");
    }
    request.folder = arguments.value("workdir");
    if (arguments.has("timeout")) request.time_limit = TRY(arguments.duration("timeout"));
    request.no_wait = arguments.has("no-wait");
    return request;
}

Result<TerminalRequest> terminal_request() {
    const char* type = std::getenv("TERM");
    const TerminalSize size = terminal_size(STDIN_FILENO).value_or(TerminalSize{});
    return TerminalRequest{type == nullptr ? "dumb" : type, size.rows, size.columns};
}

Result<int> print_object(const RunResult& result) {
    codec::json::Value object{codec::json::Object{}};
    object.set("stdout", result.output);
    object.set("stderr", result.error_output);
    object.set("rc", static_cast<std::int64_t>(exit_code_of(result.status)));
    if (result.status.signal.has_value()) {
        object.set("signal", static_cast<std::int64_t>(*result.status.signal));
    }
    if (result.status.timed_out) object.set("timed_out", true);
    TRY(base::print(codec::json::write(object) + "\n"));
    return exit_code_of(result.status);
}

Result<RunEnds> ends_of(const base::Arguments& arguments, const RunRequest& request, bool json) {
    RunEnds ends;
    ends.keep_output = json;
    if (request.input || request.terminal.has_value()) {
        ends.input = TRY(base::own_stream(STDIN_FILENO, O_RDONLY));
    }
    if (json || arguments.has("no-wait")) return ends;
    ends.output = TRY(base::own_stream(STDOUT_FILENO, O_WRONLY));
    ends.error_output = TRY(base::own_stream(STDERR_FILENO, O_WRONLY));
    return ends;
}

}  // namespace

Result<int> run_command(const base::Arguments& arguments) {
    const ClientCall call = TRY(client_call(arguments));
    RunRequest request = TRY(request_of(arguments, call.operands));
    const bool shell = request.shell;
    const bool json = !shell && arguments.has("json");
    const bool from_terminal = ::isatty(STDIN_FILENO) == 1;
    if (shell || arguments.has("tty")) request.terminal = TRY(terminal_request());
    if (!shell && !request.no_wait && !arguments.has("no-input")) {
        request.input = !from_terminal || arguments.has("interactive");
    }
    loop::Loop loop = TRY(loop::Loop::create());
    const std::unique_ptr<Client> client = TRY(Client::connect(loop, call.settings));
    RunEnds ends = TRY(ends_of(arguments, request, json));
    const RunResult result = TRY(RunClient::run(*client, request, std::move(ends)));
    client->close();
    if (request.no_wait) {
        TRY(base::print(result.job + "\n"));
        return 0;
    }
    if (json) return print_object(result);
    return exit_code_of(result.status);
}

}  // namespace pipeline
