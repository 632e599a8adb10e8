// SHA-256 of a file's content, in which holes count as the zeros they stand for.
//
// There is no short cut through zeros: eight GiB of hole cost what eight GiB of data cost to hash,
// about five seconds of one core. Callers feed at most proto::copy::kMaximumHole at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "copy_types.h"
#include "crypto/digest.h"

namespace pipeline {

class ContentDigest {
  public:
    ContentDigest();

    void update(std::span<const std::byte> bytes);
    void zeros(std::uint64_t count);
    // Starts again from nothing.
    void reset();
    // What went in so far, which may go on. Nothing when OpenSSL failed at any point.
    std::optional<DigestBytes> value() const;

  private:
    std::optional<crypto::Digest> digest_;  // none after a failure
};

}  // namespace pipeline
