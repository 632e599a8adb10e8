// EIF headers and layouts, whole and broken, in memory.
#include "format.h"

#include <catch2/catch_test_macros.hpp>

#include <cstring>

#include "base/bytes.h"

using eif::Header;
using eif::Section;
using eif::SectionType;

namespace {

using Bytes = std::vector<std::byte>;

// An image whose sections hold `size` zero bytes each, tables right, checksum not.
Bytes make_image(std::span<const SectionType> types, std::size_t size = 3) {
    Header header;
    std::vector<Section> sections;
    for (const SectionType type : types)
        sections.push_back({type, 0, size});
    eif::fill_tables(header, sections);
    const eif::HeaderBytes encoded = eif::encode(header);
    Bytes bytes(encoded.begin(), encoded.end());
    for (const SectionType type : types) {
        const eif::SectionHeaderBytes section = eif::encode_section_header(type, size);
        bytes.insert(bytes.end(), section.begin(), section.end());
        bytes.resize(bytes.size() + size);
    }
    return bytes;
}

base::Result<eif::Image> read(const Bytes& bytes) {
    return eif::read_layout(bytes.size(), [&bytes](std::uint64_t offset, std::span<std::byte> to) {
        REQUIRE(offset + to.size() <= bytes.size());
        std::memcpy(to.data(), bytes.data() + offset, to.size());
        return base::Result<void>();
    });
}

constexpr SectionType kGood[] = {SectionType::kernel,   SectionType::cmdline,
                                 SectionType::metadata, SectionType::ramdisk,
                                 SectionType::ramdisk,  SectionType::signature};

void put(Bytes& bytes, std::size_t offset, std::uint64_t value) {
    base::store_be<std::uint64_t>(std::span(bytes).subspan(offset), value);
}

std::string why(const Bytes& bytes) {
    const auto image = read(bytes);
    REQUIRE_FALSE(image.ok());
    CHECK(image.error().code == base::ExitCode::data);
    return image.error().message;
}

}  // namespace

TEST_CASE("a header survives encoding and decoding") {
    Header header;
    header.flags = eif::kFlagAarch64;
    header.default_memory_bytes = 0x0102030405060708;
    header.default_cpu_count = 7;
    header.section_count = 3;
    header.section_offsets[31] = 99;
    header.section_sizes[0] = 98;
    header.crc32 = 0xcbf43926;
    const Header again = eif::decode_header(eif::encode(header)).value();
    CHECK(eif::encode(again) == eif::encode(header));
    CHECK(again.default_memory_bytes == header.default_memory_bytes);
    CHECK(again.crc32 == header.crc32);
}

TEST_CASE("both kinds of reader find the sections of a proper image") {
    const auto image = read(make_image(kGood)).value();
    CHECK(image.table_faults.empty());
    REQUIRE(image.sections.size() == 6);
    CHECK(image.sections[0].offset == eif::kHeaderSize);
    CHECK(image.sections[1].offset == eif::kHeaderSize + eif::kSectionHeaderSize + 3);
    CHECK(image.find(SectionType::signature)->type == SectionType::signature);
}

TEST_CASE("tables that disagree with the sections are named, field by field") {
    for (const std::size_t offset : {0x01cU, 0x11cU, 0x01cU + 8 * 31, 0x11cU + 8 * 6}) {
        Bytes bytes = make_image(kGood);
        put(bytes, offset, 12345);
        const auto image = read(bytes).value();
        REQUIRE(image.table_faults.size() == 1);
        CHECK(image.table_faults[0].find("says 12345") != std::string::npos);
    }
    Bytes bytes = make_image(kGood);
    bytes[0x01b] = std::byte{5};
    CHECK(read(bytes).value().table_faults[0].find("num_sections at 0x01a") != std::string::npos);
}

TEST_CASE("wrong header fields are refused by name and offset") {
    const auto broken = [](std::size_t offset, unsigned value) {
        Bytes bytes = make_image(kGood);
        bytes[offset] = static_cast<std::byte>(value);
        return why(bytes);
    };
    CHECK(broken(0x000, 'x').starts_with("header field magic at 0x000"));
    CHECK(broken(0x005, 0).starts_with("header field version at 0x004"));
    CHECK(broken(0x005, 1).starts_with("header field version at 0x004"));
    CHECK(broken(0x005, 5).starts_with("header field version at 0x004"));
    CHECK(broken(0x007, 2).starts_with("header field flags at 0x006"));
    CHECK(broken(0x018, 1).starts_with("header field reserved at 0x018"));
    CHECK(broken(0x01b, 1).starts_with("header field num_sections at 0x01a"));
    CHECK(broken(0x01b, 33).starts_with("header field num_sections at 0x01a"));
    CHECK(broken(0x21c, 1).starts_with("header field unused at 0x21c"));
    CHECK(broken(548 + 1, 0).starts_with("section 0 header field type at 548"));
    CHECK(broken(548 + 1, 6).starts_with("section 0 header field type at 548"));
    CHECK(broken(548 + 3, 1).starts_with("section 0 header field flags at 550"));
    CHECK(broken(548 + 4, 0xFF).starts_with("section 0 header field size at 552"));
}

TEST_CASE("counts and order of sections are held") {
    using enum SectionType;
    const auto refused = [](std::initializer_list<SectionType> types) {
        return why(make_image(std::vector<SectionType>(types)));
    };
    CHECK(refused({cmdline, metadata, ramdisk}) == "no kernel section");
    CHECK(refused({kernel, metadata, ramdisk}) == "no cmdline section");
    CHECK(refused({kernel, cmdline, metadata}) == "no ramdisk section");
    CHECK(refused({kernel, cmdline, ramdisk}) == "no metadata section");
    CHECK(refused({kernel, kernel, cmdline, metadata, ramdisk}).starts_with("2 kernel sections"));
    CHECK(refused({kernel, cmdline, metadata, ramdisk, signature, signature})
              .starts_with("2 signature sections"));
    CHECK(refused({cmdline, kernel, metadata, ramdisk}).starts_with("sections are out of order"));
    CHECK(refused({kernel, ramdisk, cmdline, metadata}).starts_with("sections are out of order"));
}

TEST_CASE("cut, padded and overfull images are refused") {
    const Bytes whole = make_image(kGood);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        INFO(size);
        const auto image = read(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)));
        // Cut between two ramdisks it is an image still, but not the one of its tables.
        CHECK((!image.ok() || !image->table_faults.empty()));
    }
    Bytes longer = whole;
    longer.push_back(std::byte{0});
    CHECK(why(longer).starts_with("1 bytes behind the last section"));
    std::vector<SectionType> many(kGood, kGood + 3);
    many.resize(33, SectionType::ramdisk);
    Bytes bytes = make_image(std::span(many).first(32));
    CHECK(read(bytes).ok());
    const eif::SectionHeaderBytes one_more = eif::encode_section_header(SectionType::ramdisk, 0);
    bytes.insert(bytes.end(), one_more.begin(), one_more.end());
    CHECK(why(bytes).starts_with("more than 32 sections"));
}

TEST_CASE("sizes near the end of the number range do not wrap around") {
    for (const std::uint64_t size : {~0ULL, ~0ULL - 11, ~0ULL - 560, 1ULL << 63}) {
        Bytes bytes = make_image(kGood);
        put(bytes, 552, size);
        CHECK(why(bytes).starts_with("section 0 header field size at 552"));
    }
}
