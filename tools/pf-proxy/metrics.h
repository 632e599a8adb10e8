// What a pf-proxy counts, and its text for Prometheus. One set of counters for each worker, in
// memory that all of them share, so that whichever is asked tells the sum.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace pf_proxy {

struct Metrics {
    using Count = std::atomic<std::uint64_t>;

    Count accepted;           // connections taken from listeners
    Count open;               // now
    Count connected;          // of accepted: got to their other side
    Count refused_policy;     // by the policy
    Count refused_limit;      // by the number of connections, in all or of a peer
    Count refused_peer;       // by --allow-cid, or not redirected
    Count bad_header;         // a request or a PROXY header that was not understood
    Count header_timeouts;    // one that did not come in time
    Count connect_failed;     // the other side could not be connected to
    Count idle_ended;         // nothing moved for too long
    Count reset;              // ended by a reset
    Count bytes_out;          // from the side that connected; of connections that have ended
    Count bytes_in;           // to it; likewise
    Count accept_pauses;      // times that accepting paused for want of descriptors or for a limit
    Count pool_hits;          // requests on a stream that was open already
    Count targets_unhealthy;  // now
    Count flows;              // of UDP, opened
    Count flows_refused;      // by a policy or the other side
    Count datagrams_out;
    Count datagrams_in;
    Count datagrams_dropped;
    Count dns_queries;    // that were well-formed
    Count dns_malformed;  // that were not
    Count dns_from_cache;
    Count dns_forwarded;
    Count dns_refused;   // by the policy, whole or in part
    Count dns_failed;    // no nameserver gave an answer that could be used
    Count dns_too_many;  // a limit of ours

    void add(Count& count, std::uint64_t by = 1) { count.fetch_add(by, std::memory_order_relaxed); }
    // A worker that died takes what it had open with it.
    void forget_open();
};

// Counters at zero for `workers` processes, shared with every child of this one.
base::Result<std::span<Metrics>> share_metrics(std::size_t workers);

std::uint64_t open_connections(std::span<const Metrics> all);
// The text format of Prometheus, version 0.0.4.
std::string prometheus_text(std::span<const Metrics> all);

}  // namespace pf_proxy
