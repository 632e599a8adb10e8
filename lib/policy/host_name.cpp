// Names in one spelling, and the ways to spell an address that are refused.
#include "policy/host_name.h"

#include <charconv>
#include <optional>
#include <system_error>

#include "base/bytes.h"
#include "base/format.h"
#include "base/text.h"
#include "vsockio/host_name.h"

namespace policy {

using base::Error;
using base::Result;
using vsockio::IpAddress;

namespace {

Error bad(std::string_view text, std::string_view why) {
    return Error::data(fmt::format("{} {}", base::quote(text), why));
}

// A number as strtoul(3) reads it with base 0.
std::optional<std::uint64_t> c_number(std::string_view label) {
    int radix = 10;
    if (label.starts_with("0x")) {
        radix = 16;
        label.remove_prefix(2);
    } else if (label.size() > 1 && label.front() == '0') {
        radix = 8;
    }
    std::uint64_t number = 0;
    const char* end = label.data() + label.size();
    const auto [stop, failure] = std::from_chars(label.data(), end, number, radix);
    if (failure != std::errc() || stop != end) return std::nullopt;
    return number;
}

// The address that inet_aton(3) reads in a name: up to four numbers, the last filling all bytes
// left.
std::optional<IpAddress> loose_address(std::string_view name) {
    const std::vector<std::string_view> parts = base::split(name, '.');
    if (parts.size() > 4) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t index = 0; index < parts.size(); ++index) {
        const std::optional<std::uint64_t> number = c_number(parts[index]);
        const bool last = index + 1 == parts.size();
        const unsigned bits = last ? static_cast<unsigned>(8 * (5 - parts.size())) : 8;
        if (!number.has_value() || *number >> bits != 0) return std::nullopt;
        value = value << bits | *number;
    }
    IpAddress address;
    address.is_v4 = true;
    base::store_be(std::span(address.bytes), static_cast<std::uint32_t>(value));
    return address;
}

}  // namespace

Result<Host> parse_host(std::string_view text) {
    if (text.empty()) return Error::data("the host is empty");
    const Result<IpAddress> address = vsockio::parse_ip_address(text);
    if (address.ok()) return Host(address.value());
    if (text.find_first_of("[]") != std::string_view::npos) {
        return bad(text, "has brackets, which are no part of a host");
    }
    if (text.find('%') != std::string_view::npos) {
        return bad(text, "has a zone, which is not supported");
    }
    if (text.find(':') != std::string_view::npos) {
        return bad(text, "is neither an IPv6 address nor a name");
    }
    std::string_view undotted = text;
    if (undotted.ends_with('.')) undotted.remove_suffix(1);
    std::string name(undotted);
    for (char& character : name) {
        if (character >= 'A' && character <= 'Z') {
            character = static_cast<char>(character - 'A' + 'a');
        }
    }
    const std::string_view fault = vsockio::bad_host_name(name);
    if (fault.empty()) return Host(std::move(name));
    if (const std::optional<IpAddress> meant = loose_address(name); meant.has_value()) {
        return bad(text, fmt::format("is another spelling of the address {}", to_string(*meant)));
    }
    return bad(text, fault);
}

}  // namespace policy
