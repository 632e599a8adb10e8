// Archive members to bytes and back, and archives that are broken at every byte.
#include "newc.h"

#include <catch2/catch_test_macros.hpp>

#include <cstring>

#include "base/text.h"

namespace {

base::Result<eif::NewcArchive> parse(std::string_view text, std::uint64_t offset = 0) {
    return eif::parse_newc(offset, text.size(), [text](std::uint64_t at, std::span<std::byte> to) {
        REQUIRE(at + to.size() <= text.size());
        std::memcpy(to.data(), text.data() + at, to.size());
        return base::Result<void>();
    });
}

std::string member(std::string_view name, std::string_view content, std::uint32_t mode = 0100644) {
    eif::NewcFields fields;
    fields.mode = mode;
    fields.size = static_cast<std::uint32_t>(content.size());
    std::string text = eif::encode_member(fields, name);
    text += content;
    text.append(eif::padding_of(content.size()), '\0');
    return text;
}

}  // namespace

TEST_CASE("a member's header is laid out as newc has it") {
    eif::NewcFields fields{.inode = 1,
                           .mode = 0100644,
                           .uid = 2,
                           .gid = 3,
                           .link_count = 1,
                           .mtime = 5,
                           .size = 0xFFFFFFFF};
    const std::string text = eif::encode_member(fields, "a");
    CHECK(text == std::string("070701"
                              "00000001"
                              "000081a4"
                              "00000002"
                              "00000003"
                              "00000001"
                              "00000005"
                              "ffffffff"
                              "00000000"
                              "00000000"
                              "00000000"
                              "00000000"
                              "00000002"
                              "00000000"
                              "a\0",
                              112));
}

TEST_CASE("what is written is read back, names with any byte included") {
    const std::string odd("new\nline \xFF");
    const std::string text =
        member(odd, "abcde") + member("d", "", 040755) + member(eif::kTrailer, "");
    const auto archive = parse(text).value();
    REQUIRE(archive.members.size() == 2);
    CHECK(archive.members[0].name == odd);
    CHECK(text.substr(archive.members[0].content_offset, 5) == "abcde");
    CHECK(archive.members[1].fields.mode == 040755);
    CHECK(archive.end_offset == text.size());
}

TEST_CASE("an archive that is cut anywhere is refused") {
    const std::string text = member("file", "content") + member(eif::kTrailer, "");
    for (std::size_t size = 0; size < text.size() - 3; ++size) {
        INFO(size);
        CHECK_FALSE(parse(std::string_view(text).substr(0, size)).ok());
    }
}

TEST_CASE("bad fields are named") {
    const auto broken = [](std::size_t offset, char value) {
        std::string text = member("file", "") + member(eif::kTrailer, "");
        text[offset] = value;
        const auto archive = parse(text);
        return archive.ok() ? std::string() : archive.error().message;
    };
    CHECK(broken(5, '7').starts_with("no archive member"));
    CHECK(broken(14, 'g').starts_with("archive field mode at 14"));
    CHECK(broken(94, 'f').starts_with("archive field namesize at 94"));
    CHECK(broken(101, '4').starts_with("archive name at 110"));
    CHECK(broken(54, 'f').find("cut off") != std::string::npos);
}
