// The "newc" archive format of cpio(5), which the kernel unpacks from a ramdisk. Pure, no I/O.
//
// A member: 6 bytes magic "070701", 13 fields of 8 hexadecimal digits, the name with a NUL,
// padding to 4 bytes, content, padding to 4 bytes. A member named TRAILER!!! ends the archive.
// Magic "070702" is the same with a content sum in the last field, which nobody checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "format.h"

namespace eif {

inline constexpr std::size_t kNewcHeaderBytes = 110;
inline constexpr std::size_t kMaximumNameBytes = 4095;  // PATH_MAX with the NUL, as the kernel has
inline constexpr std::uint64_t kMaximumMemberBytes = 0xFFFFFFFF;  // eight digits
inline constexpr std::string_view kTrailer = "TRAILER!!!";

struct NewcFields {
    std::uint32_t inode = 0;
    std::uint32_t mode = 0;  // type and permissions as in stat(2)
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t link_count = 1;
    std::uint32_t mtime = 0;
    std::uint32_t size = 0;
    std::uint32_t device_major = 0;  // of the file system the member came from
    std::uint32_t device_minor = 0;
    std::uint32_t node_major = 0;  // of a device node itself
    std::uint32_t node_minor = 0;
};

// Header, name and padding; the content follows, then padding_of(size) zeros.
std::string encode_member(const NewcFields& fields, std::string_view name);
std::size_t padding_of(std::uint64_t size);

struct NewcMember {
    std::string name;
    NewcFields fields;
    std::uint64_t header_offset = 0;
    std::uint64_t content_offset = 0;
};

struct NewcArchive {
    std::vector<NewcMember> members;  // in the order of the archive, without the trailer
    std::uint64_t end_offset = 0;     // behind the trailer
};

inline constexpr std::size_t kMaximumMembers = 4'000'000;  // 1 GiB of names in memory at worst

// Whether an archive can start with these bytes.
bool is_newc(std::span<const std::byte> bytes);

// Parses one archive that starts at `offset` of something `size` bytes long. Errors (data) name
// the offset and the field.
base::Result<NewcArchive> parse_newc(std::uint64_t offset, std::uint64_t size,
                                     const ReadAt& read_at);

}  // namespace eif
