// Certificates whose signature was verified before, so that whoever verifies often checks only what
// is new: of a warm chain nothing, else the leaf. Time, rights and path lengths are not remembered.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "crypto/chain.h"

namespace attest {

// For one thread. Entries are found by the SHA-256 of the certificate and of its issuer.
class LinkCache {
  public:
    // Holds that many certificates, then forgets the oldest; one takes some 3 KiB.
    explicit LinkCache(std::size_t maximum_links = 64) : maximum_links_(maximum_links) {}

    // nullptr when this issuer was not seen to have issued this certificate.
    std::shared_ptr<const crypto::Link> find(std::span<const std::byte> issuer_fingerprint,
                                             std::span<const std::byte> fingerprint) const;
    // The caller has verified it.
    void remember(std::span<const std::byte> issuer_fingerprint,
                  std::shared_ptr<const crypto::Link> link);

    std::size_t size() const { return links_.size(); }

  private:
    std::size_t maximum_links_;
    std::map<std::string, std::shared_ptr<const crypto::Link>> links_;
    std::deque<std::string> order_;  // keys, oldest first
};

}  // namespace attest
