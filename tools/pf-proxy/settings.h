// What the command line says, as values: which mode, where from, where to, with which limits.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/options.h"
#include "connection_limits.h"
#include "policy/rule.h"
#include "targets.h"
#include "vsockio/address.h"

namespace pf_proxy {

enum class Mode : std::uint8_t {
    ip_to_vsock,
    vsock_to_ip,
    ip_to_vsock_transparent,
    vsock_to_ip_transparent,
    transparent_port_to_vsock,
};

// Where a connection's port becomes the port of the target.
struct PortTarget {
    vsockio::Address base;  // vsock, tcp, muxed; of unix the port is put behind the path

    vsockio::Address at(std::uint16_t port) const;
};

struct Settings {
    Mode mode = Mode::ip_to_vsock;
    std::vector<vsockio::Address> listeners;
    std::vector<vsockio::Address> datagram_listeners;
    std::vector<vsockio::Address> targets;    // of the fixed modes; else the far side alone
    std::optional<PortTarget> port_target;    // of transparent-port-to-vsock
    std::vector<policy::PortRange> ports;     // of the same: what may be asked for
    std::vector<std::uint32_t> allowed_cids;  // empty: all peers

    bool tproxy = false;                     // the original destination is the socket's own address
    bool proxy_in = false;                   // a PROXY header stands before a connection's bytes
    int proxy_out = 0;                       // the version to write, 0 for none
    bool client_source = false;              // connect from the client's own address
    std::string policy_file;                 // empty for none
    std::optional<vsockio::IpEndpoint> dns;  // where a near side answers DNS
    bool pin_routes = false;                 // routing rules for what is answered
    std::vector<vsockio::IpEndpoint> nameservers;  // empty: those of resolv.conf(5)
    bool hold = false;     // connections are asked for before they are accepted
    std::size_t pool = 0;  // streams to the far side that are opened beforehand

    Limits limits;
    Balance balance = Balance::round_robin;
    HealthSettings health;
    std::chrono::milliseconds drain_limit{};
    std::size_t workers = 1;
    std::optional<vsockio::Address> metrics;
    std::string ready_fd;

    // The fixed targets are for flows of datagrams, which come in frames on streams.
    bool datagram_targets() const {
        return !targets.empty() && targets.front().kind == vsockio::Address::Kind::udp;
    }
    bool counts_peers() const { return limits.per_peer > 0; }
    // Somebody will want to know who the client is and where it connected to.
    bool tells_client() const { return proxy_out != 0 || client_source || wants_original(); }
    bool asks_far_side() const { return mode == Mode::ip_to_vsock_transparent; }
    bool serves_requests() const { return mode == Mode::vsock_to_ip_transparent; }
    bool wants_original() const {
        return mode == Mode::ip_to_vsock_transparent || mode == Mode::transparent_port_to_vsock;
    }
};

// What --source says.
base::Result<bool> is_client_source(const base::Arguments& arguments);

base::Result<Settings> parse_settings(const base::Arguments& arguments);

}  // namespace pf_proxy
