// Fields: how the control protocol and pipeline's frames carry named values. No I/O here.
//
//   offset size field   meaning
//        0    1 id      a number of the protocol's own list
//        1    2 length  bytes of the value, big-endian
//        3    n value   text without a terminating zero, bytes, or a number of 8 bytes, big-endian
//
// Fields fill a payload exactly. A reader passes over fields whose id it does not know. A repeated
// field is a list; where one is wanted, the first counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace proto {

inline constexpr std::size_t kFieldHeaderBytes = 3;
inline constexpr std::size_t kMaximumFieldBytes = 0xFFFF;

struct RawField {
    std::uint8_t id = 0;
    std::span<const std::byte> value;
};

// Why a payload is not a sequence of fields; empty when it is one.
std::string_view bad_fields(std::span<const std::byte> payload);

// The field at the front of a payload that bad_fields() has passed, which is shortened by it.
RawField take_field(std::span<const std::byte>& payload);

// Appends a field to memory of which `used` bytes are taken; false when it does not fit.
bool put_field(std::span<std::byte> memory, std::size_t& used, std::uint8_t id,
               std::span<const std::byte> value);
bool put_number(std::span<std::byte> memory, std::size_t& used, std::uint8_t id,
                std::uint64_t value);

template <typename Id>
struct Field {
    Id id{};
    std::span<const std::byte> value;

    std::string_view as_text() const {
        return {reinterpret_cast<const char*>(value.data()), value.size()};
    }
    // Nothing when the value has not 8 bytes.
    std::optional<std::uint64_t> as_number() const {
        if (value.size() != 8) return std::nullopt;
        std::uint64_t number = 0;
        for (const std::byte byte : value)
            number = number << 8 | std::to_integer<std::uint64_t>(byte);
        return number;
    }
};

// A payload that bad_fields() has passed. Borrows it.
template <typename Id>
class Fields {
  public:
    Fields() = default;
    explicit Fields(std::span<const std::byte> checked_payload) : payload_(checked_payload) {}

    // The first field with the id, if there is one of the right shape.
    std::optional<std::span<const std::byte>> bytes(Id id) const {
        for (std::span<const std::byte> rest = payload_; !rest.empty();) {
            const RawField field = take_field(rest);
            if (field.id == static_cast<std::uint8_t>(id)) return field.value;
        }
        return std::nullopt;
    }
    std::optional<std::string_view> text(Id id) const {
        const auto value = bytes(id);
        if (!value.has_value()) return std::nullopt;
        return Field<Id>{id, *value}.as_text();
    }
    std::optional<std::uint64_t> number(Id id) const {
        const auto value = bytes(id);
        if (!value.has_value()) return std::nullopt;
        return Field<Id>{id, *value}.as_number();
    }
    // Calls `visit(Field)` for every field, in order.
    template <typename Visit>
    void for_each(Visit visit) const {
        for (std::span<const std::byte> rest = payload_; !rest.empty();) {
            const RawField field = take_field(rest);
            visit(Field<Id>{static_cast<Id>(field.id), field.value});
        }
    }
    std::span<const std::byte> payload() const { return payload_; }

  private:
    std::span<const std::byte> payload_;
};

}  // namespace proto
