// Binding, opening streams for flows, counting.
#include "datagrams.h"

#include "base/format.h"
#include "base/log.h"
#include "base/text.h"
#include "dns_service.h"
#include "outlet.h"
#include "udp_sockets.h"
#include "vsockio/connector.h"

namespace pf_proxy {

using base::Error;
using base::Fd;
using base::Result;
using std::chrono::milliseconds;

namespace {

Result<Fd> stream_of(OutletResult result) {
    if (result.stream != nullptr) return result.stream->release();
    Error error(base::ExitCode::unavailable, std::move(result.reason));
    error.errno_value = proto::pf_proxy::errno_of(result.status);
    return error;
}

Result<Fd> released(Result<std::unique_ptr<loop::Edge>> stream) {
    return TRY(std::move(stream))->release();
}

class OutletOpener : public StreamOpener {
  public:
    explicit OutletOpener(Service& service) : service_(service) {}

    std::unique_ptr<Opening> open(const FlowEnds& ends, Done done) override {
        auto waiting = std::make_unique<Waiting>(std::move(done));
        const Result<void> started =
            service_.settings.asks_far_side() ? connect(*waiting) : start_outlet(*waiting, ends);
        if (!started.ok()) waiting->fail_later(service_.loop, started.error());
        return waiting;
    }

  private:
    struct Waiting : Opening {
        explicit Waiting(Done callback) : done(std::move(callback)) {}

        void finish(Result<Fd> stream) {
            const Done callback = std::move(done);
            callback(std::move(stream));  // may destroy this
        }
        void fail_later(loop::Loop& loop, Error error) {
            failure = std::move(error);
            Result<loop::Timer> made = loop::Timer::create(loop, [this] { finish(*failure); });
            if (!made.ok()) return;  // the flow's own time ends it
            timer = std::move(made).value();
            timer->start(milliseconds(0));
        }

        Done done;
        std::unique_ptr<Outlet> outlet;
        std::unique_ptr<vsockio::Connector> connector;
        std::optional<Error> failure;
        std::optional<loop::Timer> timer;
    };

    // The flow writes its request by itself.
    Result<void> connect(Waiting& waiting) {
        waiting.connector = TRY(vsockio::Connector::start(
            service_.loop, service_.settings.targets.front(), service_.settings.limits.connect,
            [&waiting](auto stream) { waiting.finish(released(std::move(stream))); }));
        return {};
    }

    Result<void> start_outlet(Waiting& waiting, const FlowEnds& ends) {
        const Client client{ends.source, ends.destination, vsockio::Transport::udp};
        waiting.outlet = TRY(start_fixed_outlet(service_, client, ends.destination.port,
                                                [this, &waiting](OutletResult result) {
                                                    // Flows are not counted as connections of a
                                                    // target.
                                                    if (result.target.has_value())
                                                        service_.targets.closed(*result.target);
                                                    waiting.finish(stream_of(std::move(result)));
                                                }));
        return {};
    }

    Service& service_;
};

void count(Service& service, const UdpCounters& counters) {
    Metrics& metrics = service.metrics;
    constexpr auto kRelaxed = std::memory_order_relaxed;
    metrics.flows.store(counters.flows_opened, kRelaxed);
    metrics.flows_refused.store(counters.flows_refused, kRelaxed);
    metrics.datagrams_out.store(counters.outward_datagrams, kRelaxed);
    metrics.datagrams_in.store(counters.inward_datagrams, kRelaxed);
    metrics.datagrams_dropped.store(
        counters.dropped_no_room + counters.dropped_refused + counters.dropped_invalid, kRelaxed);
}

}  // namespace

Result<std::unique_ptr<DatagramRoom>> DatagramRoom::create(Service& service) {
    auto room = std::make_unique<DatagramRoom>();
    const UdpCounters& counters = room->workspace.counters;
    room->counting =
        TRY(loop::Timer::create(service.loop, [&service, &counters] { count(service, counters); }));
    room->counting->start(std::chrono::seconds(1), std::chrono::seconds(1));
    return room;
}

Result<std::vector<Fd>> bind_datagram_listeners(const Settings& settings) {
    std::vector<Fd> sockets;
    for (const vsockio::Address& address : settings.datagram_listeners) {
        const std::vector<vsockio::SocketAddress> found = TRY(vsockio::resolve(address));
        const std::optional<vsockio::IpEndpoint> at =
            found.empty() ? std::nullopt : vsockio::ip_endpoint(found.front());
        if (!at.has_value()) {
            return Error::system("listen on", to_string(address), EADDRNOTAVAIL);
        }
        sockets.push_back(TRY(bind_datagrams(*at, settings.asks_far_side())));
        vsockio::Address bound = address;
        if (const auto own = local_endpoint(sockets.back().get())) bound.port = own->port;
        base::log::info("listening", {{"address", to_string(bound)}});
    }
    return sockets;
}

Result<std::unique_ptr<DatagramListeners>> DatagramListeners::create(Service& service,
                                                                     std::vector<Fd> sockets) {
    if (service.datagrams == nullptr) service.datagrams = TRY(DatagramRoom::create(service));
    std::unique_ptr<DatagramListeners> listeners(
        new DatagramListeners(std::make_unique<OutletOpener>(service)));
    for (Fd& socket : sockets) {
        UdpNearSettings settings;
        settings.idle = service.settings.limits.flow_idle;
        settings.maximum_flows = service.settings.limits.connections;
        if (service.settings.asks_far_side()) {
            settings.kind = UdpNearSettings::Kind::transparent;
            settings.names_of = [&service](const vsockio::IpAddress& address) {
                return service.dns == nullptr ? std::vector<std::string>()
                                              : service.dns->names_of(address);
            };
        }
        listeners->sides_.push_back(
            TRY(UdpNear::create(service.loop, service.datagrams->workspace, *listeners->opener_,
                                std::move(socket), service.policy, std::move(settings))));
    }
    return listeners;
}

DatagramListeners::~DatagramListeners() = default;

void DatagramListeners::set_policy(const std::shared_ptr<const policy::Policy>& policy) {
    for (const auto& side : sides_)
        side->set_policy(policy);
}

void DatagramListeners::drain(std::function<void()> done) {
    draining_ = sides_.size();
    for (const auto& side : sides_) {
        side->drain([this, done] {
            if (--draining_ == 0) done();
        });
    }
}

}  // namespace pf_proxy
