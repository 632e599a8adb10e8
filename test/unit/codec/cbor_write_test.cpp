// The CBOR writer: shortest heads, and the bytes of the RFC's examples.
#include <catch2/catch_test_macros.hpp>
#include <limits>

#include "base/text.h"
#include "cbor_examples.h"
#include "codec/cbor.h"

namespace cbor = codec::cbor;
using cbor_test::Example;
using cbor_test::hex;
using cbor_test::kDefinite;

namespace {

void encode(const cbor::Value& value, cbor::Writer& writer) {
    using Kind = cbor::Value::Kind;
    switch (value.kind()) {
        case Kind::unsigned_integer: writer.unsigned_integer(*value.as_unsigned()); break;
        case Kind::negative_integer: writer.integer(*value.as_integer()); break;
        case Kind::bytes: writer.bytes(*value.as_bytes()); break;
        case Kind::text: writer.text(*value.as_text()); break;
        case Kind::boolean: writer.boolean(*value.as_bool()); break;
        case Kind::null: writer.null(); break;
        case Kind::undefined: writer.encoded(hex("f7")); break;
        case Kind::tag:
            writer.tag(*value.tag_number());
            encode(*value.tagged(), writer);
            break;
        case Kind::array:
            writer.array(value.as_array()->size());
            for (const cbor::Value& member : *value.as_array())
                encode(member, writer);
            break;
        case Kind::map:
            writer.map(value.as_map()->size());
            for (const cbor::Entry& entry : *value.as_map()) {
                encode(entry.key, writer);
                encode(entry.value, writer);
            }
            break;
    }
}

}  // namespace

TEST_CASE("the writer gives back the bytes of the RFC's definite examples") {
    for (const Example& example : kDefinite) {
        std::vector<std::byte> out;
        cbor::Writer writer(out);
        encode(cbor::parse(hex(example.encoded)).value(), writer);
        CHECK(base::to_hex(out) == example.encoded);
    }
}

TEST_CASE("every head the writer makes is the shortest") {
    const auto written = [](auto act) {
        std::vector<std::byte> out;
        cbor::Writer writer(out);
        act(writer);
        return base::to_hex(out);
    };
    CHECK(written([](auto& to) { to.unsigned_integer(255); }) == "18ff");
    CHECK(written([](auto& to) { to.unsigned_integer(65'535); }) == "19ffff");
    CHECK(written([](auto& to) { to.unsigned_integer(65'536); }) == "1a00010000");
    CHECK(written([](auto& to) { to.unsigned_integer(1ULL << 32); }) == "1b0000000100000000");
    CHECK(written([](auto& to) { to.integer(std::numeric_limits<std::int64_t>::min()); }) ==
          "3b7fffffffffffffff");
    CHECK(written([](auto& to) { to.tag(18).null(); }) == "d2f6");
    CHECK(written([](auto& to) { to.tag(65'536).null(); }) == "da00010000f6");
    CHECK(written([](auto& to) { to.array(24); }) == "9818");
    CHECK(written([](auto& to) { to.map(256); }) == "b90100");
    CHECK(written([](auto& to) { to.bytes(std::vector<std::byte>(300)); }).starts_with("59012c00"));
    CHECK(written([](auto& to) { to.text(""); }) == "60");
}
