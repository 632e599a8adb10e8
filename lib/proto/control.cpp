// Encoding and decoding of control frames.
#include "proto/control.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace proto::control {

namespace {

constexpr std::size_t kNumberBytes = 8;
constexpr std::size_t kMaximumField = 0xFFFF;

}  // namespace

FrameWriter::FrameWriter(std::span<std::byte> memory, Kind kind)
    : memory_(memory.first(std::min(memory.size(), kHeaderBytes + kMaximumPayload))) {
    ok_ = memory_.size() >= kHeaderBytes;
    if (!ok_) return;
    std::fill_n(memory_.begin(), kHeaderBytes, std::byte{0});
    memory_[4] = static_cast<std::byte>(kind);
}

std::size_t FrameWriter::room() const {
    const std::size_t taken = used_ + kFieldHeaderBytes;
    return taken < memory_.size() ? std::min(memory_.size() - taken, kMaximumField) : 0;
}

FrameWriter& FrameWriter::number(FieldId id, std::uint64_t value) {
    std::byte bytes[kNumberBytes];
    base::store_be(std::span(bytes), value);
    return text(id, base::as_text(bytes));
}

FrameWriter& FrameWriter::text(FieldId id, std::string_view value) {
    value = value.substr(0, kMaximumField);
    if (!ok_ || used_ + kFieldHeaderBytes + value.size() > memory_.size()) {
        ok_ = false;
        return *this;
    }
    memory_[used_] = static_cast<std::byte>(id);
    base::store_be(memory_.subspan(used_ + 1), static_cast<std::uint16_t>(value.size()));
    std::ranges::copy(base::as_bytes(value),
                      memory_.begin() + static_cast<std::ptrdiff_t>(used_ + kFieldHeaderBytes));
    used_ += kFieldHeaderBytes + value.size();
    return *this;
}

std::span<const std::byte> FrameWriter::finish() {
    if (memory_.size() < kHeaderBytes) return {};
    base::store_be(memory_, static_cast<std::uint32_t>(used_ - kHeaderBytes));
    return memory_.first(used_);
}

std::string_view Field::as_text() const {
    return base::as_text(value);
}

std::optional<std::uint64_t> Field::as_number() const {
    if (value.size() != kNumberBytes) return std::nullopt;
    return base::load_be<std::uint64_t>(value);
}

Field Frame::take_field(std::span<const std::byte>& rest) {
    const std::size_t length = base::load_be<std::uint16_t>(rest.subspan(1));
    const Field field{static_cast<FieldId>(rest[0]), rest.subspan(kFieldHeaderBytes, length)};
    rest = rest.subspan(kFieldHeaderBytes + length);
    return field;
}

std::optional<std::string_view> Frame::text(FieldId id) const {
    std::optional<std::string_view> found;
    for_each([&](const Field& field) {
        if (field.id == id && !found.has_value()) found = field.as_text();
    });
    return found;
}

std::optional<std::uint64_t> Frame::number(FieldId id) const {
    std::optional<std::uint64_t> found;
    for_each([&](const Field& field) {
        if (field.id == id && !found.has_value()) found = field.as_number();
    });
    return found;
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
    for (std::span<const std::byte> rest = payload; !rest.empty();) {
        if (rest.size() < kFieldHeaderBytes) return bad("payload: bytes behind the last field");
        const std::size_t field_length = base::load_be<std::uint16_t>(rest.subspan(1));
        if (rest.size() < kFieldHeaderBytes + field_length) {
            return bad("field: longer than the payload");
        }
        rest = rest.subspan(kFieldHeaderBytes + field_length);
    }
    decoded.outcome = Decoded::Outcome::frame;
    decoded.frame.kind_ = static_cast<Kind>(input[4]);
    decoded.frame.payload_ = payload;
    decoded.used_bytes = kHeaderBytes + length;
    return decoded;
}

}  // namespace proto::control
