// A map and the order in which it was filled.
#include "attest/link_cache.h"

#include <vector>

#include "base/format.h"
#include "base/text.h"

namespace attest {

namespace {

constexpr std::size_t kFingerprintBytes = 32;

std::string key_of(std::span<const std::byte> issuer_fingerprint,
                   std::span<const std::byte> fingerprint) {
    return std::string(base::as_text(issuer_fingerprint)) += base::as_text(fingerprint);
}

}  // namespace

bool LinkCache::knows(std::span<const std::byte> issuer_fingerprint,
                      std::span<const std::byte> fingerprint) const {
    return links_.contains(key_of(issuer_fingerprint, fingerprint));
}

std::shared_ptr<const crypto::Link> LinkCache::find(std::span<const std::byte> issuer_fingerprint,
                                                    std::span<const std::byte> fingerprint) const {
    const auto found = links_.find(key_of(issuer_fingerprint, fingerprint));
    return found == links_.end() ? nullptr : found->second;
}

void LinkCache::remember(std::span<const std::byte> issuer_fingerprint,
                         std::shared_ptr<const crypto::Link> link) {
    std::string key = key_of(issuer_fingerprint, link->fingerprint);
    add(std::move(key), std::move(link));
}

void LinkCache::add(std::string key, std::shared_ptr<const crypto::Link> link) {
    if (maximum_links_ == 0) return;
    const auto [place, is_new] = links_.try_emplace(key);
    if (link != nullptr) place->second = std::move(link);
    if (!is_new) return;
    order_.push_back(std::move(key));
    if (order_.size() <= maximum_links_) return;
    links_.erase(order_.front());
    order_.pop_front();
}

std::string LinkCache::to_text() const {
    std::string text;
    for (const std::string& key : order_) {
        const auto bytes = base::as_bytes(key);
        text += fmt::format("{} {}\n", base::to_hex(bytes.first(kFingerprintBytes)),
                            base::to_hex(bytes.subspan(kFingerprintBytes)));
    }
    return text;
}

base::Result<void> LinkCache::add_text(std::string_view text) {
    std::vector<std::string> keys;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        const std::size_t blank = line.find(' ');
        const auto issuer = base::from_hex(line.substr(0, blank));
        const auto link = base::from_hex(blank == line.npos ? "" : line.substr(blank + 1));
        if (end == text.npos || !issuer.ok() || !link.ok() || issuer->size() != kFingerprintBytes ||
            link->size() != kFingerprintBytes) {
            return base::Error::data(
                fmt::format("line {} is not of two SHA-256 values", keys.size() + 1));
        }
        keys.push_back(key_of(issuer.value(), link.value()));
        text.remove_prefix(end + 1);
    }
    for (std::string& key : keys)
        add(std::move(key), nullptr);
    return {};
}

}  // namespace attest
