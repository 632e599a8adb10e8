// A token bucket, and counts of connections by peer.
#include "connection_limits.h"

#include <algorithm>

namespace pf_proxy {

using std::chrono::milliseconds;

namespace {

constexpr std::uint64_t kToken = 1000;

}  // namespace

void RateLimit::refill(milliseconds now) {
    const std::uint64_t most = per_second_ * kToken;
    if (!started_) {
        started_ = true;
        thousandths_ = most;
    } else if (now > last_) {
        // One token a second is one thousandth in a millisecond. A second fills it whole.
        const auto passed =
            static_cast<std::uint64_t>(std::min(now - last_, milliseconds(1000)).count());
        thousandths_ = std::min(most, thousandths_ + passed * per_second_);
    }
    last_ = std::max(last_, now);
}

milliseconds RateLimit::wait(milliseconds now) {
    if (per_second_ == 0) return milliseconds(0);
    refill(now);
    if (thousandths_ >= kToken) return milliseconds(0);
    const std::uint64_t missing = kToken - thousandths_;
    return milliseconds((missing + per_second_ - 1) / per_second_);
}

void RateLimit::spend() {
    thousandths_ -= std::min(thousandths_, kToken);
}

bool PeerLimit::enter(std::string_view peer) {
    if (most_ == 0) return true;
    std::size_t& count = counts_[std::string(peer)];
    if (count >= most_) return false;
    ++count;
    return true;
}

void PeerLimit::leave(std::string_view peer) {
    if (most_ == 0) return;
    const auto found = counts_.find(std::string(peer));
    if (found != counts_.end() && --found->second == 0) counts_.erase(found);
}

}  // namespace pf_proxy
