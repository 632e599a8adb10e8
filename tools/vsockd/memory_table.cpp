// Address translation with every comparison written so that it cannot wrap.
#include "memory_table.h"

#include "base/format.h"

namespace vsockd {

using base::Error;
using base::ExitCode;
using base::Result;

namespace {

// Whether [start, start + length) lies in [base, base + size), without computing either end.
bool contains(std::uint64_t base, std::uint64_t size, std::uint64_t start, std::uint64_t length) {
    if (start < base || start - base > size) return false;
    return length <= size - (start - base);
}

bool overlaps(std::uint64_t first, std::uint64_t first_size, std::uint64_t second,
              std::uint64_t second_size) {
    return first <= second ? second - first < first_size : first - second < second_size;
}

bool wraps(std::uint64_t address, std::uint64_t size) {
    return address + size < address;
}

}  // namespace

Result<MemoryTable> MemoryTable::create(std::vector<Region> regions) {
    if (regions.size() > kMaximumRegions) {
        return Error(ExitCode::protocol, fmt::format("{} memory regions, at most {} are allowed",
                                                     regions.size(), kMaximumRegions));
    }
    for (std::size_t index = 0; index < regions.size(); ++index) {
        const Region& region = regions[index];
        const std::uint64_t size = region.bytes.size();
        if (size == 0) return Error(ExitCode::protocol, "an empty memory region");
        if (wraps(region.guest_address, size) || wraps(region.user_address, size)) {
            return Error(ExitCode::protocol, "a memory region that wraps around");
        }
        for (std::size_t other = 0; other < index; ++other) {
            const Region& earlier = regions[other];
            if (overlaps(region.guest_address, size, earlier.guest_address, earlier.bytes.size()) ||
                overlaps(region.user_address, size, earlier.user_address, earlier.bytes.size())) {
                return Error(ExitCode::protocol, "memory regions that overlap");
            }
        }
    }
    MemoryTable table;
    table.regions_ = std::move(regions);
    return table;
}

bool MemoryTable::append_guest_range(std::uint64_t address, std::uint64_t length,
                                     std::vector<iovec>& out) const {
    const std::size_t before = out.size();
    while (length > 0) {
        bool found = false;
        for (const Region& region : regions_) {
            if (!contains(region.guest_address, region.bytes.size(), address, 1)) continue;
            const std::uint64_t offset = address - region.guest_address;
            const std::uint64_t taken = std::min(length, region.bytes.size() - offset);
            out.push_back({region.bytes.data() + offset, taken});
            address += taken;
            length -= taken;
            found = true;
            break;
        }
        if (!found) {
            out.resize(before);
            return false;
        }
    }
    return true;
}

std::span<std::byte> MemoryTable::user_range(std::uint64_t address, std::uint64_t length) const {
    for (const Region& region : regions_) {
        if (contains(region.user_address, region.bytes.size(), address, length)) {
            return region.bytes.subspan(address - region.user_address, length);
        }
    }
    return {};
}

std::span<std::byte> MemoryTable::guest_range(std::uint64_t address, std::uint64_t length) const {
    for (const Region& region : regions_) {
        if (contains(region.guest_address, region.bytes.size(), address, length)) {
            return region.bytes.subspan(address - region.guest_address, length);
        }
    }
    return {};
}

}  // namespace vsockd
