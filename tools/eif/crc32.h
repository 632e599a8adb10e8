// CRC-32 (ISO-HDLC, the one of zlib and EIF), and joining the values of two neighbouring pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace eif {

class Crc32 {
  public:
    void update(std::span<const std::byte> bytes);
    std::uint32_t value() const { return value_; }
    std::uint64_t size() const { return size_; }
    // As if everything fed to `next` had been fed here, after what is already there.
    void append(const Crc32& next);

  private:
    std::uint32_t value_ = 0;
    std::uint64_t size_ = 0;
};

}  // namespace eif
