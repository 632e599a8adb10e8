// Reading the tables.
#include "routes.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "base/bytes.h"
#include "base/text.h"

namespace pf_proxy {

using vsockio::IpAddress;
using vsockio::IpNetwork;

namespace {

constexpr std::uint32_t kUp = 0x1;
constexpr std::uint32_t kReject = 0x200;

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    for (std::size_t at = 0; at < line.size();) {
        const std::size_t begin = line.find_first_not_of(" \t", at);
        if (begin == line.npos) break;
        at = std::min(line.find_first_of(" \t", begin), line.size());
        words.push_back(line.substr(begin, at - begin));
    }
    return words;
}

std::optional<std::uint32_t> number(std::string_view text, int base) {
    std::uint32_t value = 0;
    const auto [end, failure] =
        std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// The kernel prints the four bytes as one number of its own byte order.
IpAddress ipv4_of(std::uint32_t native) {
    IpAddress address;
    address.is_v4 = true;
    std::memcpy(address.bytes.data(), &native, sizeof native);
    return address;
}

std::optional<IpAddress> ipv6_of(std::string_view text) {
    const base::Result<std::vector<std::byte>> bytes = base::from_hex(text);
    if (!bytes.ok() || bytes->size() != 16) return std::nullopt;
    IpAddress address;
    std::copy(bytes->begin(), bytes->end(), address.bytes.begin());
    return address;
}

std::optional<ListedRoute> ipv4_route(std::string_view line) {
    const std::vector<std::string_view> words = words_of(line);
    if (words.size() < 8) return std::nullopt;
    const auto destination = number(words[1], 16);
    const auto gateway = number(words[2], 16);
    const auto flags = number(words[3], 16);
    const auto metric = number(words[6], 10);
    const auto mask = number(words[7], 16);
    if (!destination || !gateway || !flags || !metric || !mask) return std::nullopt;
    if ((*flags & kUp) == 0 || (*flags & kReject) != 0) return std::nullopt;
    ListedRoute route;
    route.destination =
        IpNetwork{ipv4_of(*destination), static_cast<unsigned>(std::popcount(*mask))};
    if (*gateway != 0) route.gateway = ipv4_of(*gateway);
    route.interface = words[0];
    route.metric = *metric;
    return route;
}

std::optional<ListedRoute> ipv6_route(std::string_view line) {
    const std::vector<std::string_view> words = words_of(line);
    if (words.size() < 10) return std::nullopt;
    const auto destination = ipv6_of(words[0]);
    const auto prefix = number(words[1], 16);
    const auto gateway = ipv6_of(words[4]);
    const auto metric = number(words[5], 16);
    const auto flags = number(words[8], 16);
    if (!destination || !prefix || *prefix > 128 || !gateway || !metric || !flags) {
        return std::nullopt;
    }
    if ((*flags & kUp) == 0 || (*flags & kReject) != 0) return std::nullopt;
    ListedRoute route;
    route.destination = IpNetwork{*destination, *prefix};
    if (*gateway != IpAddress()) route.gateway = *gateway;
    route.interface = words[9];
    route.metric = *metric;
    return route;
}

template <typename Parse>
std::vector<ListedRoute> parse_lines(std::string_view text, Parse parse) {
    std::vector<ListedRoute> routes;
    for (const std::string_view line : base::split(text, '\n')) {
        if (std::optional<ListedRoute> route = parse(line)) routes.push_back(std::move(*route));
    }
    return routes;
}

}  // namespace

std::vector<ListedRoute> parse_ipv4_routes(std::string_view text) {
    return parse_lines(text, ipv4_route);
}

std::vector<ListedRoute> parse_ipv6_routes(std::string_view text) {
    return parse_lines(text, ipv6_route);
}

std::vector<std::string> parse_nameservers(std::string_view text) {
    std::vector<std::string> servers;
    for (const std::string_view line : base::split(text, '\n')) {
        const std::vector<std::string_view> words = words_of(line);
        if (words.size() >= 2 && words[0] == "nameserver") servers.emplace_back(words[1]);
    }
    return servers;
}

}  // namespace pf_proxy
