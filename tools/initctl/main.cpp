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

Result<int> run(const Arguments& arguments) {
    for (const Entry& entry : kEntries) {
        if (entry.name != arguments.command->name) continue;
        TRY(arguments.expect_operands(entry.fewest_operands, entry.most_operands));
        const auto timeout = TRY(arguments.duration("timeout"));
        const std::string path(arguments.value("socket"));
        Client client = TRY(Client::connect(path, timeout));
        return entry.run(client, arguments);
    }
    return base::Error(base::ExitCode::internal, "the command is in the table but not here");
}

}  // namespace

int main(int argc, char** argv) {
    return base::tool_main(initctl::kTool, argc, argv, run);
}
