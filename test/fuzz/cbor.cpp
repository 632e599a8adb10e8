// What the CBOR reader accepts lies where it says, can be written again, and then reads the same.
#include "codec/cbor.h"

#include <cstdlib>

namespace {

using codec::cbor::Entry;
using codec::cbor::Range;
using codec::cbor::Value;
using codec::cbor::Writer;

void require(bool condition) {
    if (!condition) std::abort();
}

// False for an integer below int64, which the writer has no form for.
bool encode(const Value& value, Writer& writer) {
    static constexpr std::byte kUndefined[] = {std::byte{0xF7}};
    bool whole = true;
    switch (value.kind()) {
        case Value::Kind::unsigned_integer: writer.unsigned_integer(*value.as_unsigned()); break;
        case Value::Kind::negative_integer:
            if (!value.as_integer()) return false;
            writer.integer(*value.as_integer());
            break;
        case Value::Kind::bytes: writer.bytes(*value.as_bytes()); break;
        case Value::Kind::text: writer.text(*value.as_text()); break;
        case Value::Kind::boolean: writer.boolean(*value.as_bool()); break;
        case Value::Kind::null: writer.null(); break;
        case Value::Kind::undefined: writer.encoded(kUndefined); break;
        case Value::Kind::tag:
            writer.tag(*value.tag_number());
            return encode(*value.tagged(), writer);
        case Value::Kind::array:
            writer.array(value.as_array()->size());
            for (const Value& member : *value.as_array())
                whole = encode(member, writer) && whole;
            break;
        case Value::Kind::map:
            writer.map(value.as_map()->size());
            for (const Entry& entry : *value.as_map()) {
                whole = encode(entry.key, writer) && whole;
                whole = encode(entry.value, writer) && whole;
            }
            break;
    }
    return whole;
}

// Every item lies within the one around it, and after the one before it.
void check_places(const Value& value) {
    const std::size_t end = value.source().offset_bytes + value.source().size_bytes;
    std::size_t at = value.source().offset_bytes + 1;
    const auto member = [&](const Value& inner) {
        require(inner.source().offset_bytes >= at);
        at = inner.source().offset_bytes + inner.source().size_bytes;
        require(at <= end);
        check_places(inner);
    };
    if (value.tagged() != nullptr) member(*value.tagged());
    if (const auto* members = value.as_array()) {
        for (const Value& each : *members)
            member(each);
    }
    if (const auto* entries = value.as_map()) {
        for (const Entry& entry : *entries) {
            member(entry.key);
            member(entry.value);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span(data, size));
    const auto parsed = codec::cbor::parse(input);
    if (!parsed.ok()) return 0;
    require(parsed.value().source() == Range{0, size});
    check_places(parsed.value());
    std::vector<std::byte> once;
    Writer first(once);
    if (!encode(parsed.value(), first)) return 0;
    // With 256 members and more, a head with a break is the shorter one.
    const codec::cbor::Limits definite{.allow_indefinite = false};
    if (codec::cbor::parse(input, definite).ok()) require(once.size() <= size);
    const auto again = codec::cbor::parse(once, definite);
    require(again.ok());
    std::vector<std::byte> twice;
    Writer second(twice);
    require(encode(again.value(), second));
    require(once == twice);
    return 0;
}
