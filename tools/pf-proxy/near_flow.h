// One flow of the near side: what waits for its stream and its status, then frames both ways. Made,
// kept and ended by UdpNear, whose tables and sockets it uses.
#pragma once

#include <array>
#include <cerrno>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "datagram_batch.h"
#include "destination.h"
#include "flow_policy.h"
#include "frame_stream.h"
#include "loop/loop.h"
#include "proto/pf_proxy.h"
#include "stream_opener.h"

namespace pf_proxy {

class UdpNear;

class NearFlow {
  public:
    enum class Reason {
        ended,  // by the far side, or its stream failed
        idle,
        evicted,  // for another flow
        refused,  // a status that is not connected
        failed,   // no stream, no status, or no sense in what came
        no_room,  // the limit of held bytes
    };
    static std::string_view name_of(Reason reason);

    // `asked`: what a transparent near side asks the far side for.
    NearFlow(UdpNear& near, const FlowEnds& ends, Destination asked);
    ~NearFlow();
    NearFlow(const NearFlow&) = delete;
    NearFlow& operator=(const NearFlow&) = delete;

    void begin();  // opens the stream

    const FlowEnds& ends() const { return ends_; }
    // A datagram of the application: gathered for flush(), kept until there is a status, or
    // dropped.
    void outward(const Datagram& datagram);
    // Writes what was gathered; may end the flow.
    void flush();

  private:
    friend class UdpNear;

    enum class State { opening, asking, flowing };
    struct Waiting {
        std::optional<vsockio::IpEndpoint> destination;
        std::vector<std::byte> payload;
    };

    void on_opened(base::Result<base::Fd> stream);
    bool ask();
    void on_stream(int events);
    bool read_status();
    void connected();
    void read_frames();
    void wait(const std::optional<vsockio::IpEndpoint>& destination,
              std::span<const std::byte> payload);
    void gather(const std::optional<vsockio::IpEndpoint>& destination,
                std::span<const std::byte> payload);
    void forget_waiting();
    void put();
    // Both may end the flow, and are the last thing done with it.
    void lost();
    void finish(Reason reason);
    void watch();

    UdpNear& near_;
    FlowEnds ends_;
    Destination asked_;
    State state_ = State::opening;
    bool asked_again_ = false;
    bool answered_ = false;  // something came inward
    FlowPolicy policy_;
    FrameReader reader_;
    FrameWriter writer_;
    FrameWriter::Outcome written_ = FrameWriter::Outcome::written;
    std::vector<Waiting> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::array<std::byte, proto::pf_proxy::kStatusBytes> status_{};
    std::size_t status_bytes_ = 0;
    int refused_with_ = EHOSTUNREACH;  // what the application is told if it never works
    std::chrono::milliseconds opened_{};
    std::chrono::milliseconds last_{};
    std::list<NearFlow*>::iterator position_;
    base::Fd stream_;
    std::unique_ptr<StreamOpener::Opening> opening_;
    std::optional<loop::Poll> poll_;
};

}  // namespace pf_proxy
