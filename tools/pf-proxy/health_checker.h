// Connects to each fixed target now and then, and tells Targets what came of it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "loop/loop.h"
#include "resolver.h"
#include "service.h"
#include "vsockio/connector.h"

namespace pf_proxy {

class HealthChecker {
  public:
    // Checks nothing when the settings have no interval.
    static base::Result<std::unique_ptr<HealthChecker>> create(Service& service);

  private:
    struct Check {
        std::unique_ptr<Resolver::Query> query;
        std::unique_ptr<vsockio::Connector> connector;
    };

    explicit HealthChecker(Service& service) : service_(service) {}
    void check_all();
    void check(std::size_t target);
    void connect(std::size_t target, base::Result<vsockio::ConnectPlan> plan);
    void checked(std::size_t target, const base::Result<void>& connected);

    Service& service_;
    std::vector<Check> checks_;  // one for each target
    std::optional<loop::Timer> timer_;
};

}  // namespace pf_proxy
