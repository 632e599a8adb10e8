// The near side of datagrams: one bound socket, a flow for each source that sends to it, and a
// stream to the far side for each flow (pf-proxy-wire(5)).
//
//   plain        the far side has a target of its own; applications send to this socket
//   transparent  TPROXY brings datagrams for any destination; each flow asks for that of its first
//
// How streams are opened is a StreamOpener's, what is caught by TPROXY is the packet filter's.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/fd.h"
#include "expiring_cache.h"
#include "icmp_errors.h"
#include "loop/loop.h"
#include "near_flow.h"
#include "policy/policy.h"
#include "reply_sockets.h"
#include "stream_opener.h"
#include "udp_workspace.h"

namespace pf_proxy {

struct UdpNearSettings {
    enum class Kind { plain, transparent };

    Kind kind = Kind::plain;
    std::size_t maximum_flows = 4096;   // the least recently used without an answer ends first
    std::size_t maximum_opening = 512;  // of them that have no stream or status yet
    std::size_t maximum_waiting = 16;   // datagrams of a flow, until then
    std::size_t maximum_waiting_bytes = 128 * 1024;
    std::size_t maximum_reply_sockets = 256;
    std::size_t maximum_refusals = 4096;
    std::chrono::milliseconds status = proto::pf_proxy::kStatusLimit;  // from the first datagram
    std::chrono::milliseconds idle = proto::pf_proxy::kNearFlowLimit;
    std::chrono::milliseconds ask_again = proto::pf_proxy::kAskAgainAfter;
    // The names for which the application was given an address, the latest first: the flow is
    // judged under each of them, and they go with the request. May be empty.
    std::function<std::vector<std::string>(const vsockio::IpAddress&)> names_of;
};

class UdpNear {
  public:
    // `socket` comes from bind_datagrams() or went through prepare_datagrams(). Without a policy
    // only the far side judges; a plain side has nothing to judge. Workspace and opener outlive it.
    static base::Result<std::unique_ptr<UdpNear>> create(
        loop::Loop& loop, UdpWorkspace& workspace, StreamOpener& opener, base::Fd socket,
        std::shared_ptr<const policy::Policy> policy, UdpNearSettings settings);
    UdpNear(const UdpNear&) = delete;
    UdpNear& operator=(const UdpNear&) = delete;

    // For flows that begin from now on.
    void set_policy(std::shared_ptr<const policy::Policy> policy) { policy_ = std::move(policy); }
    // No new flows; those that are there go on. `idle` is called when there is none, from the loop,
    // and may destroy the UdpNear.
    void drain(std::function<void()> idle);
    std::size_t flows() const { return flows_.size(); }
    std::size_t reply_sockets() const { return replies_.size(); }

  private:
    friend class NearFlow;

    UdpNear(loop::Loop& loop, UdpWorkspace& workspace, StreamOpener& opener, base::Fd socket,
            int family, std::shared_ptr<const policy::Policy> policy, UdpNearSettings settings);

    // Outward.
    void on_socket();
    void outward(const Datagram& datagram);
    NearFlow* open_flow(const FlowEnds& ends);
    void refuse(const FlowEnds& ends, int errno_value);
    bool make_room();
    void flush_current();

    // Inward, for flows.
    void deliver(NearFlow& flow, const proto::pf_proxy::Frame& frame);
    bool may_come_from(NearFlow& flow, const vsockio::IpEndpoint& source) const;
    void flush_inward();

    // Lives of flows, for flows. finish() destroys the flow.
    void opened(NearFlow& flow);
    void carried(NearFlow& flow);
    void finish(NearFlow& flow, NearFlow::Reason reason);
    std::optional<Destination> allowed_destination(const FlowEnds& ends) const;

    bool transparent() const { return settings_.kind == UdpNearSettings::Kind::transparent; }
    std::list<NearFlow*>& list_of(const NearFlow& flow);
    void on_timer();
    bool end_first(std::list<NearFlow*>& flows, std::chrono::milliseconds limit,
                   NearFlow::Reason reason, std::optional<std::chrono::milliseconds>& next);
    void arm(std::chrono::milliseconds at);

    loop::Loop& loop_;
    UdpWorkspace& workspace_;
    StreamOpener& opener_;
    base::Fd socket_;
    int family_;
    std::shared_ptr<const policy::Policy> policy_;
    UdpNearSettings settings_;
    std::map<vsockio::IpEndpoint, std::unique_ptr<NearFlow>> flows_;  // by source
    // Each flow is in one of these, the one that carried something longest ago in front.
    std::list<NearFlow*> opening_;
    std::list<NearFlow*> unanswered_;
    std::list<NearFlow*> answered_;
    ReplySockets replies_;
    IcmpErrors errors_;
    // Sources and destinations that are not asked for again so soon.
    ExpiringCache<std::pair<vsockio::IpEndpoint, vsockio::IpEndpoint>, std::monostate> refusals_;
    NearFlow* current_ = nullptr;  // whose frames are gathered
    int sending_from_ = -1;        // the socket whose datagrams are collected
    std::optional<vsockio::IpEndpoint> replying_as_;
    std::optional<std::chrono::milliseconds> armed_;
    std::function<void()> drained_;
    bool draining_ = false;
    std::optional<loop::Timer> timer_;
    std::optional<loop::Poll> poll_;
};

}  // namespace pf_proxy
