// The far side of one flow of datagrams: an accepted stream on one end, one socket on the other,
// from which all destinations are sent to and to which anybody may send. Conversation and frames:
// pf-proxy-wire(5). Who accepts streams, reads requests and counts flows against a limit is not
// here.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/fd.h"
#include "destination.h"
#include "far_judgement.h"
#include "flow_policy.h"
#include "loop/loop.h"
#include "policy/policy.h"
#include "proto/pf_proxy.h"
#include "resolver.h"
#include "udp_workspace.h"

namespace pf_proxy {

struct UdpFarLimits {
    std::chrono::milliseconds connect = proto::pf_proxy::kConnectLimit;
    std::chrono::milliseconds idle = proto::pf_proxy::kFarFlowLimit;
    std::chrono::milliseconds farewell = proto::pf_proxy::kFarewellLimit;
};

// What all flows of a process have. All of it outlives them.
struct UdpFarHouse {
    loop::Loop& loop;
    UdpWorkspace& workspace;
    Resolver& resolver;
    UdpFarLimits limits;
};

class UdpFar {
  public:
    enum class Kind {
        requested,  // a near side asked for the destination: it is judged and gets a status
        fixed,      // our own target: not judged, no status, frames from the first byte on
    };
    enum class Reason {
        ended,  // by the near side
        idle,
        refused,    // by the policy
        failed,     // no address, no way, no descriptor; of a stream: a failure
        bad_frame,  // or bytes before the status
        no_room,    // the limit of held bytes
    };
    static std::string_view name_of(Reason reason);  // "bad_frame"

    struct Report {
        Reason reason = Reason::ended;
        int errno_value = 0;                           // of failed
        std::optional<vsockio::IpEndpoint> connected;  // where the flow's own datagrams went
    };
    // Called once, from the loop and never from start(); may destroy the UdpFar.
    using Finished = std::function<void(const Report&)>;

    // `stream` is non-blocking and stands behind the request. Without a policy nothing but a fixed
    // destination is allowed.
    static base::Result<std::unique_ptr<UdpFar>> start(const UdpFarHouse& house, base::Fd stream,
                                                       Destination destination, Kind kind,
                                                       std::shared_ptr<const policy::Policy> policy,
                                                       Finished finished);
    UdpFar(const UdpFar&) = delete;
    UdpFar& operator=(const UdpFar&) = delete;

  private:
    enum class State { beginning, resolving, flowing, farewell };

    UdpFar(const UdpFarHouse& house, base::Fd stream, Destination destination, Kind kind,
           std::shared_ptr<const policy::Policy> policy, Finished finished);

    // Before the flow is open.
    void on_timer();
    void begin();
    void judged(const FarJudgement::Verdict& verdict);
    void choose(std::span<const vsockio::IpAddress> addresses);
    void open(const vsockio::IpEndpoint& own);
    void fail(int errno_value, std::optional<vsockio::IpEndpoint> tried = std::nullopt);
    void answer_and_leave(const proto::pf_proxy::Status& status, const Report& report);
    void on_early_stream();
    void on_farewell();

    // While it is open. False: the flow has finished and may be gone.
    void on_stream(int events);
    bool outward();
    void take_outward(const proto::pf_proxy::Frame& frame);
    void flush_outward();
    bool inward();
    bool receive_inward();
    bool tell_errors();
    void add_error(const vsockio::IpEndpoint& destination, int errno_value);
    void put_inward();
    bool write_inward();
    std::optional<vsockio::IpEndpoint> short_form(const vsockio::IpEndpoint& endpoint) const;
    void watch();
    void finish(const Report& report);
    void finish(Reason reason) { finish(Report{reason, 0, flow_.own()}); }

    UdpFarHouse house_;
    base::Fd stream_;
    base::Fd socket_;
    Destination destination_;
    Kind kind_;
    std::shared_ptr<const policy::Policy> policy_;
    Finished finished_;
    FlowPolicy flow_;
    FrameReader reader_;
    FrameWriter writer_;
    FrameWriter::Outcome written_ = FrameWriter::Outcome::written;
    State state_ = State::beginning;
    Report report_;                           // of a flow that takes its leave
    FarJudgement judgement_;                  // of what a near side asked for
    std::unique_ptr<Resolver::Query> query_;  // for a target of our own
    std::optional<loop::Timer> timer_;
    std::optional<loop::Poll> stream_poll_;
    std::optional<loop::Poll> socket_poll_;
    std::chrono::milliseconds last_activity_{};
};

}  // namespace pf_proxy
