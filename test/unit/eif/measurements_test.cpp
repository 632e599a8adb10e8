// PCRs against the published vectors, and the JSON around them.
#include "measurements.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

#include "base/text.h"
#include "hash_team.h"

using eif::Measurements;
using eif::SectionType;

namespace {

constexpr std::string_view kEmptyPcr2 =
    "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c"
    "10edb30948c90ba67310f7b964fc500a";

// Feeds sections in blocks of `block` bytes.
Measurements measure(std::vector<std::pair<SectionType, std::string>> sections,
                     std::size_t block = 1 << 20) {
    eif::HashTeam team;
    REQUIRE(team.start().ok());
    for (const auto& [type, content] : sections) {
        for (std::size_t done = 0; done < content.size();) {
            const std::span<std::byte> room = team.buffer();
            const std::size_t size = std::min({block, room.size(), content.size() - done});
            std::ranges::copy(base::as_bytes(std::string_view(content).substr(done, size)),
                              room.begin());
            team.submit(type, size);
            done += size;
        }
        team.end_section(type);
    }
    return team.finish().value();
}

}  // namespace

TEST_CASE("the measurements are those of the vendor's vectors") {
    const Measurements measured = measure({{SectionType::kernel, "K"},
                                           {SectionType::cmdline, "C"},
                                           {SectionType::metadata, "{}"},
                                           {SectionType::ramdisk, "R0"},
                                           {SectionType::ramdisk, "R1"}});
    CHECK(base::to_hex(measured.pcr0) ==
          "d0bc287bd9ac6a710dc6a562f4af1862c57a3b88993cf18c1a435051c33f56ed"
          "7a97d74ad4b4681164fb79570a1cc77e");
    CHECK(base::to_hex(measured.pcr1) ==
          "1581c5e5836004b0a7704ea9890bc9c9e3f611a362a16244e45123faf0c8695a"
          "ad4601be4e81dccdd2cab5e1c95e8826");
    CHECK(base::to_hex(measured.pcr2) ==
          "ce0dc93d7b5412312ec312a0c77d7b946a9e9969183cab4b6bec4a4a3a5c9bc1"
          "280b8b864cb0d1494588d292c5b4832c");
}

TEST_CASE("with one ramdisk PCR0 is PCR1 and PCR2 is that of nothing") {
    const Measurements measured = measure(
        {{SectionType::kernel, "K"}, {SectionType::cmdline, "C"}, {SectionType::ramdisk, "R0"}});
    CHECK(measured.pcr0 == measured.pcr1);
    CHECK(base::to_hex(measured.pcr2) == kEmptyPcr2);
}

TEST_CASE("text extends a register directly, as for the instance id in PCR4") {
    CHECK(base::to_hex(eif::extend_from_zero(base::as_bytes("i-1234567890abcdef0")).value()) ==
          "08f996b5d43e047a9eb51e7f548bfee7e164fd7dc8f65541f2ac09d6545ac812"
          "719327281c401a67a10fcba87ae79ce0");
}

TEST_CASE("the size of blocks does not change what is measured") {
    std::string large(3'000'000, 'x');
    for (std::size_t index = 0; index < large.size(); index += 7) {
        large[index] = static_cast<char>(index % 251);
    }
    const auto sections =
        std::vector<std::pair<SectionType, std::string>>{{SectionType::kernel, "K"},
                                                         {SectionType::cmdline, ""},
                                                         {SectionType::ramdisk, large},
                                                         {SectionType::ramdisk, "second"},
                                                         {SectionType::ramdisk, large}};
    const Measurements whole = measure(sections);
    CHECK(whole == measure(sections, 4096));
    CHECK(whole == measure(sections, 12'345));
}

TEST_CASE("what is printed is read as expectation") {
    Measurements measured = measure({{SectionType::kernel, "K"}, {SectionType::ramdisk, "R"}});
    measured.pcr8 = eif::Pcr{};
    const auto expected = eif::parse_expectations(eif::to_text(measured)).value();
    CHECK(expected.size() == 4);
    CHECK(eif::compare(measured, expected).empty());
    measured.pcr2[47] ^= std::byte{1};
    const auto differences = eif::compare(measured, expected);
    REQUIRE(differences.size() == 1);
    CHECK(differences[0].starts_with("PCR2 is "));
}

TEST_CASE("an unsigned image does not pass for a signed one") {
    Measurements measured = measure({{SectionType::kernel, "K"}, {SectionType::ramdisk, "R"}});
    measured.pcr8 = eif::extend_from_zero(base::as_bytes("certificate")).value();
    const auto expected = eif::parse_expectations(eif::to_text(measured)).value();
    measured.pcr8.reset();
    CHECK(eif::compare(measured, expected).size() == 1);
}

TEST_CASE("expectations that cannot be held are refused") {
    for (const std::string_view text :
         {"{}", "[]", "{\"Measurements\":{}}", "{\"PCR0\":\"00\"}", "{\"PCR0\":1}",
          "{\"PCR\":\"\"}", "{\"HashAlgorithm\":\"Sha256\"}", "nonsense"}) {
        INFO(text);
        CHECK_FALSE(eif::parse_expectations(text).ok());
    }
    const std::string zeros(96, '0');
    CHECK(eif::parse_expectations("{\"PCR0\":\"" + zeros + "\"}").ok());
    CHECK_FALSE(eif::parse_expectations("{\"PCR3\":\"" + zeros + "\"}").ok());
    CHECK_FALSE(
        eif::parse_expectations("{\"HashAlgorithm\":\"Sha512\",\"PCR0\":\"" + zeros + "\"}").ok());
}
