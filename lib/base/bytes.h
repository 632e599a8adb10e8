// Fixed-width integers in byte order, read from and written to spans whose size the caller knows.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace base {

// The first sizeof(T) bytes of `from`; the caller has checked that they are there.
template <std::unsigned_integral T>
constexpr T load_be(std::span<const std::byte> from) {
    T value = 0;
    for (std::size_t index = 0; index < sizeof(T); ++index) {
        value = static_cast<T>((value << 8) | std::to_integer<T>(from[index]));
    }
    return value;
}

template <>
constexpr std::uint8_t load_be<std::uint8_t>(std::span<const std::byte> from) {
    return std::to_integer<std::uint8_t>(from[0]);
}

template <std::unsigned_integral T>
constexpr T load_le(std::span<const std::byte> from) {
    T value = 0;
    for (std::size_t index = sizeof(T); index-- > 0;) {
        value = static_cast<T>((sizeof(T) > 1 ? value << 8 : 0) | std::to_integer<T>(from[index]));
    }
    return value;
}

template <std::unsigned_integral T>
constexpr void store_be(std::span<std::byte> to, T value) {
    for (std::size_t index = 0; index < sizeof(T); ++index) {
        to[index] = static_cast<std::byte>(value >> (8 * (sizeof(T) - 1 - index)));
    }
}

template <std::unsigned_integral T>
constexpr void store_le(std::span<std::byte> to, T value) {
    for (std::size_t index = 0; index < sizeof(T); ++index) {
        to[index] = static_cast<std::byte>(value >> (8 * index));
    }
}

}  // namespace base
