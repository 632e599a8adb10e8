// A map and the order in which it was filled.
#include "attest/link_cache.h"

#include "base/text.h"

namespace attest {

namespace {

std::string key_of(std::span<const std::byte> issuer_fingerprint,
                   std::span<const std::byte> fingerprint) {
    return std::string(base::as_text(issuer_fingerprint)) += base::as_text(fingerprint);
}

}  // namespace

std::shared_ptr<const crypto::Link> LinkCache::find(std::span<const std::byte> issuer_fingerprint,
                                                    std::span<const std::byte> fingerprint) const {
    const auto found = links_.find(key_of(issuer_fingerprint, fingerprint));
    return found == links_.end() ? nullptr : found->second;
}

void LinkCache::remember(std::span<const std::byte> issuer_fingerprint,
                         std::shared_ptr<const crypto::Link> link) {
    if (maximum_links_ == 0) return;
    std::string key = key_of(issuer_fingerprint, link->fingerprint);
    if (!links_.emplace(key, std::move(link)).second) return;
    order_.push_back(std::move(key));
    if (order_.size() <= maximum_links_) return;
    links_.erase(order_.front());
    order_.pop_front();
}

}  // namespace attest
