// mmap of guest memory.
#include "guest_memory.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/format.h"

namespace vsockd {

using base::Error;
using base::ExitCode;
using base::Fd;
using base::Result;

Result<GuestMemory> GuestMemory::map(const MemoryDescription& description, std::vector<Fd> files) {
    GuestMemory memory;
    std::vector<Region> regions;
    memory.mappings_.reserve(description.regions.size());
    for (std::size_t index = 0; index < description.regions.size(); ++index) {
        const RegionDescription& region = description.regions[index];
        memory.mappings_.push_back(TRY(Mapping::create(region, files[index].get())));
        regions.push_back(
            {region.guest_address, region.user_address, memory.mappings_.back().bytes()});
    }
    memory.table_ = TRY(MemoryTable::create(std::move(regions)));
    return memory;
}

bool GuestMemory::lost() const {
    return std::ranges::any_of(mappings_, [](const Mapping& mapping) { return mapping.lost(); });
}

Result<GuestMemory::Mapping> GuestMemory::Mapping::create(const RegionDescription& region,
                                                          int file) {
    struct stat status {};
    if (::fstat(file, &status) != 0) return Error::system("look at", "a memory region");
    if (!S_ISREG(status.st_mode)) {
        return Error(ExitCode::protocol, "a memory region that is no file");
    }
    const auto file_bytes = static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0));
    if (region.file_offset > file_bytes || region.bytes > file_bytes - region.file_offset) {
        return Error(ExitCode::protocol,
                     fmt::format("a memory region of {} bytes at {} in a file of {}", region.bytes,
                                 region.file_offset, file_bytes));
    }
    // Offset and length have to be whole pages, which are large ones on hugetlbfs.
    const auto page = static_cast<std::uint64_t>(std::max<blksize_t>(status.st_blksize, 4096));
    const std::uint64_t skipped = region.file_offset % page;
    const std::uint64_t length = (skipped + region.bytes + page - 1) / page * page;
    void* start = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file,
                         static_cast<off_t>(region.file_offset - skipped));
    if (start == MAP_FAILED) return Error::system("map", "a memory region");
    Result<MemoryGuard> guard = MemoryGuard::watch(start, length, page);
    if (!guard.ok()) {
        ::munmap(start, length);
        return std::move(guard).error();
    }
    const std::span<std::byte> bytes(static_cast<std::byte*>(start) + skipped, region.bytes);
    return Mapping(start, length, bytes, std::move(guard).value());
}

GuestMemory::Mapping::Mapping(Mapping&& other) noexcept
    : start_(std::exchange(other.start_, nullptr)),
      length_(other.length_),
      bytes_(other.bytes_),
      guard_(std::move(other.guard_)) {}

GuestMemory::Mapping::~Mapping() {
    if (start_ != nullptr) ::munmap(start_, length_);
}

}  // namespace vsockd
