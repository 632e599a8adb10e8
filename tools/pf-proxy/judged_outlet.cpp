// The far side's outlet: has the request judged, and connects to what was judged.
#include "base/format.h"
#include "far_judgement.h"
#include "outlet.h"
#include "vsockio/connector.h"

namespace pf_proxy {

using base::Error;
using base::Result;
using proto::pf_proxy::Status;
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
          judgement_(*service.resolver, service.policy, destination,
                     [this](FarJudgement::Verdict verdict) { judged(std::move(verdict)); }) {}

    Result<void> start() {
        timer_ = TRY(loop::Timer::create(service_.loop, [this] { fire(); }));
        timer_->start(std::chrono::milliseconds(0));
        return {};
    }

  private:
    void fire() {
        if (begun_) return fail(ETIMEDOUT, "no answer in time");
        begun_ = true;
        timer_->start(service_.settings.limits.connect);
        std::optional<FarJudgement::Verdict> verdict = judgement_.begin();
        if (verdict.has_value()) judged(std::move(*verdict));
    }

    void judged(FarJudgement::Verdict verdict) {
        if (verdict.code == StatusCode::refused) return refuse(std::move(verdict.reason));
        if (verdict.code == StatusCode::failed) {
            return fail(verdict.errno_value, std::move(verdict.reason));
        }
        vsockio::ConnectPlan plan;
        plan.name = to_string(destination_);
        for (const IpAddress& address : verdict.addresses)
            plan.targets.push_back(vsockio::socket_address(IpEndpoint{address, destination_.port}));
        Result<std::unique_ptr<vsockio::Connector>> connector = vsockio::Connector::start(
            service_.loop, std::move(plan), service_.settings.limits.connect,
            [this](Result<base::Fd> fd) { connected(std::move(fd)); });
        if (!connector.ok()) return fail(connector.error().errno_value, connector.error().message);
        connector_ = std::move(connector).value();
    }

    void connected(Result<base::Fd> fd) {
        if (!fd.ok()) return fail(fd.error().errno_value, fd.error().message);
        OutletResult result;
        result.fd = std::move(fd).value();
        result.tcp = true;
        result.status = {StatusCode::connected, 0, tried()};
        finish(std::move(result));
    }

    std::optional<IpEndpoint> tried() const {
        const vsockio::SocketAddress* last =
            connector_ == nullptr ? nullptr : connector_->last_tried();
        return last == nullptr ? std::nullopt : vsockio::ip_endpoint(*last);
    }

    void refuse(std::string why) {
        service_.metrics.add(service_.metrics.refused_policy);
        OutletResult result;
        result.status.code = StatusCode::refused;
        result.reason = std::move(why);
        finish(std::move(result));
    }

    void fail(int errno_value, std::string why) {
        service_.metrics.add(service_.metrics.connect_failed);
        OutletResult result;
        result.status = failed_status(errno_value, tried());
        result.reason = std::move(why);
        finish(std::move(result));
    }

    void finish(OutletResult result) {
        timer_.reset();
        judgement_.cancel();
        const Done done = std::move(done_);
        done(std::move(result));  // may destroy this
    }

    Service& service_;
    Destination destination_;
    Done done_;
    bool begun_ = false;
    std::optional<loop::Timer> timer_;
    FarJudgement judgement_;
    std::unique_ptr<vsockio::Connector> connector_;
};

}  // namespace

Status failed_status(int errno_value, const std::optional<IpEndpoint>& tried) {
    // That we have no descriptor left is no matter of the destination.
    const bool ours = errno_value == EMFILE || errno_value == ENFILE;
    return {StatusCode::failed, ours ? EAGAIN : errno_value == 0 ? EIO : errno_value, tried};
}

Result<std::unique_ptr<Outlet>> start_judged_outlet(Service& service,
                                                    const Destination& destination,
                                                    Outlet::Done done) {
    auto outlet = std::make_unique<JudgedOutlet>(service, destination, std::move(done));
    TRY(outlet->start());
    return std::unique_ptr<Outlet>(std::move(outlet));
}

}  // namespace pf_proxy
