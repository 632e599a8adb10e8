// The outlet to fixed targets: the healthy ones in turn, a PROXY header first where told so.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/format.h"
#include "base/text.h"
#include "loop/edge.h"
#include "outlet.h"
#include "proto/proxy_protocol.h"
#include "vsockio/connector.h"

namespace pf_proxy {

using base::Error;
using base::Result;
using proto::pf_proxy::StatusCode;
using vsockio::Address;
using vsockio::IpEndpoint;

namespace proxy_protocol = proto::proxy_protocol;

namespace {

class FixedOutlet : public Outlet {
  public:
    FixedOutlet(Service& service, const Client& client, std::uint16_t port, Done done)
        : service_(service),
          client_(client),
          port_(port),
          done_(std::move(done)),
          failed_(service.loop, [this] { fail(); }) {}

    void start() {
        order_ = service_.targets.order();
        if (order_.empty()) last_ = Error::system("find a healthy target", "", ECONNREFUSED);
        next();
    }

  private:
    // What one target does not take goes to the next. At most one call within another for each.
    void next() {
        connector_.reset();
        query_.reset();
        if (tried_ == order_.size()) return failed_.schedule();
        target_ = order_[tried_++];
        const Settings& settings = service_.settings;
        address_ = settings.port_target.has_value() ? settings.port_target->at(port_)
                                                    : settings.targets[target_];
        if (address_.kind != Address::Kind::tcp) return connect(vsockio::plan_to(address_));
        const Result<vsockio::IpAddress> literal = vsockio::parse_ip_address(address_.host);
        if (literal.ok()) return connect(plan_to_all(std::array{literal.value().unmapped()}));
        // Names are looked up each time; the resolver remembers for as long as it may.
        query_ = service_.resolver->resolve(address_.host, Family::any, Freshness::remembered,
                                            [this](Result<Resolver::Answer> answer) {
                                                if (!answer.ok())
                                                    return try_after(std::move(answer).error());
                                                connect(plan_to_all(answer.value().addresses));
                                            });
    }

    vsockio::ConnectPlan plan_to_all(std::span<const vsockio::IpAddress> addresses) const {
        vsockio::ConnectPlan plan;
        plan.name = to_string(address_);
        for (const vsockio::IpAddress& address : addresses) {
            plan.targets.push_back(
                vsockio::socket_address({address, static_cast<std::uint16_t>(address_.port)}));
        }
        return plan;
    }

    void connect(Result<vsockio::ConnectPlan> plan) {
        if (!plan.ok()) return try_after(std::move(plan).error());
        if (service_.settings.client_source) {
            if (!client_.source.has_value()) {
                return try_after(Error::system("connect from", "the client", EADDRNOTAVAIL));
            }
            use_sources(plan.value());
        }
        plan.value().acknowledge_late = acknowledges_late();
        Result<std::unique_ptr<vsockio::Connector>> connector =
            vsockio::Connector::start(service_.loop, std::move(plan).value(),
                                      service_.settings.limits.connect, [this](auto stream) {
                                          if (!stream.ok()) return try_after(stream.error());
                                          connected(std::move(stream).value());
                                      });
        if (!connector.ok()) return try_after(std::move(connector).error());
        connector_ = std::move(connector).value();
    }

    // What a relay carries; a flow of datagrams writes to its stream by itself.
    bool acknowledges_late() const { return client_.transport == vsockio::Transport::tcp; }

    // With the client's port two connections of one client to two of our ports would be one and
    // the same, so the kernel chooses. The client's family goes first.
    void use_sources(vsockio::ConnectPlan& plan) const {
        plan.sources.push_back({client_.source->address, 0});
        if (client_.stand_in.has_value()) plan.sources.push_back({*client_.stand_in, 0});
        const int family = client_.source->address.is_v4 ? AF_INET : AF_INET6;
        std::stable_partition(
            plan.targets.begin(), plan.targets.end(),
            [&](const vsockio::SocketAddress& target) { return target.family == family; });
    }

    void connected(std::unique_ptr<loop::Edge> stream) {
        if (service_.settings.proxy_out != 0 && !write_header(stream->fd())) {
            return try_after(
                Error::system("write the PROXY header to", to_string(address_), EPIPE));
        }
        OutletResult result;
        result.stream = std::move(stream);
        result.tcp = address_.kind == Address::Kind::tcp;
        result.acknowledges_late = result.tcp && acknowledges_late();
        result.target = target_;
        service_.targets.opened(target_);
        finish(std::move(result));
    }

    bool write_header(int fd) const {
        proxy_protocol::Header header;
        if (client_.source.has_value() && client_.destination.has_value()) {
            header.kind = proxy_protocol::Kind::proxied;
            header.transport = client_.transport;
            header.source = *client_.source;
            header.destination = *client_.destination;
        }
        std::byte memory[proxy_protocol::kMaximumEncodedBytes];
        const std::span<const std::byte> bytes =
            service_.settings.proxy_out == 1
                ? proxy_protocol::encode_v1(header, memory)
                : proxy_protocol::encode_v2(header, proxy_protocol::Checksum::none, memory);
        // A fresh connection takes so few bytes whole.
        return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
               static_cast<ssize_t>(bytes.size());
    }

    void try_after(Error error) {
        last_ = std::move(error);
        next();
    }

    void fail() { finish(not_connected(service_, last_.errno_value, last_.message)); }

    void finish(OutletResult result) {
        const Done done = std::move(done_);
        done(std::move(result));  // may destroy this
    }

    Service& service_;
    Client client_;
    std::uint16_t port_;
    Done done_;
    std::vector<std::size_t> order_;
    std::size_t tried_ = 0;
    std::size_t target_ = 0;
    Address address_;
    Error last_{base::ExitCode::unavailable, "no target"};
    loop::Turn failed_;  // `done` is never called from start()
    std::unique_ptr<Resolver::Query> query_;
    std::unique_ptr<vsockio::Connector> connector_;
};

}  // namespace

Result<std::unique_ptr<Outlet>> start_fixed_outlet(Service& service, const Client& client,
                                                   std::uint16_t port, Outlet::Done done) {
    auto outlet = std::make_unique<FixedOutlet>(service, client, port, std::move(done));
    outlet->start();
    return std::unique_ptr<Outlet>(std::move(outlet));
}

}  // namespace pf_proxy
