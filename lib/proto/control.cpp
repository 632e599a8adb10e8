// Encoding and decoding of control frames.
#include "proto/control.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace proto::control {

FrameWriter::FrameWriter(std::span<std::byte> memory, Kind kind)
    : memory_(memory.first(std::min(memory.size(), kHeaderBytes + kMaximumPayload))) {
    ok_ = memory_.size() >= kHeaderBytes;
    if (!ok_) return;
    std::fill_n(memory_.begin(), kHeaderBytes, std::byte{0});
    memory_[4] = static_cast<std::byte>(kind);
}

std::size_t FrameWriter::room() const {
    const std::size_t taken = used_ + kFieldHeaderBytes;
    return taken < memory_.size() ? std::min(memory_.size() - taken, kMaximumFieldBytes) : 0;
}

FrameWriter& FrameWriter::number(FieldId id, std::uint64_t value) {
    ok_ = ok_ && put_number(memory_, used_, static_cast<std::uint8_t>(id), value);
    return *this;
}

FrameWriter& FrameWriter::text(FieldId id, std::string_view value) {
    value = value.substr(0, kMaximumFieldBytes);
    ok_ = ok_ && put_field(memory_, used_, static_cast<std::uint8_t>(id), base::as_bytes(value));
    return *this;
}

std::span<const std::byte> FrameWriter::finish() {
    if (memory_.size() < kHeaderBytes) return {};
    base::store_be(memory_, static_cast<std::uint32_t>(used_ - kHeaderBytes));
    return memory_.first(used_);
}

Decoded decode(std::span<const std::byte> input) {
    Decoded decoded;
    const auto bad = [&decoded](std::string_view why) {
        decoded.outcome = Decoded::Outcome::bad;
        decoded.bad_because = why;
        return decoded;
    };
    if (input.size() < kHeaderBytes) return decoded;
    const std::size_t length = base::load_be<std::uint32_t>(input);
    if (length > kMaximumPayload) return bad("length: over the limit");
    for (std::size_t index = 5; index < kHeaderBytes; ++index) {
        if (input[index] != std::byte{0}) return bad("header: bytes 5 to 7 are not zero");
    }
    if (input.size() < kHeaderBytes + length) return decoded;
    const std::span<const std::byte> payload = input.subspan(kHeaderBytes, length);
    if (const std::string_view why = bad_fields(payload); !why.empty()) return bad(why);
    decoded.outcome = Decoded::Outcome::frame;
    decoded.frame.kind_ = static_cast<Kind>(input[4]);
    decoded.frame.fields_ = Fields<FieldId>(payload);
    decoded.used_bytes = kHeaderBytes + length;
    return decoded;
}

}  // namespace proto::control
