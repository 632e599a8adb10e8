// Processes: listed and signalled.
#include <csignal>
#include <cstring>

#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "commands.h"
#include "fields.h"
#include "output.h"

namespace initctl {

namespace {

using base::Result;
using codec::json::Value;
using proto::control::FieldId;
using proto::control::Frame;
using proto::control::FrameWriter;
using Kind = Client::Kind;

constexpr std::uint64_t kLastProcess = 1U << 22;
constexpr int kLastNamed = 31;
constexpr int kLastSignal = 64;

Result<std::uint64_t> parse_signal(std::string_view text) {
    std::string_view name = text;
    if (name.starts_with("SIG")) name.remove_prefix(3);
    for (int signal = 1; signal <= kLastNamed; ++signal) {
        const char* known = ::sigabbrev_np(signal);
        if (known != nullptr && name == known) return static_cast<std::uint64_t>(signal);
    }
    const Result<std::uint64_t> number = base::parse_number(text, 1, kLastSignal);
    if (number.ok()) return number;
    return base::Error::usage(fmt::format("no signal is called {}", base::quote(text)),
                              "try TERM, KILL or a number");
}

Result<int> list_processes(Client& client, const base::Arguments& arguments) {
    std::uint64_t pid = 0;
    if (!arguments.operands.empty()) {
        pid = TRY(base::parse_number(arguments.operands[0], 1, kLastProcess));
    }
    codec::json::Array processes;
    TRY(client.ask(
        Kind::processes,
        [&](FrameWriter& frame) {
            if (pid != 0) frame.number(FieldId::pid, pid);
        },
        [&](const Frame& frame) -> Result<void> {
            if (frame.kind() == Kind::process) processes.push_back(to_json(frame));
            return {};
        }));
    if (arguments.has("json")) {
        TRY(base::print(codec::json::write(Value(std::move(processes)), 2) + "\n"));
        return 0;
    }
    std::vector<std::vector<Cell>> rows;
    for (const Value& process : processes) {
        const std::string service = text_of(process, "service_name");
        const auto number = [&](const char* key) {
            return Cell{fmt::format("{}", number_of(process, key)), Colour::none, true};
        };
        rows.push_back(
            {number("pid"),
             number("parent_pid"),
             number("user_id"),
             {text_of(process, "process_state")},
             {base::format_size(number_of(process, "resident_bytes")), Colour::none, true},
             {service.empty() ? "-" : service},
             {text_of(process, "text")}});
    }
    TRY(base::print(format_table({"PID", "PARENT", "USER", "STATE", "MEMORY", "SERVICE", "COMMAND"},
                                 rows, false)));
    return 0;
}

}  // namespace

Result<int> process_command(Client& client, const base::Arguments& arguments) {
    if (!arguments.operands.empty() && arguments.operands[0] == "run") {
        return run_program(client, arguments);
    }
    for (const char* option : {"wait", "name", "user", "env", "cwd"}) {
        if (arguments.has(option)) {
            return base::Error::usage(fmt::format("--{} goes with run", option),
                                      "try ps run -- PROGRAM");
        }
    }
    TRY(arguments.expect_operands(0, 1));
    return list_processes(client, arguments);
}

Result<int> signal_process(Client& client, const base::Arguments& arguments) {
    const std::uint64_t pid = TRY(base::parse_number(arguments.operands[0], 1, kLastProcess));
    const std::uint64_t signal = TRY(parse_signal(arguments.operands[1]));
    TRY(client.ask(Kind::signal,
                   [&](FrameWriter& frame) {
                       frame.number(FieldId::pid, pid).number(FieldId::signal, signal);
                   },
                   {}));
    return 0;
}

}  // namespace initctl
