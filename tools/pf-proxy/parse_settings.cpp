// From the words of the command line to settings: every mistake is told before anything happens.
#include "base/format.h"
#include "base/text.h"
#include "rules.h"
#include "settings.h"
#include "vsockio/dial.h"

namespace pf_proxy {

using base::Arguments;
using base::Error;
using base::Result;
using policy::PortRange;
using vsockio::Address;

namespace {

constexpr std::size_t kMostListeners = 1024;
constexpr std::size_t kMostTargets = 256;
constexpr std::size_t kMostNameservers = 16;
constexpr std::uint16_t kDnsPort = 53;
// Of every VPC, whatever its network.
constexpr vsockio::IpAddress kVpcResolver = vsockio::IpAddress::v4(169, 254, 169, 253);
constexpr std::uint64_t kMostConnections = 1'000'000;

Result<Mode> mode_of(std::string_view name) {
    if (name == "ip-to-vsock") return Mode::ip_to_vsock;
    if (name == "vsock-to-ip") return Mode::vsock_to_ip;
    if (name == "ip-to-vsock-transparent") return Mode::ip_to_vsock_transparent;
    if (name == "vsock-to-ip-transparent") return Mode::vsock_to_ip_transparent;
    if (name == "transparent-port-to-vsock") return Mode::transparent_port_to_vsock;
    return Error(base::ExitCode::internal, "no relay mode");
}

// tcp:HOST:9000-9100 is a listener for each port, and each of them is carried.
Result<void> add_listeners(Settings& settings, std::string_view text) {
    const std::size_t colon = text.rfind(':');
    const bool range = settings.port_target.has_value() &&
                       (text.starts_with("tcp:") || text.starts_with("vsock:")) &&
                       text.find('-', colon) != text.npos && text.find(',') == text.npos;
    if (!range) {
        const Address address = TRY(vsockio::parse_address(text));
        const bool datagrams = address.kind == Address::Kind::udp;
        const bool has_port =
            datagrams || address.kind == Address::Kind::tcp || address.kind == Address::Kind::vsock;
        if (has_port && address.port > 0 && address.port <= 0xFFFF) {
            const auto port = static_cast<std::uint16_t>(address.port);
            settings.ports.push_back({port, port});
        }
        (datagrams ? settings.datagram_listeners : settings.listeners).push_back(address);
        return {};
    }
    const PortRange ports = TRY(parse_ports(text.substr(colon + 1))).front();
    for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
        if (settings.listeners.size() == kMostListeners) break;
        settings.listeners.push_back(
            TRY(vsockio::parse_address(fmt::format("{}:{}", text.substr(0, colon), port))));
    }
    settings.ports.push_back(ports);
    return {};
}

// A CID, or an address without its port: vsock:16, tcp:HOST, muxed:PATH, unix:PATH.
Result<PortTarget> parse_port_target(std::string_view text) {
    const bool bare = text.find(':') == text.npos;
    const std::string full = fmt::format("{}{}:1", bare ? "vsock:" : "", text);
    if (text.starts_with("unix:")) return PortTarget{TRY(vsockio::parse_address(text))};
    Result<Address> address = vsockio::parse_address(full);
    if (!address.ok() || address->kind == Address::Kind::fd ||
        address->kind == Address::Kind::udp) {
        return Error::usage(fmt::format("{} is no target without a port", base::quote(text)),
                            "a CID, tcp:HOST, muxed:PATH or unix:PATH");
    }
    return PortTarget{std::move(address).value()};
}

Result<void> parse_limits(Settings& settings, const Arguments& arguments) {
    Limits& limits = settings.limits;
    limits.connections =
        static_cast<std::size_t>(TRY(arguments.number("max-connections", 1, kMostConnections)));
    limits.per_peer =
        static_cast<std::size_t>(TRY(arguments.number("max-per-peer", 0, kMostConnections)));
    limits.per_second = TRY(arguments.number("max-rate", 0, kMostConnections));
    limits.idle = TRY(arguments.duration("idle"));
    limits.flow_idle = TRY(arguments.duration("flow-idle"));
    if (limits.flow_idle.count() == 0) return Error::usage("--flow-idle: 0 keeps no flow");
    limits.connect = TRY(arguments.duration("connect-timeout"));
    if (limits.connect.count() == 0) return Error::usage("--connect-timeout: 0 never connects");
    settings.drain_limit = TRY(arguments.duration("drain-timeout"));
    settings.workers = static_cast<std::size_t>(TRY(arguments.number("workers", 1, 64)));
    for (const std::string_view cid : arguments.values("allow-cid")) {
        settings.allowed_cids.push_back(
            static_cast<std::uint32_t>(TRY(base::parse_number(cid, 0, 0xFFFFFFFE))));
    }
    return {};
}

Result<std::chrono::milliseconds> parse_header_limit(const Arguments& arguments) {
    const std::chrono::milliseconds limit = TRY(arguments.duration("header-timeout"));
    if (limit.count() == 0) return Error::usage("--header-timeout: 0 reads no header");
    return limit;
}

// How we hear of a connection's client, and how the target does.
Result<void> parse_clients(Settings& settings, const Arguments& arguments) {
    settings.proxy_in = arguments.has("proxy-in");
    settings.limits.header = TRY(parse_header_limit(arguments));
    settings.client_source = TRY(is_client_source(arguments));
    const std::string_view version = arguments.value("proxy-out");
    if (version.empty()) return {};
    if (version != "v1" && version != "v2") {
        return Error::usage(
            fmt::format("--proxy-out {} is neither v1 nor v2", base::quote(version)));
    }
    settings.proxy_out = version == "v1" ? 1 : 2;
    return {};
}

Result<void> parse_fixed(Settings& settings, const Arguments& arguments) {
    TRY(arguments.expect_operands(2, 1 + kMostTargets));
    for (std::size_t index = 1; index < arguments.operands.size(); ++index) {
        settings.targets.push_back(TRY(vsockio::parse_address(arguments.operands[index])));
    }
    TRY(parse_clients(settings, arguments));
    const std::string_view balance = arguments.value("balance");
    if (balance != "round-robin" && balance != "least-connections") {
        return Error::usage(fmt::format("--balance {} is neither round-robin nor least-connections",
                                        base::quote(balance)));
    }
    settings.balance = balance == "round-robin" ? Balance::round_robin : Balance::least_connections;
    settings.health.interval = TRY(arguments.duration("check-interval"));
    settings.health.rise = static_cast<unsigned>(TRY(arguments.number("rise", 1, 1000)));
    settings.health.fall = static_cast<unsigned>(TRY(arguments.number("fall", 1, 1000)));
    return {};
}

Result<void> parse_ports(Settings& settings, const Arguments& arguments) {
    TRY(arguments.expect_operands(2, 2));
    settings.port_target = TRY(parse_port_target(arguments.operands[1]));
    TRY(parse_clients(settings, arguments));
    if (settings.client_source && settings.port_target->base.kind != Address::Kind::tcp) {
        return Error::usage("--source client needs a target of TCP",
                            "on a host tell the enclave by --proxy-out");
    }
    return {};
}

// An address, with port 53 unless it says another.
Result<vsockio::IpEndpoint> parse_dns_address(std::string_view text) {
    const auto address = vsockio::parse_ip_address(text);
    if (address.ok()) return vsockio::IpEndpoint{address.value(), kDnsPort};
    return vsockio::parse_ip_endpoint(text);
}

Result<void> parse_dns(Settings& settings, const Arguments& arguments) {
    for (const std::string_view text : arguments.values("nameserver")) {
        settings.nameservers.push_back(TRY(parse_dns_address(text)));
        if (settings.nameservers.size() > kMostNameservers) {
            return Error::usage(fmt::format("there are at most {} nameservers", kMostNameservers));
        }
    }
    if (settings.mode != Mode::ip_to_vsock_transparent) return {};
    settings.hold = arguments.has("hold");
    if (settings.hold && settings.workers > 1) {
        return Error::usage("--hold works in one process, which knows what was asked",
                            "leave out --workers");
    }
    settings.pin_routes = arguments.has("pin-routes");
    if (!arguments.has("dns")) {
        if (!settings.pin_routes) return {};
        return Error::usage("--pin-routes is for what --dns answers", "give --dns");
    }
    settings.dns = TRY(parse_dns_address(arguments.value("dns")));
    // The machine's own resolv.conf leads to the stub itself.
    if (settings.nameservers.empty()) settings.nameservers.push_back({kVpcResolver, kDnsPort});
    if (settings.policy_file.empty()) {
        return Error::usage("--dns answers what a policy allows", "give --policy");
    }
    if (settings.workers > 1) {
        return Error::usage("--dns works in one process, which knows what the others were told",
                            "leave out --workers");
    }
    return {};
}

Result<void> check_targets(const Settings& settings) {
    for (const Address& target : settings.targets) {
        if (target.kind == Address::Kind::fd || target.port == 0) {
            const bool needs_port = target.kind != Address::Kind::local;
            if (target.kind == Address::Kind::fd || needs_port) {
                return Error::usage(fmt::format("cannot connect to {} again and again",
                                                base::quote(to_string(target))));
            }
        }
        const bool datagrams = target.kind == Address::Kind::udp;
        const bool fixed = settings.mode == Mode::ip_to_vsock || settings.mode == Mode::vsock_to_ip;
        if (datagrams && !fixed) {
            return Error::usage(fmt::format("{} is no stream", base::quote(to_string(target))));
        }
        if (datagrams != settings.datagram_targets()) {
            return Error::usage("targets are all of UDP, or none is");
        }
    }
    return {};
}

Result<void> check_datagrams(const Settings& settings) {
    const bool listens = !settings.datagram_listeners.empty();
    if (settings.serves_requests() && listens) {
        return Error::usage("a far side listens for streams, also for those of UDP");
    }
    if (!settings.datagram_targets()) return {};
    if (listens) return Error::usage("flows of UDP need a stream between their two sides");
    if (settings.proxy_out != 0 || settings.client_source || settings.health.interval.count() > 0) {
        return Error::usage(
            "targets of UDP get no PROXY header, no client's address and no checks");
    }
    return {};
}

}  // namespace

Result<bool> is_client_source(const Arguments& arguments) {
    const std::string_view source = arguments.value("source");
    if (source == "self" || source == "client") return source == "client";
    return Error::usage(fmt::format("--source {} is neither self nor client", base::quote(source)));
}

Address PortTarget::at(std::uint16_t port) const {
    Address address = base;
    if (address.kind == Address::Kind::local) {
        address.path += fmt::format("_{}", port);
    } else {
        address.port = port;
    }
    return address;
}

Result<Settings> parse_settings(const Arguments& arguments) {
    Settings settings;
    settings.mode = TRY(mode_of(arguments.command->name));
    TRY(parse_limits(settings, arguments));
    switch (settings.mode) {
        case Mode::ip_to_vsock:
        case Mode::vsock_to_ip: TRY(parse_fixed(settings, arguments)); break;
        case Mode::ip_to_vsock_transparent:
            TRY(arguments.expect_operands(2, 2));
            settings.targets.push_back(TRY(vsockio::parse_address(arguments.operands[1])));
            settings.policy_file = arguments.value("policy");
            settings.pool = static_cast<std::size_t>(TRY(arguments.number("pool", 0, 1024)));
            break;
        case Mode::vsock_to_ip_transparent:
            TRY(arguments.expect_operands(1, 1));
            settings.policy_file = arguments.value("policy");
            settings.limits.header = TRY(parse_header_limit(arguments));
            break;
        case Mode::transparent_port_to_vsock: TRY(parse_ports(settings, arguments)); break;
    }
    if (!settings.port_target.has_value()) TRY(parse_dns(settings, arguments));
    if (settings.wants_original()) settings.tproxy = arguments.has("tproxy");
    TRY(add_listeners(settings, arguments.operands[0]));
    for (const std::string_view text : arguments.values("listen"))
        TRY(add_listeners(settings, text));
    TRY(check_targets(settings));
    TRY(check_datagrams(settings));
    if (settings.listeners.size() >= kMostListeners) {
        return Error::usage(fmt::format("there are at most {} listeners", kMostListeners - 1));
    }
    if (!arguments.value("ports").empty()) {
        settings.ports = TRY(parse_ports(arguments.value("ports")));
    }
    if (settings.port_target.has_value() && settings.ports.empty() &&
        settings.datagram_listeners.empty()) {
        return Error::usage("no port would be carried", "give --ports");
    }
    const std::string_view metrics = arguments.value("metrics");
    if (!metrics.empty()) settings.metrics = TRY(vsockio::parse_address(metrics));
    settings.ready_fd = arguments.value("ready-fd");
    return settings;
}

}  // namespace pf_proxy
