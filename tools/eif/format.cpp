// Encoding and decoding of EIF headers, and the rules on which sections there are.
#include "format.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/format.h"

namespace eif {

namespace {

constexpr std::uint32_t kMagic = 0x2e656966;

enum Offset : std::size_t {
    at_magic = 0x000,
    at_version = 0x004,
    at_flags = 0x006,
    at_memory = 0x008,
    at_cpus = 0x010,
    at_reserved = 0x018,
    at_section_count = 0x01a,
    at_offsets = 0x01c,
    at_sizes = 0x11c,
    at_unused = 0x21c,
};

base::Error bad_field(std::size_t offset, std::string_view field, std::string_view reason) {
    return base::Error::data(fmt::format("header field {} at 0x{:03x}: {}", field, offset, reason));
}

template <typename T>
T load(std::span<const std::byte> bytes, std::size_t offset) {
    return base::load_be<T>(bytes.subspan(offset));
}

template <typename T>
void store(std::span<std::byte> bytes, std::size_t offset, T value) {
    base::store_be<T>(bytes.subspan(offset), value);
}

void compare_tables(Image& image) {
    const Header& header = image.header;
    const auto fault = [&](std::size_t offset, std::string field, std::uint64_t stated,
                           std::uint64_t found) {
        if (stated == found) return;
        image.table_faults.push_back(fmt::format(
            "header field {} at 0x{:03x} says {}, but it is {}", field, offset, stated, found));
    };
    fault(at_section_count, "num_sections", header.section_count, image.sections.size());
    for (std::size_t index = 0; index < kMaximumSections; ++index) {
        const Section section = index < image.sections.size() ? image.sections[index] : Section{};
        fault(at_offsets + 8 * index, fmt::format("section_offsets[{}]", index),
              header.section_offsets[index], section.offset);
        fault(at_sizes + 8 * index, fmt::format("section_sizes[{}]", index),
              header.section_sizes[index], section.size);
    }
}

std::size_t count(const Image& image, SectionType type) {
    return static_cast<std::size_t>(
        std::count_if(image.sections.begin(), image.sections.end(),
                      [&](const Section& section) { return section.type == type; }));
}

base::Result<void> check_count(const Image& image, SectionType type, std::size_t least,
                               std::size_t most) {
    const std::size_t found = count(image, type);
    if (found < least) return base::Error::data(fmt::format("no {} section", name_of(type)));
    if (found > most) {
        return base::Error::data(
            fmt::format("{} {} sections, {} allowed", found, name_of(type), most));
    }
    return {};
}

base::Result<void> check_order(const Image& image) {
    TRY(check_count(image, SectionType::kernel, 1, 1));
    TRY(check_count(image, SectionType::cmdline, 1, 1));
    TRY(check_count(image, SectionType::ramdisk, 1, kMaximumSections));
    TRY(check_count(image, SectionType::signature, 0, 1));
    TRY(check_count(image, SectionType::metadata, image.header.version >= 4 ? 1 : 0, 1));
    const std::uint64_t kernel = image.find(SectionType::kernel)->offset;
    const std::uint64_t cmdline = image.find(SectionType::cmdline)->offset;
    const std::uint64_t ramdisk = image.find(SectionType::ramdisk)->offset;
    if (kernel > cmdline || cmdline > ramdisk) {
        return base::Error::data(fmt::format(
            "sections are out of order: kernel at {}, cmdline at {}, first ramdisk at {}; "
            "readers would measure them differently",
            kernel, cmdline, ramdisk));
    }
    return {};
}

base::Result<Section> decode_section(std::uint64_t offset, std::size_t index,
                                     std::uint64_t file_size, const ReadAt& read_at) {
    const auto bad = [&](std::string_view field, std::size_t at, std::string reason) {
        return base::Error::data(
            fmt::format("section {} header field {} at {}: {}", index, field, offset + at, reason));
    };
    if (file_size - offset < kSectionHeaderSize) {
        return base::Error::data(
            fmt::format("{} bytes behind the last section, at {}", file_size - offset, offset));
    }
    SectionHeaderBytes bytes{};
    TRY(read_at(offset, bytes));
    const auto type = load<std::uint16_t>(bytes, 0);
    const auto flags = load<std::uint16_t>(bytes, 2);
    const auto size = load<std::uint64_t>(bytes, 4);
    if (type == 0 || type > static_cast<std::uint16_t>(SectionType::metadata)) {
        return bad("type", 0, fmt::format("{} is not a known type", type));
    }
    if (flags != 0) return bad("flags", 2, fmt::format("0x{:04x} is not 0", flags));
    const std::uint64_t rest = file_size - offset - kSectionHeaderSize;
    if (size > rest) {
        return bad("size", 4, fmt::format("{} is more than the {} bytes left", size, rest));
    }
    const Section section{static_cast<SectionType>(type), offset, size};
    const std::uint64_t most = section.type == SectionType::signature  ? kMaximumSignatureBytes
                               : section.type == SectionType::metadata ? kMaximumMetadataBytes
                               : section.type == SectionType::cmdline  ? kMaximumCmdlineBytes
                                                                       : rest;
    if (size > most) {
        return bad("size", 4,
                   fmt::format("{} is more than the {} bytes a {} may have", size, most,
                               name_of(section.type)));
    }
    return section;
}

}  // namespace

std::string_view name_of(SectionType type) {
    switch (type) {
        case SectionType::invalid: break;
        case SectionType::kernel: return "kernel";
        case SectionType::cmdline: return "cmdline";
        case SectionType::ramdisk: return "ramdisk";
        case SectionType::signature: return "signature";
        case SectionType::metadata: return "metadata";
    }
    return "invalid";
}

const Section* Image::find(SectionType type) const {
    const auto found = std::find_if(sections.begin(), sections.end(),
                                    [&](const Section& section) { return section.type == type; });
    return found == sections.end() ? nullptr : &*found;
}

HeaderBytes encode(const Header& header) {
    HeaderBytes bytes{};
    store(bytes, at_magic, kMagic);
    store(bytes, at_version, header.version);
    store(bytes, at_flags, header.flags);
    store(bytes, at_memory, header.default_memory_bytes);
    store(bytes, at_cpus, header.default_cpu_count);
    store(bytes, at_section_count, header.section_count);
    for (std::size_t index = 0; index < kMaximumSections; ++index) {
        store(bytes, at_offsets + 8 * index, header.section_offsets[index]);
        store(bytes, at_sizes + 8 * index, header.section_sizes[index]);
    }
    store(bytes, kCrcOffset, header.crc32);
    return bytes;
}

SectionHeaderBytes encode_section_header(SectionType type, std::uint64_t size) {
    SectionHeaderBytes bytes{};
    store(bytes, 0, static_cast<std::uint16_t>(type));
    store(bytes, 4, size);
    return bytes;
}

base::Result<Header> decode_header(std::span<const std::byte, kHeaderSize> bytes) {
    if (load<std::uint32_t>(bytes, at_magic) != kMagic) {
        return bad_field(at_magic, "magic", "this is not an enclave image");
    }
    Header header;
    header.version = load<std::uint16_t>(bytes, at_version);
    header.flags = load<std::uint16_t>(bytes, at_flags);
    header.default_memory_bytes = load<std::uint64_t>(bytes, at_memory);
    header.default_cpu_count = load<std::uint64_t>(bytes, at_cpus);
    header.section_count = load<std::uint16_t>(bytes, at_section_count);
    for (std::size_t index = 0; index < kMaximumSections; ++index) {
        header.section_offsets[index] = load<std::uint64_t>(bytes, at_offsets + 8 * index);
        header.section_sizes[index] = load<std::uint64_t>(bytes, at_sizes + 8 * index);
    }
    header.crc32 = load<std::uint32_t>(bytes, kCrcOffset);
    if (header.version < 2 || header.version > kVersion) {
        return bad_field(at_version, "version",
                         fmt::format("{} is not supported (2 to {})", header.version, kVersion));
    }
    if ((header.flags & ~kFlagAarch64) != 0) {
        return bad_field(at_flags, "flags", fmt::format("unknown bits in 0x{:04x}", header.flags));
    }
    if (load<std::uint16_t>(bytes, at_reserved) != 0) {
        return bad_field(at_reserved, "reserved", "not 0");
    }
    if (header.section_count < 2 || header.section_count > kMaximumSections) {
        return bad_field(
            at_section_count, "num_sections",
            fmt::format("{} is not between 2 and {}", header.section_count, kMaximumSections));
    }
    if (load<std::uint32_t>(bytes, at_unused) != 0) return bad_field(at_unused, "unused", "not 0");
    return header;
}

base::Result<Image> read_layout(std::uint64_t file_size, const ReadAt& read_at) {
    if (file_size < kHeaderSize) {
        return base::Error::data(
            fmt::format("{} bytes are too few for an enclave image's header", file_size));
    }
    HeaderBytes bytes{};
    TRY(read_at(0, bytes));
    Image image;
    image.header = TRY(decode_header(bytes));
    for (std::uint64_t offset = kHeaderSize; offset < file_size;) {
        if (image.sections.size() == kMaximumSections) {
            return base::Error::data(
                fmt::format("more than {} sections, the next at {}", kMaximumSections, offset));
        }
        const Section section =
            TRY(decode_section(offset, image.sections.size(), file_size, read_at));
        image.sections.push_back(section);
        offset = section.payload_offset() + section.size;
    }
    TRY(check_order(image));
    compare_tables(image);
    return image;
}

void fill_tables(Header& header, std::span<const Section> sections) {
    header.section_count = static_cast<std::uint16_t>(sections.size());
    header.section_offsets.fill(0);
    header.section_sizes.fill(0);
    std::uint64_t offset = kHeaderSize;
    for (std::size_t index = 0; index < sections.size(); ++index) {
        header.section_offsets[index] = offset;
        header.section_sizes[index] = sections[index].size;
        offset += kSectionHeaderSize + sections[index].size;
    }
}

}  // namespace eif
