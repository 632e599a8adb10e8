// Health checks by connecting.
#include "health_checker.h"

#include "base/log.h"

namespace pf_proxy {

using base::Result;
using vsockio::Address;

Result<std::unique_ptr<HealthChecker>> HealthChecker::create(Service& service) {
    std::unique_ptr<HealthChecker> checker(new HealthChecker(service));
    const std::chrono::milliseconds interval = service.settings.health.interval;
    if (interval.count() == 0) return checker;
    HealthChecker* self = checker.get();
    checker->checks_.resize(service.settings.targets.size());
    checker->timer_ = TRY(loop::Timer::create(service.loop, [self] { self->check_all(); }));
    checker->timer_->start(std::chrono::milliseconds(0), interval);
    return checker;
}

void HealthChecker::check_all() {
    for (std::size_t target = 0; target < checks_.size(); ++target)
        check(target);
}

void HealthChecker::check(std::size_t target) {
    Check& check = checks_[target];
    if (check.query != nullptr || check.connector != nullptr) return;  // the last one still runs
    const Address& address = service_.settings.targets[target];
    if (address.kind != Address::Kind::tcp) return connect(target, vsockio::plan_to(address));
    check.query = service_.resolver->resolve(
        address.host, Family::any, Freshness::remembered,
        [this, target](Result<Resolver::Answer> answer) {
            checks_[target].query.reset();
            if (!answer.ok()) return checked(target, std::move(answer).error());
            const Address& to = service_.settings.targets[target];
            vsockio::ConnectPlan plan;
            plan.name = to_string(to);
            for (const vsockio::IpAddress& ip : answer.value().addresses) {
                plan.targets.push_back(
                    vsockio::socket_address({ip, static_cast<std::uint16_t>(to.port)}));
            }
            connect(target, std::move(plan));
        });
}

void HealthChecker::connect(std::size_t target, Result<vsockio::ConnectPlan> plan) {
    if (!plan.ok()) return checked(target, std::move(plan).error());
    Result<std::unique_ptr<vsockio::Connector>> connector =
        vsockio::Connector::start(service_.loop, std::move(plan).value(),
                                  service_.settings.limits.connect, [this, target](auto stream) {
                                      checks_[target].connector.reset();
                                      if (!stream.ok()) return checked(target, stream.error());
                                      checked(target, {});
                                  });
    if (!connector.ok()) return checked(target, std::move(connector).error());
    checks_[target].connector = std::move(connector).value();
}

void HealthChecker::checked(std::size_t target, const Result<void>& connected) {
    if (!service_.targets.checked(target, connected.ok())) return;
    const std::string name = to_string(service_.settings.targets[target]);
    Metrics& metrics = service_.metrics;
    if (connected.ok()) {
        metrics.targets_unhealthy.fetch_sub(1, std::memory_order_relaxed);
        base::log::info("target is healthy again", {{"target", name}});
    } else {
        metrics.add(metrics.targets_unhealthy);
        base::log::warning("target is unhealthy",
                           {{"target", name}, {"why", connected.error().message}});
    }
}

}  // namespace pf_proxy
