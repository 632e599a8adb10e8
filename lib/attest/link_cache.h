// Certificates whose signature was verified before, so that whoever verifies often checks only what
// is new: of a warm chain nothing, else the leaf. Time, rights and path lengths are not remembered.
//
// As text, for a client that starts anew each time, it is a line per certificate: SHA-256 of the
// issuer and of the certificate in hexadecimal, with a blank between. Who can write that text
// decides what is believed: it belongs where the client keeps its own keys.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/chain.h"

namespace attest {

// For one thread. Entries are found by the SHA-256 of the certificate and of its issuer.
class LinkCache {
  public:
    // Holds that many certificates, then forgets the oldest; one takes some 3 KiB.
    explicit LinkCache(std::size_t maximum_links = 64) : maximum_links_(maximum_links) {}

    // Whether this issuer was seen to have issued this certificate.
    bool knows(std::span<const std::byte> issuer_fingerprint,
               std::span<const std::byte> fingerprint) const;
    // The certificate as it was read then; nullptr when it is not known, or from text only.
    std::shared_ptr<const crypto::Link> find(std::span<const std::byte> issuer_fingerprint,
                                             std::span<const std::byte> fingerprint) const;
    // The caller has verified it.
    void remember(std::span<const std::byte> issuer_fingerprint,
                  std::shared_ptr<const crypto::Link> link);

    std::size_t size() const { return links_.size(); }

    std::string to_text() const;  // oldest first
    // Adds what to_text() wrote; anything else is an Error (data), and nothing is added.
    base::Result<void> add_text(std::string_view text);

  private:
    void add(std::string key, std::shared_ptr<const crypto::Link> link);

    std::size_t maximum_links_;
    std::map<std::string, std::shared_ptr<const crypto::Link>> links_;
    std::deque<std::string> order_;  // keys, oldest first
};

}  // namespace attest
