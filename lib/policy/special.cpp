// The table of special addresses. Sources: the IPv4 and IPv6 special-purpose address registries of
// IANA (RFC 6890), those for multicast and the deprecated site-local and IPv4-compatible forms, and
// the addresses of the EC2 metadata and container credential services.
#include "policy/special.h"

namespace policy {

using vsockio::IpAddress;
using vsockio::IpNetwork;

namespace {

constexpr IpNetwork v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d,
                       unsigned prefix) {
    return {IpAddress::v4(a, b, c, d), prefix};
}

constexpr IpNetwork v6(const std::array<std::uint16_t, 8>& groups, unsigned prefix) {
    return {IpAddress::v6(groups), prefix};
}

constexpr SpecialRange kRanges[] = {
    {v4(0, 0, 0, 0, 8), "this network"},
    {v4(0, 0, 0, 0, 32), "unspecified"},
    {v4(10, 0, 0, 0, 8), "private"},
    {v4(100, 64, 0, 0, 10), "carrier-grade NAT"},
    {v4(127, 0, 0, 0, 8), "loopback"},
    {v4(169, 254, 0, 0, 16), "link-local"},
    {v4(169, 254, 169, 254, 32), "instance metadata"},
    {v4(169, 254, 170, 2, 32), "container credentials"},
    {v4(169, 254, 170, 23, 32), "container credentials"},
    {v4(172, 16, 0, 0, 12), "private"},
    {v4(192, 0, 0, 0, 24), "protocol assignments"},
    {v4(192, 0, 0, 0, 29), "service continuity"},
    {v4(192, 0, 0, 8, 32), "dummy address"},
    {v4(192, 0, 0, 9, 32), "port control anycast"},
    {v4(192, 0, 0, 10, 32), "TURN anycast"},
    {v4(192, 0, 0, 170, 31), "NAT64 discovery"},
    {v4(192, 0, 2, 0, 24), "documentation"},
    {v4(192, 31, 196, 0, 24), "AS112"},
    {v4(192, 52, 193, 0, 24), "multicast tunnelling"},
    {v4(192, 88, 99, 0, 24), "6to4 relay"},
    {v4(192, 88, 99, 2, 32), "6a44 relay"},
    {v4(192, 168, 0, 0, 16), "private"},
    {v4(192, 175, 48, 0, 24), "AS112"},
    {v4(198, 18, 0, 0, 15), "benchmarking"},
    {v4(198, 51, 100, 0, 24), "documentation"},
    {v4(203, 0, 113, 0, 24), "documentation"},
    {v4(224, 0, 0, 0, 4), "multicast"},
    {v4(240, 0, 0, 0, 4), "reserved"},
    {v4(255, 255, 255, 255, 32), "broadcast"},
    // Global unicast is 2000::/3 alone; the next three are all of the rest.
    {v6({0}, 3), "reserved"},
    {v6({0x4000}, 2), "reserved"},
    {v6({0x8000}, 1), "reserved"},
    {v6({0}, 96), "IPv4-compatible", 12},
    {v6({0}, 128), "unspecified"},
    {v6({0, 0, 0, 0, 0, 0, 0, 1}, 128), "loopback"},
    {v6({0, 0, 0, 0, 0xFFFF, 0, 0, 0}, 96), "IPv4-translated", 12},
    {v6({0x64, 0xFF9B}, 96), "NAT64", 12},
    {v6({0x64, 0xFF9B, 1}, 48), "local NAT64"},
    {v6({0x100}, 64), "discard"},
    {v6({0x100, 0, 0, 1}, 64), "dummy prefix"},
    {v6({0x2001}, 23), "protocol assignments"},
    {v6({0x2001}, 32), "Teredo"},
    {v6({0x2001, 1, 0, 0, 0, 0, 0, 1}, 128), "port control anycast"},
    {v6({0x2001, 1, 0, 0, 0, 0, 0, 2}, 128), "TURN anycast"},
    {v6({0x2001, 1, 0, 0, 0, 0, 0, 3}, 128), "service registration anycast"},
    {v6({0x2001, 2}, 48), "benchmarking"},
    {v6({0x2001, 3}, 32), "multicast tunnelling"},
    {v6({0x2001, 4, 0x112}, 48), "AS112"},
    {v6({0x2001, 0x10}, 28), "ORCHID"},
    {v6({0x2001, 0x20}, 28), "ORCHIDv2"},
    {v6({0x2001, 0x30}, 28), "drone identification"},
    {v6({0x2001, 0xDB8}, 32), "documentation"},
    {v6({0x2002}, 16), "6to4", 2},
    {v6({0x2620, 0x4F, 0x8000}, 48), "AS112"},
    {v6({0x3FFF}, 20), "documentation"},
    {v6({0x5F00}, 16), "segment routing"},
    {v6({0xFC00}, 7), "unique local"},
    {v6({0xFD00, 0xEC2, 0, 0, 0, 0, 0, 0x23}, 128), "container credentials"},
    {v6({0xFD00, 0xEC2, 0, 0, 0, 0, 0, 0x254}, 128), "instance metadata"},
    {v6({0xFE80}, 10), "link-local"},
    {v6({0xFEC0}, 10), "site-local"},
    {v6({0xFF00}, 8), "multicast"},
};

const SpecialRange* narrowest(const IpAddress& address) {
    const SpecialRange* found = nullptr;
    for (const SpecialRange& range : kRanges) {
        if (!range.network.contains(address)) continue;
        if (found == nullptr || range.network.prefix > found->network.prefix) found = &range;
    }
    return found;
}

}  // namespace

std::span<const SpecialRange> special_ranges() {
    return kRanges;
}

std::optional<SpecialRange> special_range(const IpAddress& address) {
    const IpAddress unmapped = address.unmapped();
    const SpecialRange* found = narrowest(unmapped);
    if (found == nullptr) return std::nullopt;
    SpecialRange range = *found;
    if (range.embedded_at == 0) return range;
    const SpecialRange* inner = narrowest(unmapped.embedded_v4(range.embedded_at));
    if (inner == nullptr) return range;
    const IpAddress& start = inner->network.address;
    for (std::size_t index = 0; index < 4; ++index) {
        range.network.address.bytes[range.embedded_at + index] = start.bytes[index];
    }
    range.network.prefix = static_cast<unsigned>(8 * range.embedded_at) + inner->network.prefix;
    return range;
}

}  // namespace policy
