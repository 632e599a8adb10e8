// A guest's memory regions, mapped from the descriptors of the front end.
#pragma once

#include <cstddef>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "memory_guard.h"
#include "memory_table.h"
#include "vhost_message.h"

namespace vsockd {

class GuestMemory {
  public:
    GuestMemory() = default;
    // Maps each region; the descriptors are closed again. Error (protocol) when a descriptor is
    // no regular file or its file ends before the region does.
    static base::Result<GuestMemory> map(const MemoryDescription& description,
                                         std::vector<base::Fd> files);

    // Stays at its place while the object lives unmoved.
    const MemoryTable& table() const { return table_; }
    bool mapped() const { return !mappings_.empty(); }
    // Whether the front end took pages away after they were mapped.
    bool lost() const;

  private:
    class Mapping {
      public:
        static base::Result<Mapping> create(const RegionDescription& region, int file);
        Mapping(Mapping&& other) noexcept;
        Mapping& operator=(Mapping&&) = delete;
        ~Mapping();

        std::span<std::byte> bytes() const { return bytes_; }
        bool lost() const { return guard_.lost(); }

      private:
        Mapping(void* start, std::size_t length, std::span<std::byte> bytes, MemoryGuard guard)
            : start_(start), length_(length), bytes_(bytes), guard_(std::move(guard)) {}

        void* start_;
        std::size_t length_;
        std::span<std::byte> bytes_;
        MemoryGuard guard_;
    };

    std::vector<Mapping> mappings_;
    MemoryTable table_;
};

}  // namespace vsockd
