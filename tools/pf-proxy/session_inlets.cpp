// What a session learns before it can look for its other side: from a PROXY header, a request, or
// the kernel.
#include <algorithm>

#include "client_address.h"
#include "dns_service.h"
#include "near_judgement.h"
#include "policy/host_name.h"
#include "proto/proxy_protocol.h"
#include "session.h"

namespace pf_proxy {

using base::Result;
using proto::pf_proxy::StatusCode;
using std::chrono::milliseconds;

void Session::read_proxy_header() {
    const milliseconds limit = service_.settings.limits.header;
    Result<std::unique_ptr<HeaderReader>> reader = HeaderReader::start(
        service_.loop, *near_, {limit, limit},
        [](std::span<const std::byte> input) { return look(proto::proxy_protocol::decode(input)); },
        [this](HeaderReader::Ending ending, std::span<const std::byte> bytes) {
            if (ending != HeaderReader::Ending::whole) return header_failed(ending);
            const auto header = proto::proxy_protocol::decode(bytes).value;
            reader_.reset();
            used_ = true;
            const std::string_view wrong = take_client(header);
            if (!wrong.empty()) {
                service_.metrics.add(service_.metrics.bad_header);
                return refuse(wrong);
            }
            Peer peer{client_.source, {}};
            if (!peer.endpoint.has_value()) peer = peer_from(from_);
            if (!admit(peer)) return;
            if (service_.settings.wants_original()) return take_original();
            find_fixed();
        });
    if (!reader.ok()) return over();
    reader_ = std::move(reader).value();
}

// What is wrong with the header, if anything is. Kept ports lead into an enclave, where a
// connection that names nobody would look like one of the enclave's own programs.
std::string_view Session::take_client(const proto::proxy_protocol::Header& header) {
    const bool proxied = header.kind == proto::proxy_protocol::Kind::proxied;
    if (proxied) {
        client_ = {header.source, header.destination};
    } else {
        client_ = {peer_from(from_).endpoint, local_endpoint(near_->fd())};
    }
    if (!service_.settings.port_target.has_value()) return {};
    if (!proxied || header.transport != vsockio::Transport::tcp)
        return "the header names no client";
    const std::optional<vsockio::IpAddress> address = known_as(header.source.address);
    if (!address.has_value() || is_own_address(*address)) return "nobody is such a client";
    client_.source->address = *address;
    client_.stand_in = parent_beside(*address);
    return {};
}

void Session::read_request() {
    Result<std::unique_ptr<HeaderReader>> reader = HeaderReader::start(
        service_.loop, *near_, {proto::pf_proxy::kFirstByteLimit, service_.settings.limits.header},
        [](std::span<const std::byte> input) {
            return look(proto::pf_proxy::decode_request(input));
        },
        [this](HeaderReader::Ending ending, std::span<const std::byte> bytes) {
            if (ending != HeaderReader::Ending::whole) return header_failed(ending);
            destination_ = from_request(proto::pf_proxy::decode_request(bytes).value);
            reader_.reset();
            used_ = true;
            if (destination_->transport != vsockio::Transport::tcp) {
                return begin_flow(*destination_, UdpFar::Kind::requested);
            }
            open_outlet([this](Outlet::Done done) {
                return start_judged_outlet(service_, *destination_, std::move(done));
            });
        });
    if (!reader.ok()) return over();
    reader_ = std::move(reader).value();
}

void Session::header_failed(HeaderReader::Ending ending) {
    const bool begun = reader_->has_begun();
    reader_.reset();
    if (ending == HeaderReader::Ending::ended) return over();
    Metrics& metrics = service_.metrics;
    metrics.add(ending == HeaderReader::Ending::bad ? metrics.bad_header : metrics.header_timeouts);
    if (service_.settings.serves_requests()) {
        // A stream that was opened beforehand and not needed just ends.
        return begun ? answer({StatusCode::bad_header, 0, {}}) : over();
    }
    refuse(ending == HeaderReader::Ending::bad ? "bad header" : "no header in time");
}

void Session::take_original() {
    const Settings& settings = service_.settings;
    if (settings.port_target.has_value()) {
        const std::optional<std::uint16_t> port = vsock_port(near_->fd());
        if (port.has_value()) return carry_port(*port);
    }
    const std::optional<vsockio::IpEndpoint> own = local_endpoint(near_->fd());
    std::optional<vsockio::IpEndpoint> original;
    if (settings.tproxy) {
        // Who connects to the listener's own address would be sent in a circle.
        if (std::ranges::count(service_.listening, own) == 0) original = own;
    } else {
        if (own.has_value()) original = redirected_from(near_->fd(), *own);
        // A port that is listened on itself is its own original.
        if (!original.has_value() && settings.port_target.has_value()) original = own;
    }
    if (!original.has_value()) {
        service_.metrics.add(service_.metrics.refused_peer);
        return refuse("not redirected");
    }
    if (!settings.proxy_in) client_.destination = original;
    if (settings.port_target.has_value()) return carry_port(original->port);
    begin_asking(*original);
}

void Session::carry_port(std::uint16_t port) {
    for (const policy::PortRange& range : service_.settings.ports) {
        if (!range.contains(port)) continue;
        return open_fixed(port);
    }
    service_.metrics.add(service_.metrics.refused_policy);
    refuse("this port is not carried");
}

void Session::begin_asking(const vsockio::IpEndpoint& original) {
    // Its first packet was held, and the far side has been asked already.
    if (client_.source.has_value()) {
        std::unique_ptr<loop::Edge> prepared = service_.prepared.take(*client_.source, original);
        if (prepared != nullptr) {
            service_.metrics.add(service_.metrics.connected);
            const bool tcp = service_.settings.targets.front().kind == vsockio::Address::Kind::tcp;
            return begin_relay(vsockio::RelayEnd::socket(std::move(prepared), tcp));
        }
    }
    std::vector<std::string> names;
    if (service_.dns != nullptr) names = service_.dns->names_of(original.address);
    NearJudgement judgement =
        judge_original(service_.policy.get(), names, original, vsockio::Transport::tcp);
    destination_ = std::move(judgement.destination);
    if (!destination_.has_value()) {
        service_.metrics.add(service_.metrics.refused_policy);
        return refuse(judgement.reason);
    }
    open_outlet([this](Outlet::Done done) {
        return start_asking_outlet(service_, *destination_, std::move(done));
    });
}

void Session::find_fixed() {
    if (!service_.settings.datagram_targets()) return open_fixed(0);
    const std::vector<std::size_t> order = service_.targets.order();
    if (order.empty()) return refuse("no target is healthy");
    const vsockio::Address& target = service_.settings.targets[order.front()];
    const base::Result<policy::Host> host = policy::parse_host(target.host);
    if (!host.ok()) return refuse(host.error().message);
    begin_flow({host.value(), static_cast<std::uint16_t>(target.port), vsockio::Transport::udp},
               UdpFar::Kind::fixed);
}

}  // namespace pf_proxy
