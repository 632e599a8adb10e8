// pipeline: run commands and copy files over an attested, encrypted channel. Manual: pipeline(1).
#include "base/main.h"
#include "commands.h"
#include "key_file.h"
#include "options.h"

namespace {

using base::Arguments;
using base::Result;

struct Entry {
    std::string_view name;
    Result<int> (*run)(const Arguments&);
};

constexpr Entry kEntries[] = {
    {"keygen", pipeline::keygen},           {"serve", pipeline::serve_command},
    {"listen", pipeline::serve_command},    {"run", pipeline::run_command},
    {"shell", pipeline::run_command},       {"cp", pipeline::copy_command},
    {"send-file", pipeline::copy_command},  {"recv-file", pipeline::copy_command},
    {"send-dir", pipeline::copy_command},   {"recv-dir", pipeline::copy_command},
    {"forward", pipeline::forward_command}, {"ping", pipeline::ping_command},
    {"info", pipeline::info_command},       {"jobs", pipeline::jobs_command},
    {"audit", pipeline::audit_command},
};

Result<int> run(const Arguments& arguments) {
    for (const Entry& entry : kEntries) {
        if (entry.name == arguments.command->name) return entry.run(arguments);
    }
    return base::Error(base::ExitCode::internal, "the command is in the table but not here");
}

}  // namespace

int main(int argc, char** argv) {
    return base::tool_main(pipeline::kTool, argc, argv, run);
}
