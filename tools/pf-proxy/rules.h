// The rulesets of `pf-proxy rules`: tables of nftables that bring traffic to the proxy, as text for
// nft(8). Pure. Each is applied in one transaction that first removes what it left before, and
// no other table is touched. Which traffic may reach the device at all is said by routing.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"

namespace pf_proxy {

inline constexpr std::string_view kEgressTable = "enclavebox";
inline constexpr std::string_view kIngressTable = "enclavebox_ingress";
inline constexpr std::string_view kAnswersTable = "enclavebox_answers";

// In an enclave: what leaves by `device` goes to `port` of the loopback. TCP is redirected, UDP
// arrives by TPROXY with its destination. The first packet of each connection waits in the queue
// until the proxy has asked the far side, and is then let through or answered with an error.
struct EgressRules {
    std::string device;
    std::uint16_t port = 0;  // of TCP and of UDP
    bool hold = true;
};
std::string to_text(const EgressRules& rules);

// On a host: connections and datagrams to these ports of the machine itself go to `port`. Other
// ports and what is only forwarded stay as they are.
struct IngressRules {
    std::vector<policy::PortRange> ports;
    std::uint16_t port = 0;
    std::string interface;  // only what comes in by it; empty for all and for the machine itself
};
std::string to_text(const IngressRules& rules);

// Beside connections that are made with the addresses of others: answers from these ports are for
// the proxy's sockets even if the machine would forward them.
struct AnswerRules {
    std::vector<policy::PortRange> ports;
};
std::string to_text(const AnswerRules& rules);

// Removes the table, which need not be there.
std::string removal_text(std::string_view table);

// "80,443,9000-9100", from 1 to 65535, at most policy::kMaxPorts. Errors (usage) quote the text.
base::Result<std::vector<policy::PortRange>> parse_ports(std::string_view text);

}  // namespace pf_proxy
