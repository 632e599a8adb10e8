// initctl: control the services of PID 1. Manual: initctl(1).
#include "base/main.h"
#include "commands.h"
#include "options.h"

namespace {

using base::Arguments;
using base::Result;
using initctl::Client;

struct Entry {
    std::string_view name;
    std::size_t fewest_operands;
    std::size_t most_operands;
    Result<int> (*run)(Client&, const Arguments&);
};

constexpr std::size_t kMany = 1024;
constexpr Entry kEntries[] = {
    {"list", 0, 0, initctl::list_services},
    {"status", 1, kMany, initctl::show_status},
    {"start", 1, kMany, initctl::change_services},
    {"stop", 1, kMany, initctl::change_services},
    {"restart", 1, kMany, initctl::change_services},
    {"enable", 1, kMany, initctl::change_services},
    {"disable", 1, kMany, initctl::change_services},
    {"logs", 0, 1, initctl::show_logs},
    {"events", 0, 0, initctl::show_events},
    {"tree", 0, 0, initctl::show_tree},
    {"ps", 0, kMany, initctl::process_command},
    {"signal", 2, 2, initctl::signal_process},
    {"reload", 0, 0, initctl::reload},
    {"system", 1, 1, initctl::system_command},
    {"ping", 0, 0, initctl::ping},
};

Result<Client> connect(const Arguments& arguments) {
    const auto timeout = TRY(arguments.duration("timeout"));
    if (!arguments.has("remote")) {
        if (arguments.has("remote-option")) {
            return base::Error::usage("--remote-option is nothing without --remote");
        }
        return Client::connect(std::string(arguments.value("socket")), timeout);
    }
    if (arguments.has("socket")) {
        return base::Error::usage("--socket and --remote exclude each other");
    }
    initctl::Remote::Call call;
    call.address = arguments.value("remote");
    for (const std::string_view option : arguments.values("remote-option"))
        call.options.emplace_back(option);
    call.connect_timeout = timeout;
    return Client::connect(call, timeout);
}

Result<int> run(const Arguments& arguments) {
    for (const Entry& entry : kEntries) {
        if (entry.name != arguments.command->name) continue;
        TRY(arguments.expect_operands(entry.fewest_operands, entry.most_operands));
        Client client = TRY(connect(arguments));
        return entry.run(client, arguments);
    }
    return base::Error(base::ExitCode::internal, "the command is in the table but not here");
}

}  // namespace

int main(int argc, char** argv) {
    return base::tool_main(initctl::kTool, argc, argv, run);
}
