// The enclave image format (EIF): header, section table, section headers. Pure, no I/O.
//
// All integers big-endian, nothing is padded. The header:
//
//   offset  size field
//    0x000     4 magic             2e 65 69 66 (".eif")
//    0x004     2 version           2, 3 or 4; we write 4
//    0x006     2 flags             bit 0: aarch64; the rest 0
//    0x008     8 default_mem       bytes
//    0x010     8 default_cpus
//    0x018     2 reserved          0
//    0x01a     2 num_sections      2 to 32
//    0x01c   256 section_offsets   32 u64, of section headers from the start of the file
//    0x11c   256 section_sizes     32 u64, payload bytes
//    0x21c     4 unused            0
//    0x220     4 crc32             of everything else in the file
//
// Then each section follows: type u16, flags u16 (0), size u64, payload. One kind of reader walks
// these and ignores the tables, the other follows the tables: both must see the same sections.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace eif {

inline constexpr std::size_t kHeaderSize = 548;
inline constexpr std::size_t kSectionHeaderSize = 12;
inline constexpr std::size_t kMaximumSections = 32;
inline constexpr std::size_t kCrcOffset = 0x220;
inline constexpr std::uint16_t kVersion = 4;
inline constexpr std::uint16_t kFlagAarch64 = 1;
inline constexpr std::uint64_t kMaximumSignatureBytes = 32'768;  // the launcher's own limit
inline constexpr std::uint64_t kMaximumMetadataBytes = 1 << 20;  // DockerInfo can be long
inline constexpr std::uint64_t kMaximumCmdlineBytes = 4096;      // COMMAND_LINE_SIZE is 2048

enum class SectionType : std::uint16_t {
    invalid = 0,
    kernel = 1,
    cmdline = 2,
    ramdisk = 3,
    signature = 4,
    metadata = 5,
};

std::string_view name_of(SectionType type);

struct Header {
    std::uint16_t version = kVersion;
    std::uint16_t flags = 0;
    std::uint64_t default_memory_bytes = 1ULL << 30;
    std::uint64_t default_cpu_count = 2;
    std::uint16_t section_count = 0;
    std::array<std::uint64_t, kMaximumSections> section_offsets{};
    std::array<std::uint64_t, kMaximumSections> section_sizes{};
    std::uint32_t crc32 = 0;
};

struct Section {
    SectionType type = SectionType::invalid;
    std::uint64_t offset = 0;  // of the section header
    std::uint64_t size = 0;    // of the payload

    std::uint64_t payload_offset() const { return offset + kSectionHeaderSize; }
};

using HeaderBytes = std::array<std::byte, kHeaderSize>;
using SectionHeaderBytes = std::array<std::byte, kSectionHeaderSize>;

HeaderBytes encode(const Header& header);
SectionHeaderBytes encode_section_header(SectionType type, std::uint64_t size);

// Checks everything but the two tables and the CRC. Errors (data) name field and offset.
base::Result<Header> decode_header(std::span<const std::byte, kHeaderSize> bytes);

struct Image {
    Header header;
    std::vector<Section> sections;  // as the walker sees them
    // Where the tables say something else, as sentences that name field and offset. Images
    // signed in place by other tools have such faults; only a verifier must refuse them.
    std::vector<std::string> table_faults;

    const Section* find(SectionType type) const;  // the first one; nullptr when there is none
};

// Fills the span from the image at an offset; only ever asked for bytes inside the file.
using ReadAt = std::function<base::Result<void>(std::uint64_t offset, std::span<std::byte> to)>;

// Walks an image of `file_size` bytes: header, every section header, counts and order. After
// success kernel, cmdline and ramdisks stand in the order in which they are measured.
base::Result<Image> read_layout(std::uint64_t file_size, const ReadAt& read_at);

// Sets count, offsets and sizes for sections that follow each other from the header's end.
void fill_tables(Header& header, std::span<const Section> sections);

}  // namespace eif
