// Keeping and giving out streams that were asked on beforehand.
#include "prepared_streams.h"

namespace pf_proxy {

void PreparedStreams::put(const vsockio::IpEndpoint& source, const vsockio::IpEndpoint& destination,
                          std::unique_ptr<loop::Edge> stream, Time now) {
    std::erase_if(streams_,
                  [now](const auto& entry) { return now - entry.second.since >= kLongestWait; });
    if (streams_.size() >= kMost) return;
    streams_.insert_or_assign(Ends{source, destination}, Waiting{std::move(stream), now});
}

std::unique_ptr<loop::Edge> PreparedStreams::take(const vsockio::IpEndpoint& source,
                                                  const vsockio::IpEndpoint& destination) {
    auto found = streams_.extract(Ends{source, destination});
    return found.empty() ? nullptr : std::move(found.mapped().stream);
}

}  // namespace pf_proxy
