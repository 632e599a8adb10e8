// pf-proxy: relays between an enclave and the network, in six modes. Manual: pf-proxy(1).
#include "base/main.h"
#include "options.h"
#include "rules_command.h"

namespace {

base::Result<int> run(const base::Arguments& arguments) {
    if (arguments.command->name == "rules") return pf_proxy::run_rules(arguments);
    return base::Error(base::ExitCode::internal, "the command is in the table but not here");
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<char*> words =
        pf_proxy::words_with_mode(std::span(argv, static_cast<std::size_t>(argc)));
    return base::tool_main(pf_proxy::kTool, static_cast<int>(words.size()),
                           const_cast<char**>(words.data()), run);
}
