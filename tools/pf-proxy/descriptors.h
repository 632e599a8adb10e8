// How many connections a process has descriptors for.
#pragma once

#include <cstddef>

namespace pf_proxy {

// Two for each connection, of those that this process may still open, less what it opens besides:
// pipes, questions to nameservers, health checks, metrics. At least one.
std::size_t connections_that_fit();

// The same from numbers: descriptors that a process may have and has.
std::size_t connections_that_fit(std::size_t limit, std::size_t used);

}  // namespace pf_proxy
