// Encoding and decoding of pipeline's frames.
#include "proto/pipeline.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace proto::pipeline {

namespace {

enum class Content { fields, data, credit, nothing, unknown };

Content content_of(Kind kind) {
    switch (kind) {
        case Kind::hello:
        case Kind::welcome:
        case Kind::refused:
        case Kind::open:
        case Kind::opened:
        case Kind::event:
        case Kind::status:
        case Kind::reset: return Content::fields;
        case Kind::data:
        case Kind::ping:
        case Kind::pong: return Content::data;
        case Kind::window: return Content::credit;
        case Kind::end: return Content::nothing;
    }
    return Content::unknown;
}

bool of_connection(Kind kind) {
    return kind < Kind::open;
}

// Why a header cannot be; empty when it can.
std::string_view fault_of(const Header& header) {
    const Content content = content_of(header.kind);
    if (content == Content::unknown) return "kind: none that is known";
    if (header.length > kMaximumPayload) return "length: over the limit";
    if (of_connection(header.kind) != (header.stream == 0)) {
        return "stream: not one that this kind of frame can have";
    }
    if (header.channel > 1) return "channel: neither 0 nor 1";
    if (header.channel == 1 && header.kind != Kind::data && header.kind != Kind::end) {
        return "channel: not 0";
    }
    if (content == Content::credit && header.length != 4) return "length: window has not 4 bytes";
    if (content == Content::nothing && header.length != 0) return "length: end has a payload";
    if (header.kind == Kind::data && header.length == 0) return "length: data without bytes";
    return {};
}

}  // namespace

void put_header(std::span<std::byte> memory, const Header& header) {
    memory[0] = static_cast<std::byte>(header.kind);
    memory[1] = std::byte{header.channel};
    base::store_be(memory.subspan(2), header.stream);
    base::store_be(memory.subspan(4), header.length);
}

Payload& Payload::number(FieldId id, std::uint64_t value) {
    std::byte number[8];
    base::store_be(std::span(number), value);
    return bytes(id, number);
}

Payload& Payload::text(FieldId id, std::string_view value) {
    return bytes(id, base::as_bytes(value));
}

Payload& Payload::bytes(FieldId id, std::span<const std::byte> value) {
    value = value.first(std::min(value.size(), kMaximumFieldBytes));
    std::size_t used = bytes_.size();
    bytes_.resize(used + kFieldHeaderBytes + value.size());
    put_field(bytes_, used, static_cast<std::uint8_t>(id), value);
    return *this;
}

Decoded decode(std::span<const std::byte> input) {
    Decoded decoded;
    const auto bad = [&decoded](std::string_view why) {
        decoded.outcome = Decoded::Outcome::bad;
        decoded.bad_because = why;
        return decoded;
    };
    if (input.size() < kHeaderBytes) return decoded;
    Header header;
    header.kind = static_cast<Kind>(input[0]);
    header.channel = std::to_integer<std::uint8_t>(input[1]);
    header.stream = base::load_be<std::uint16_t>(input.subspan(2));
    header.length = base::load_be<std::uint32_t>(input.subspan(4));
    if (const std::string_view why = fault_of(header); !why.empty()) return bad(why);
    if (input.size() < kHeaderBytes + header.length) return decoded;

    const std::span<const std::byte> payload = input.subspan(kHeaderBytes, header.length);
    if (content_of(header.kind) == Content::fields) {
        if (const std::string_view why = bad_fields(payload); !why.empty()) return bad(why);
        decoded.frame.fields = Fields(payload);
    }
    if (header.kind == Kind::window) {
        const std::uint32_t credit = base::load_be<std::uint32_t>(payload);
        if (credit == 0 || credit > kMaximumWindow) return bad("window: not from 1 to the limit");
    }
    decoded.outcome = Decoded::Outcome::frame;
    decoded.frame.header = header;
    decoded.frame.payload = payload;
    decoded.used_bytes = kHeaderBytes + header.length;
    return decoded;
}

}  // namespace proto::pipeline
