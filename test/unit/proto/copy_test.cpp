// Copy records: what is written is read back, every other input is need-more or bad, and the
// vectors are of the class that their names say.
#include "proto/copy.h"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace copy = proto::copy;
using copy::decode;
using copy::Decoded;

namespace {

std::vector<std::byte> encoded(const copy::Record& record) {
    std::vector<std::byte> bytes;
    copy::encode(record, bytes);
    return bytes;
}

const copy::Time kTime{-5, 999'999'999};

std::vector<copy::Record> all_kinds() {
    copy::DigestBytes digest;
    digest.fill(std::byte{7});
    copy::Totals totals{1, 2, 3, digest};
    return {copy::Begin{1, copy::Shape::part, true, true},
            copy::Root{07777, kTime},
            copy::Folder{0755, kTime, "folder"},
            copy::Leave{},
            copy::File{0644, kTime, copy::kMaximumSize, "file", true, true, false, true},
            copy::From{5},
            copy::Hole{copy::kMaximumHole},
            copy::FileEnd{9, digest},
            copy::Link{kTime, "../target", "link"},
            copy::HardLink{"a/b", "hard"},
            copy::Owner{1, 2},
            copy::Xattr{"user.x", "value"},
            copy::Failed{13, copy::Operation::open, ""},
            copy::End{totals},
            copy::Have{1, 2, digest},
            copy::Skip{3},
            copy::Refused{4, 28, copy::Operation::write, "a/b"},
            copy::Stop{28, copy::Operation::write, ""},
            copy::Done{totals}};
}

}  // namespace

TEST_CASE("every copy record is read back as it was written, and needs all its bytes") {
    for (const copy::Record& record : all_kinds()) {
        const auto bytes = encoded(record);
        INFO(static_cast<int>(copy::kind_of(record)));
        const Decoded decoded = decode(bytes);
        INFO(decoded.bad_because);
        REQUIRE(decoded.outcome == Decoded::Outcome::record);
        CHECK(decoded.used_bytes == bytes.size());
        CHECK(copy::kind_of(decoded.record) == copy::kind_of(record));
        CHECK(encoded(decoded.record) == bytes);
        CHECK(copy::wanted_bytes(bytes) == bytes.size());
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            CHECK(decode(std::span(bytes).first(size)).outcome == Decoded::Outcome::need_more);
        }
    }
}

TEST_CASE("of a data record only the header is decoded") {
    auto bytes = encoded(copy::Data{copy::kMaximumData});
    REQUIRE(bytes.size() == copy::kHeaderBytes);
    const Decoded decoded = decode(bytes);
    REQUIRE(decoded.outcome == Decoded::Outcome::record);
    CHECK(std::get<copy::Data>(decoded.record).length == copy::kMaximumData);
    CHECK(decoded.used_bytes == copy::kHeaderBytes);
}

TEST_CASE("the bytes of a copy are those of the page") {
    CHECK(base::to_hex(encoded(copy::Begin{1, copy::Shape::tree, true, false})) ==
          "0000000801010000"
          "4542435000010100");
    CHECK(base::to_hex(encoded(copy::Folder{0755, {1, 2}, "d"})) ==
          "0000001103000000"
          "000001ed000000000000000100000002"
          "64");
    CHECK(base::to_hex(encoded(copy::HardLink{"a", "b"})) ==
          "000000040b000000000161"
          "62");
}

TEST_CASE("no length makes a reader hold more than the limit") {
    for (unsigned kind = 0; kind < 256; ++kind) {
        std::vector<std::byte> header = encoded(copy::Leave{});
        for (std::size_t at = 0; at < 4; ++at)
            header[at] = std::byte{0xff};
        header[4] = static_cast<std::byte>(kind);
        CHECK(decode(header).outcome == Decoded::Outcome::bad);
        CHECK(copy::wanted_bytes(header) == copy::kHeaderBytes);
    }
}

TEST_CASE("names and paths") {
    for (const char* good : {"a", "...", "-", " ", "\xff", "..a"})
        CHECK(copy::is_name(good));
    for (const char* wrong : {"", ".", "..", "a/b", "/"})
        CHECK_FALSE(copy::is_name(wrong));
    CHECK(copy::is_path("a/b/c"));
    for (const char* wrong : {"", "/a", "a/", "a//b", "a/../b", "./a"}) {
        CHECK_FALSE(copy::is_path(wrong));
    }
}

TEST_CASE("every copy vector is of the class that its name says") {
    std::size_t seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(VECTORS "/copy")) {
        INFO(entry.path().filename().string());
        const auto text = base::read_file(entry.path().string(), 1 << 20);
        REQUIRE(text.ok());
        std::span<const std::byte> rest = base::as_bytes(text.value());
        auto outcome = Decoded::Outcome::record;
        while (!rest.empty() && outcome == Decoded::Outcome::record) {
            const Decoded decoded = decode(rest);
            outcome = decoded.outcome;
            if (outcome != Decoded::Outcome::record) break;
            rest = rest.subspan(decoded.used_bytes);
            if (const auto* data = std::get_if<copy::Data>(&decoded.record)) {
                rest = rest.subspan(data->length);
            }
        }
        const bool ok = entry.path().extension() == ".ok";
        CHECK(outcome == (ok ? Decoded::Outcome::record : Decoded::Outcome::bad));
        ++seen;
    }
    CHECK(seen >= 40);
}
