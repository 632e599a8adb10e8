// What is in a ramdisk: one or several newc archives, each plain or compressed with gzip or zstd,
// with zeros between them, as the kernel unpacks them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "input.h"
#include "newc.h"

namespace eif {

struct RamdiskMember {
    NewcMember member;
    std::size_t archive = 0;                // which of the archives, from 0
    std::shared_ptr<const Input> contents;  // where member.content_offset counts
};

struct Ramdisk {
    std::vector<RamdiskMember> members;         // in the order of the ramdisk
    std::vector<std::string_view> compression;  // of each archive: none, gzip, zstd
};

// Compressed archives are unpacked to temporary files, no larger than this together.
inline constexpr std::uint64_t kMaximumUnpackedBytes = 64ULL << 30;

// Reads the range of an input. Content that is none of the above is an Error (data).
base::Result<Ramdisk> read_ramdisk(std::shared_ptr<const Input> input, std::uint64_t offset,
                                   std::uint64_t size);

}  // namespace eif
