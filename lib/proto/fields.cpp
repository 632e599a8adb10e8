// Encoding and decoding of fields.
#include "proto/fields.h"

#include <algorithm>

#include "base/bytes.h"

namespace proto {

std::string_view bad_fields(std::span<const std::byte> payload) {
    while (!payload.empty()) {
        if (payload.size() < kFieldHeaderBytes) return "payload: bytes behind the last field";
        const std::size_t length = base::load_be<std::uint16_t>(payload.subspan(1));
        if (payload.size() < kFieldHeaderBytes + length) return "field: longer than the payload";
        payload = payload.subspan(kFieldHeaderBytes + length);
    }
    return {};
}

RawField take_field(std::span<const std::byte>& payload) {
    const std::size_t length = base::load_be<std::uint16_t>(payload.subspan(1));
    const RawField field{std::to_integer<std::uint8_t>(payload[0]),
                         payload.subspan(kFieldHeaderBytes, length)};
    payload = payload.subspan(kFieldHeaderBytes + length);
    return field;
}

bool put_field(std::span<std::byte> memory, std::size_t& used, std::uint8_t id,
               std::span<const std::byte> value) {
    if (value.size() > kMaximumFieldBytes) return false;
    if (used + kFieldHeaderBytes + value.size() > memory.size()) return false;
    memory[used] = std::byte{id};
    base::store_be(memory.subspan(used + 1), static_cast<std::uint16_t>(value.size()));
    std::ranges::copy(value,
                      memory.begin() + static_cast<std::ptrdiff_t>(used + kFieldHeaderBytes));
    used += kFieldHeaderBytes + value.size();
    return true;
}

bool put_number(std::span<std::byte> memory, std::size_t& used, std::uint8_t id,
                std::uint64_t value) {
    std::byte bytes[8];
    base::store_be(std::span(bytes), value);
    return put_field(memory, used, id, bytes);
}

}  // namespace proto
