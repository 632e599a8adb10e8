// The guest's memory as this process sees it: guest or front-end addresses become spans.
//
// Pure: it borrows spans and maps nothing (region_map.cpp does). Every address and length comes
// from a hostile guest; a range that is not wholly inside the table does not translate.
// Source: vhost-user specification, "Memory access".
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace vsockd {

// What a front end may hand over at most; the protocol's base line is 8 regions.
inline constexpr std::size_t kMaximumRegions = 8;
inline constexpr std::uint64_t kMaximumRegionBytes = std::uint64_t{1} << 40;

struct Region {
    std::uint64_t guest_address = 0;  // where the guest's descriptors point
    std::uint64_t user_address = 0;   // where the front end's ring addresses point
    std::span<std::byte> bytes;
};

class MemoryTable {
  public:
    MemoryTable() = default;
    // Error (protocol) when regions are too many, empty, overlap or wrap around.
    static base::Result<MemoryTable> create(std::vector<Region> regions);

    // Appends the pieces of [address, address + length) to `out`; more than one when the range
    // runs over neighbouring regions, none for length 0. False, and `out` as it was, when any
    // byte of the range is outside.
    bool append_guest_range(std::uint64_t address, std::uint64_t length,
                            std::vector<iovec>& out) const;

    // The bytes at a front-end address when all of them are in one region, else nothing.
    std::span<std::byte> user_range(std::uint64_t address, std::uint64_t length) const;
    std::span<std::byte> guest_range(std::uint64_t address, std::uint64_t length) const;

  private:
    std::vector<Region> regions_;
};

}  // namespace vsockd
