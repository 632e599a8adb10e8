// Several processes that share the listening sockets. A child that dies is replaced, later each
// time while it keeps dying; signals go on to all of them.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "base/result.h"
#include "metrics.h"
#include "settings.h"

namespace pf_proxy {

// `work` is what a child does; its result is the child's exit status. Returns when all have ended
// after SIGTERM or SIGINT.
base::Result<int> run_workers(const Settings& settings, std::span<Metrics> metrics,
                              const std::function<base::Result<int>(std::size_t)>& work);

}  // namespace pf_proxy
