// The far side's outlet: has the request judged, and connects to what was judged.
#include <algorithm>

#include "base/format.h"
#include "far_judgement.h"
#include "outlet.h"
#include "vsockio/connector.h"

namespace pf_proxy {

using base::Error;
using base::Result;
using proto::pf_proxy::StatusCode;
using vsockio::IpAddress;
using vsockio::IpEndpoint;

namespace {

class JudgedOutlet : public Outlet {
  public:
    JudgedOutlet(Service& service, const Destination& destination, Done done)
        : service_(service),
          destination_(destination),
          done_(std::move(done)),
          deadline_(service.loop.now() + service.settings.limits.connect),
          refused_(service.loop, [this] { give_up(std::move(verdict_)); }),
          judgement_(*service.resolver, service.policy, destination,
                     [this](FarJudgement::Verdict verdict) { judged(std::move(verdict)); }) {}

    Result<void> start() {
        std::optional<FarJudgement::Verdict> verdict = judgement_.begin();
        if (!verdict.has_value()) {
            timer_ = TRY(loop::Timer::create(service_.loop, [this] { late(); }));
            timer_->start(service_.settings.limits.connect);
        } else if (verdict->code == StatusCode::connected) {
            return connect(verdict->addresses);
        } else {
            verdict_ = std::move(*verdict);
            refused_.schedule();
        }
        return {};
    }

  private:
    void judged(FarJudgement::Verdict verdict) {
        timer_.reset();
        if (verdict.code != StatusCode::connected) return give_up(std::move(verdict));
        const Result<void> begun = connect(verdict.addresses);
        if (!begun.ok()) fail(begun.error().errno_value, begun.error().message);
    }

    Result<void> connect(const std::vector<IpAddress>& addresses) {
        vsockio::ConnectPlan plan;
        plan.name = to_string(destination_);
        for (const IpAddress& address : addresses)
            plan.targets.push_back(vsockio::socket_address(IpEndpoint{address, destination_.port}));
        const auto left = std::max(deadline_ - service_.loop.now(), std::chrono::milliseconds(1));
        connector_ =
            TRY(vsockio::Connector::start(service_.loop, std::move(plan), left,
                                          [this](auto stream) { connected(std::move(stream)); }));
        return {};
    }

    void connected(Result<std::unique_ptr<loop::Edge>> stream) {
        if (!stream.ok()) return fail(stream.error().errno_value, stream.error().message);
        OutletResult result;
        result.stream = std::move(stream).value();
        result.tcp = true;
        result.status = {StatusCode::connected, 0, tried()};
        finish(std::move(result));
    }

    std::optional<IpEndpoint> tried() const {
        const vsockio::SocketAddress* last =
            connector_ == nullptr ? nullptr : connector_->last_tried();
        return last == nullptr ? std::nullopt : vsockio::ip_endpoint(*last);
    }

    void give_up(FarJudgement::Verdict verdict) {
        if (verdict.code == StatusCode::failed) {
            return fail(verdict.errno_value, std::move(verdict.reason));
        }
        service_.metrics.add(service_.metrics.refused_policy);
        OutletResult result;
        result.status.code = StatusCode::refused;
        result.reason = std::move(verdict.reason);
        finish(std::move(result));
    }

    void late() {
        judgement_.cancel();
        fail(ETIMEDOUT, "no answer in time");
    }

    void fail(int errno_value, std::string why) {
        finish(not_connected(service_, errno_value, std::move(why), tried()));
    }

    void finish(OutletResult result) {
        const Done done = std::move(done_);
        done(std::move(result));  // may destroy this
    }

    Service& service_;
    Destination destination_;
    Done done_;
    std::chrono::milliseconds deadline_;  // of the loop's clock
    loop::Turn refused_;                  // `done` is never called from start()
    FarJudgement::Verdict verdict_;       // what is told then
    FarJudgement judgement_;
    std::optional<loop::Timer> timer_;  // of the judgement
    std::unique_ptr<vsockio::Connector> connector_;
};

}  // namespace

Result<std::unique_ptr<Outlet>> start_judged_outlet(Service& service,
                                                    const Destination& destination,
                                                    Outlet::Done done) {
    auto outlet = std::make_unique<JudgedOutlet>(service, destination, std::move(done));
    TRY(outlet->start());
    return std::unique_ptr<Outlet>(std::move(outlet));
}

}  // namespace pf_proxy
