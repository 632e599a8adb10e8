// What the command line of pf-proxy may say.
#include "options.h"

#include <algorithm>
#include <array>

namespace pf_proxy {

namespace {

template <std::size_t... Sizes>
constexpr auto join(const base::Option (&... parts)[Sizes]) {
    std::array<base::Option, (Sizes + ...)> all{};
    auto next = all.begin();
    ((next = std::ranges::copy(parts, next).out), ...);
    return all;
}

constexpr base::Option kRelay[] = {
    {'l', "listen", "ADDRESS", "", "Listen there, too; may be given again"},
    {'m', "max-connections", "N", "16384", "Hold at most N connections at once"},
    {'\0', "max-per-peer", "N", "0", "Hold at most N of one address or CID; 0: no such limit"},
    {'\0', "max-rate", "N", "0", "Take at most N new ones in a second; 0: no such limit"},
    {'i', "idle", "TIME", "1h", "End a connection that carried nothing for TIME; 0: never"},
    {'\0', "flow-idle", "TIME", "2min", "End a flow of datagrams that carried nothing for TIME"},
    {'t', "connect-timeout", "TIME", "10s", "Give up connecting after TIME"},
    {'\0', "drain-timeout", "TIME", "10s", "After SIGTERM let connections go on for TIME"},
    {'\0', "allow-cid", "CID", "", "Take connections of this CID only; may be given again"},
    {'w', "workers", "N", "1", "Run in N processes"},
    {'\0', "metrics", "ADDRESS", "", "Tell counters to Prometheus there"},
    {'\0', "log-format", "FORMAT", "logfmt", "Log as logfmt or json"},
    {'\0', "ready-fd", "N", "", "Write a newline to descriptor N once listening"},
};

constexpr base::Option kClients[] = {
    {'\0', "proxy-in", "", "", "Expect a PROXY header first"},
    {'\0', "header-timeout", "TIME", "5s", "Wait for a header for TIME"},
    {'\0', "proxy-out", "VERSION", "", "Write a PROXY header first: v1 or v2"},
    {'\0', "source", "WHICH", "self", "Connect from the address of self or client"},
};

constexpr base::Option kFixed[] = {
    {'b', "balance", "HOW", "round-robin", "Choose targets by round-robin or least-connections"},
    {'\0', "check-interval", "TIME", "0", "Check each target's health every TIME; 0: never"},
    {'\0', "rise", "N", "2", "Take a target for healthy after N good checks"},
    {'\0', "fall", "N", "3", "Take a target for unhealthy after N bad checks"},
};

constexpr base::Option kCaught[] = {
    {'\0', "tproxy", "", "", "Connections come by TPROXY instead of redirect"},
};

constexpr base::Option kPorts[] = {
    {'\0', "ports", "LIST", "", "Carry these ports: numbers and ranges with commas"},
};

constexpr base::Option kPolicy[] = {
    {'p', "policy", "FILE", "", "Allow what FILE allows, see policy(5)"},
    {'\0', "explain", "DEST", "", "Say what the policy makes of HOST:PORT and exit"},
};

constexpr base::Option kNameserver[] = {
    {'\0', "nameserver", "ADDRESS", "", "Ask this nameserver; may be given again"},
};

constexpr base::Option kNear[] = {
    {'\0', "dns", "ADDRESS", "", "Answer DNS there"},
    {'\0', "pin-routes", "", "", "Let applications reach what the policy allows by name only"},
    {'\0', "hold", "", "", "Ask the far side before a connection is accepted"},
    {'\0', "pool", "N", "0", "Hold N streams to the far side open beforehand"},
};

constexpr base::Option kFar[] = {
    {'\0', "header-timeout", "TIME", "5s", "Wait for a header for TIME"},
};

constexpr base::Option kFacts[] = {
    {'j', "json", "", "", "Print JSON"},
};

constexpr base::Option kRulesOptions[] = {
    {'\0', "apply", "", "", "Give them to the kernel, in place of what it had of them"},
    {'\0', "remove", "", "", "Take back what --apply did"},
    {'\0', "policy", "FILE", "/etc/enclavebox/policy.yaml", "Let through what FILE allows"},
    {'\0', "port", "N", "15001", "Lead traffic to port N, where the proxy listens"},
    {'\0', "ports", "LIST", "", "Catch these ports: 80,443,9000-9100"},
    {'\0', "device", "NAME", "enclave0", "Route into the device NAME, made if it is missing"},
    {'\0', "interface", "NAME", "", "Catch only what comes in by NAME"},
    {'\0', "source", "WHICH", "self", "Of transparent-port-to-vsock: as given to it"},
    {'\0', "no-hold", "", "", "Let connections begin before the far side has answered"},
};

constexpr auto kFixedMode = join(kRelay, kClients, kFixed, kNameserver);
constexpr auto kNearMode = join(kRelay, kCaught, kPolicy, kNear, kNameserver);
constexpr auto kFarMode = join(kRelay, kPolicy, kFar, kNameserver);
constexpr auto kPortMode = join(kRelay, kClients, kCaught, kPorts);

constexpr base::Command kCommands[] = {
    {"ip-to-vsock", "LISTEN TARGET...", "Carry connections to fixed targets", kFixedMode},
    {"vsock-to-ip", "LISTEN TARGET...", "The same, from an enclave's point of view", kFixedMode},
    {"ip-to-vsock-transparent", "LISTEN FAR", "Ask a far side for where connections were going",
     kNearMode},
    {"vsock-to-ip-transparent", "LISTEN", "Connect to what a near side asks for", kFarMode},
    {"transparent-port-to-vsock", "LISTEN TARGET", "Carry connections to a CID, same port",
     kPortMode},
    {"addr-info", "", "Print what this machine offers to the other modes", kFacts},
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
