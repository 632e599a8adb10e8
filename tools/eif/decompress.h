// One gzip member or zstd frame, from a range of an input to a spool.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "input.h"

namespace eif {

enum class Compression { none, gzip, zstd, unknown };

// By the magic number at the front.
Compression recognise(std::span<const std::byte> bytes);

struct Decompressed {
    std::uint64_t consumed_bytes = 0;
    std::uint64_t produced_bytes = 0;
};

// Reads from `offset` up to `end`; stops behind the stream's own end. Producing more than
// `maximum_bytes` is an Error (data), and so is a stream that is cut off or damaged.
base::Result<Decompressed> decompress(const Input& input, std::uint64_t offset, std::uint64_t end,
                                      Compression compression, int spool,
                                      std::uint64_t maximum_bytes);

}  // namespace eif
