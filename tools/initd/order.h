// The order in which services start, from the names in their files. Pure.
//
// `after` and `wants` wait until the other is ready or has ended; `requires` waits until it is
// ready and fails with it; `before` is `after` seen from the other side. A service that cannot be
// ordered is named with the reason; the others are not touched.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "settings.h"

namespace initd {

struct Gate {
    std::size_t on = 0;     // index of the other service
    bool required = false;  // its failure is ours
};

struct Order {
    struct Remark {
        std::size_t service = 0;
        std::string text;
    };
    std::vector<std::vector<Gate>> gates;  // per service, what it waits for
    std::vector<Remark> failures;          // services that can never start, and why
    std::vector<Remark> warnings;          // names that lead nowhere and do no harm
};

// The names are unique. A disabled service counts as missing.
Order order_services(const std::vector<const ServiceSettings*>& services);

}  // namespace initd
