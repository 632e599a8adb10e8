// Frames as JSON.
#include "fields.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <limits>

using namespace proto::control;

TEST_CASE("a service becomes an object with flags, lists and numbers, without unknown fields") {
    std::array<std::byte, 512> memory{};
    FrameWriter writer(memory, Kind::service);
    writer.text(FieldId::name, "web").number(FieldId::enabled, 1).number(FieldId::critical, 0);
    writer.text(FieldId::needed, "a").text(static_cast<FieldId>(250), "?");
    writer.text(FieldId::needed, "b").number(FieldId::pid, 12);
    const Decoded decoded = decode(writer.finish());
    REQUIRE(decoded.outcome == Decoded::Outcome::frame);
    CHECK(codec::json::write(initctl::to_json(decoded.frame)) ==
          R"({"name":"web","pid":12,"enabled":true,"critical":false,"needed":["a","b"]})");
}

TEST_CASE("a number that JSON cannot hold becomes the largest it can") {
    std::array<std::byte, 64> memory{};
    FrameWriter writer(memory, Kind::process);
    writer.number(FieldId::pid, std::numeric_limits<std::uint64_t>::max());
    const codec::json::Value object = initctl::to_json(decode(writer.finish()).frame);
    CHECK(initctl::number_of(object, "pid") ==
          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
}

TEST_CASE("a field of the wrong shape and a missing one read as nothing") {
    std::array<std::byte, 64> memory{};
    FrameWriter writer(memory, Kind::process);
    writer.text(FieldId::pid, "12");
    const codec::json::Value object = initctl::to_json(decode(writer.finish()).frame);
    CHECK(object.find("pid") == nullptr);
    CHECK(initctl::number_of(object, "pid") == 0);
    CHECK(initctl::text_of(object, "name").empty());
}
