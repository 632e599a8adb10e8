// What the command line of pf-proxy may say.
#include "options.h"

namespace pf_proxy {

namespace {

constexpr base::Option kRulesOptions[] = {
    {'\0', "apply", "", "", "Give them to the kernel, in place of what it had of them"},
    {'\0', "remove", "", "", "Take back what --apply did"},
    {'\0', "policy", "FILE", "/etc/enclavebox/policy.yaml", "Let through what FILE allows"},
    {'\0', "port", "N", "15001", "Lead traffic to port N, where the proxy listens"},
    {'\0', "ports", "LIST", "", "Catch these ports: 80,443,9000-9100"},
    {'\0', "device", "NAME", "enclave0", "Route into the device NAME, made if it is missing"},
    {'\0', "interface", "NAME", "", "Catch only what comes in by NAME"},
    {'\0', "no-hold", "", "", "Let connections begin before the far side has answered"},
};

constexpr base::Command kCommands[] = {
    {"ip-to-vsock", "LISTEN... TARGET...", "Carry connections to fixed targets", {}},
    {"vsock-to-ip", "LISTEN TARGET", "Carry connections to a fixed target by its name", {}},
    {"ip-to-vsock-transparent",
     "LISTEN FAR",
     "Ask the far side for where connections were going",
     {}},
    {"vsock-to-ip-transparent", "LISTEN", "Connect to what the near side asks for", {}},
    {"transparent-port-to-vsock", "LISTEN CID", "Carry connections to a CID, port by port", {}},
    {"addr-info", "", "Print what a proxy would need to know about this machine", {}},
    {"rules", "MODE", "Print, apply or remove what brings traffic to a mode", kRulesOptions},
};

}  // namespace

constinit const base::Tool kTool = {
    "pf-proxy", "", "Give an enclave the network that its policy allows.", {}, kCommands};

std::vector<char*> words_with_mode(std::span<char* const> argv) {
    std::vector<char*> words(argv.begin(), argv.end());
    if (words.empty()) return words;
    const std::string_view path(words[0]);
    const std::string_view name = path.substr(path.rfind('/') + 1);
    for (const base::Command& command : kCommands) {
        if (command.name != name) continue;
        // The table's text is a literal, and nobody writes through the words of a command line.
        words.insert(words.begin() + 1, const_cast<char*>(command.name.data()));
        break;
    }
    return words;
}

}  // namespace pf_proxy
