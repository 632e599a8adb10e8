// libdeflate computes (it uses the carry-less multiplier), zlib joins.
#include "crc32.h"

#include <libdeflate.h>
#include <zlib.h>

namespace eif {

void Crc32::update(std::span<const std::byte> bytes) {
    value_ = libdeflate_crc32(value_, bytes.data(), bytes.size());
    size_ += bytes.size();
}

void Crc32::append(const Crc32& next) {
    value_ = static_cast<std::uint32_t>(
        ::crc32_combine(value_, next.value_, static_cast<z_off_t>(next.size_)));
    size_ += next.size_;
}

}  // namespace eif
