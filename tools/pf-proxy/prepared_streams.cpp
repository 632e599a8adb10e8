// Keeping and giving out streams that were asked on beforehand.
#include "prepared_streams.h"

namespace pf_proxy {

void PreparedStreams::put(const vsockio::IpEndpoint& source, const vsockio::IpEndpoint& destination,
                          base::Fd stream, Time now) {
    std::erase_if(streams_,
                  [now](const auto& entry) { return now - entry.second.since >= kLongestWait; });
    if (streams_.size() >= kMost) return;
    streams_.insert_or_assign(Ends{source, destination}, Waiting{std::move(stream), now});
}

base::Fd PreparedStreams::take(const vsockio::IpEndpoint& source,
                               const vsockio::IpEndpoint& destination) {
    auto found = streams_.extract(Ends{source, destination});
    return found.empty() ? base::Fd() : std::move(found.mapped().stream);
}

}  // namespace pf_proxy
