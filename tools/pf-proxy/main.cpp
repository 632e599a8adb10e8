// pf-proxy: relays between an enclave and the network, in six modes. Manual: pf-proxy(1).
#include "base/main.h"
#include "options.h"
#include "rules_command.h"
#include "run_mode.h"

namespace {

base::Result<int> run(const base::Arguments& arguments) {
    if (arguments.command->name == "addr-info") return pf_proxy::addr_info(arguments);
    if (arguments.command->name == "rules") return pf_proxy::run_rules(arguments);
    return pf_proxy::run_relay_mode(arguments);
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<char*> words =
        pf_proxy::words_with_mode(std::span(argv, static_cast<std::size_t>(argc)));
    const int count = static_cast<int>(words.size());
    words.push_back(nullptr);
    return base::tool_main(pf_proxy::kTool, count, words.data(), run);
}
