// Where an archive's bytes go: plain, gzip or zstd, each with settings that never change, so that
// equal input gives equal output with the same version of the library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"

namespace eif {

class Compressor {
  public:
    virtual ~Compressor() = default;
    virtual base::Result<void> write(std::span<const std::byte> bytes) = 0;
    // Writes what is left; nothing may follow.
    virtual base::Result<void> finish() = 0;
};

// `how` is none, gzip or zstd; the descriptor is borrowed.
base::Result<std::unique_ptr<Compressor>> make_compressor(std::string_view how, int fd,
                                                          std::string_view name);

}  // namespace eif
