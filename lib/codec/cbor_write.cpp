// The writer: libcbor encodes heads, each in its shortest form.
#include <cbor.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "codec/cbor.h"

namespace codec::cbor {

// `encode` fills a buffer that holds the longest head and returns how much it used.
template <typename Encode>
Writer& Writer::head(Encode encode) {
    std::array<unsigned char, 9> buffer{};
    const std::size_t size = encode(buffer.data(), buffer.size());
    return encoded(std::as_bytes(std::span(buffer).first(size)));
}

Writer& Writer::unsigned_integer(std::uint64_t number) {
    return head([&](auto* to, auto room) { return cbor_encode_uint(number, to, room); });
}

Writer& Writer::integer(std::int64_t number) {
    if (number >= 0) return unsigned_integer(static_cast<std::uint64_t>(number));
    const auto argument = static_cast<std::uint64_t>(-1 - number);
    return head([&](auto* to, auto room) { return cbor_encode_negint(argument, to, room); });
}

Writer& Writer::bytes(std::span<const std::byte> content) {
    head([&](auto* to, auto room) {
        return cbor_encode_bytestring_start(content.size(), to, room);
    });
    return encoded(content);
}

Writer& Writer::text(std::string_view content) {
    head([&](auto* to, auto room) { return cbor_encode_string_start(content.size(), to, room); });
    return encoded(base::as_bytes(content));
}

Writer& Writer::array(std::size_t count) {
    return head([&](auto* to, auto room) { return cbor_encode_array_start(count, to, room); });
}

Writer& Writer::map(std::size_t pairs) {
    return head([&](auto* to, auto room) { return cbor_encode_map_start(pairs, to, room); });
}

Writer& Writer::tag(std::uint64_t number) {
    return head([&](auto* to, auto room) { return cbor_encode_tag(number, to, room); });
}

Writer& Writer::boolean(bool value) {
    return head([&](auto* to, auto room) { return cbor_encode_bool(value, to, room); });
}

Writer& Writer::null() {
    return head([](auto* to, auto room) { return cbor_encode_null(to, room); });
}

Writer& Writer::encoded(std::span<const std::byte> item) {
    out_.insert(out_.end(), item.begin(), item.end());
    return *this;
}

}  // namespace codec::cbor
