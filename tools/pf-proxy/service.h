// What all connections of a process share. Borrowed by them; policy is replaced as a whole, and who
// holds the old one keeps it.
#pragma once

#include <memory>
#include <span>

#include "connection_limits.h"
#include "loop/loop.h"
#include "metrics.h"
#include "policy/policy.h"
#include "prepared_streams.h"
#include "resolver.h"
#include "settings.h"
#include "talk.h"
#include "targets.h"

namespace pf_proxy {

class DnsService;
class StreamPool;
struct DatagramRoom;

struct Service {
    loop::Loop& loop;
    const Settings& settings;
    std::shared_ptr<const policy::Policy> policy;  // none: the mode judges nothing
    std::unique_ptr<Resolver> resolver;
    std::span<Metrics> all_metrics;
    Metrics& metrics;  // of this process, one of them
    RateLimit rate;
    PeerLimit peers;
    Targets targets;
    std::unique_ptr<StreamPool> pool;  // of a near side that opens streams beforehand
    Talk talk;
    PreparedStreams prepared;  // by whoever holds first packets until the far side has answered
    std::unique_ptr<DatagramRoom> datagrams;     // once there are any
    std::vector<vsockio::IpEndpoint> listening;  // our own addresses, which nobody means to reach
    std::unique_ptr<DnsService> dns;             // of a near side that answers DNS
};

}  // namespace pf_proxy
