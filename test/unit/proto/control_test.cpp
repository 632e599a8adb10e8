// Control frames: what is written is read back, and every other input is need-more or bad.
#include "proto/control.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "base/text.h"

using proto::control::decode;
using proto::control::Decoded;
using proto::control::Field;
using proto::control::FieldId;
using proto::control::FrameWriter;
using proto::control::Kind;

namespace {

std::vector<std::byte> bytes(std::string_view hex) {
    return base::from_hex(hex).value();
}

}  // namespace

TEST_CASE("a frame is read back as it was written") {
    std::array<std::byte, 256> memory{};
    FrameWriter writer(memory, Kind::service);
    writer.text(FieldId::name, "web").number(FieldId::pid, 4711).text(FieldId::after, "a");
    writer.text(FieldId::after, "").text(FieldId::after, "b");
    REQUIRE(writer.ok());
    const auto frame_bytes = writer.finish();

    const Decoded decoded = decode(frame_bytes);
    REQUIRE(decoded.outcome == Decoded::Outcome::frame);
    CHECK(decoded.used_bytes == frame_bytes.size());
    CHECK(decoded.frame.kind() == Kind::service);
    CHECK(decoded.frame.text(FieldId::name) == "web");
    CHECK(decoded.frame.number(FieldId::pid) == 4711);
    CHECK_FALSE(decoded.frame.text(FieldId::reason).has_value());
    CHECK_FALSE(decoded.frame.number(FieldId::name).has_value());
    std::vector<std::string> after;
    decoded.frame.for_each([&](const Field& field) {
        if (field.id == FieldId::after) after.emplace_back(field.as_text());
    });
    CHECK(after == std::vector<std::string>{"a", "", "b"});
}

TEST_CASE("the bytes on the wire are those of the page") {
    std::array<std::byte, 64> memory{};
    FrameWriter writer(memory, Kind::hello);
    writer.number(FieldId::minimum_version, 1).number(FieldId::current_version, 2);
    CHECK(base::to_hex(writer.finish()) ==
          "0000001601000000"
          "0100080000000000000001"
          "0200080000000000000002");
}

TEST_CASE("every shorter input needs more") {
    std::array<std::byte, 64> memory{};
    FrameWriter writer(memory, Kind::status);
    const auto whole = writer.text(FieldId::name, "database").finish();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CHECK(decode(whole.first(size)).outcome == Decoded::Outcome::need_more);
    }
    std::vector<std::byte> longer(whole.begin(), whole.end());
    longer.push_back(std::byte{0});
    CHECK(decode(longer).used_bytes == whole.size());
}

TEST_CASE("bad frames are refused with the field at fault") {
    const auto reason = [](std::string_view hex) {
        const Decoded decoded = decode(bytes(hex));
        CHECK(decoded.outcome == Decoded::Outcome::bad);
        return decoded.bad_because;
    };
    CHECK(reason("0000400103000000").starts_with("length"));
    CHECK(reason("ffffffff03000000").starts_with("length"));
    CHECK(reason("0000000003010000").starts_with("header"));
    CHECK(reason("0000000003000001").starts_with("header"));
    CHECK(reason("00000002030000000300").starts_with("payload"));
    CHECK(reason("0000000303000000030001").starts_with("field"));
    CHECK(reason("000000040300000003ffff61").starts_with("field"));
}

TEST_CASE("what does not fit is left out and said") {
    std::array<std::byte, 24> memory{};
    FrameWriter writer(memory, Kind::log);
    CHECK(writer.room() == 13);
    writer.text(FieldId::text, "0123456789");
    CHECK(writer.ok());
    CHECK(writer.room() == 0);
    writer.text(FieldId::text, "x");
    CHECK_FALSE(writer.ok());
    const Decoded decoded = decode(writer.finish());
    REQUIRE(decoded.outcome == Decoded::Outcome::frame);
    CHECK(decoded.frame.text(FieldId::text) == "0123456789");

    std::array<std::byte, 4> tiny{};
    CHECK_FALSE(FrameWriter(tiny, Kind::log).ok());
    CHECK(FrameWriter(tiny, Kind::log).finish().empty());
}

TEST_CASE("no writer makes a frame over the limit") {
    std::vector<std::byte> memory(100'000);
    FrameWriter writer(memory, Kind::log);
    CHECK(writer.room() == proto::control::kMaximumPayload - proto::kFieldHeaderBytes);
    writer.text(FieldId::text, std::string(writer.room(), 'x'));
    REQUIRE(writer.ok());
    CHECK(decode(writer.finish()).outcome == Decoded::Outcome::frame);
    CHECK_FALSE(writer.text(FieldId::text, "").ok());
}
