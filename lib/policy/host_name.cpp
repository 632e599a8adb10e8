// Names in one spelling, and the ways to spell an address that are refused.
#include "policy/host_name.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "base/bytes.h"
#include "base/format.h"
#include "base/text.h"

namespace policy {

using base::Error;
using base::Result;
using vsockio::IpAddress;

namespace {

constexpr std::size_t kMaxName = 253;  // RFC 1035, without the length bytes at the ends
constexpr std::size_t kMaxLabel = 63;

Error bad(std::string_view text, std::string_view why) {
    return Error::data(fmt::format("{} {}", base::quote(text), why));
}

bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

bool is_label_character(char character) {
    return (character >= 'a' && character <= 'z') || is_digit(character) || character == '-' ||
           character == '_';
}

bool starts_hex(std::string_view label) {
    return label.starts_with("0x");
}

// Whether a resolver might take the last label for a number.
bool is_number(std::string_view label) {
    if (starts_hex(label)) return label.find_first_not_of("0123456789abcdef", 2) == label.npos;
    return std::all_of(label.begin(), label.end(), is_digit);
}

// A number as strtoul(3) reads it with base 0.
std::optional<std::uint64_t> c_number(std::string_view label) {
    int radix = 10;
    if (starts_hex(label)) {
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

// The address that inet_aton(3) reads: up to four numbers, the last filling all bytes left.
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

Result<void> check_label(std::string_view label, std::string_view text) {
    if (label.empty()) return bad(text, "has an empty label");
    if (label.size() > kMaxLabel) return bad(text, "has a label of more than 63 characters");
    if (!std::all_of(label.begin(), label.end(), is_label_character)) {
        return bad(text, "has a character that no host name has");
    }
    if (label.front() == '-' || label.back() == '-') {
        return bad(text, "has a label that begins or ends with a hyphen");
    }
    return {};
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
    if (undotted.size() > kMaxName) return bad(text, "is longer than 253 characters");
    std::string name(undotted);
    for (char& character : name) {
        if (character >= 'A' && character <= 'Z') {
            character = static_cast<char>(character - 'A' + 'a');
        }
    }
    const std::vector<std::string_view> labels = base::split(name, '.');
    for (const std::string_view label : labels)
        TRY(check_label(label, text));
    if (is_number(labels.back())) {
        const std::optional<IpAddress> meant = loose_address(name);
        if (!meant.has_value()) return bad(text, "ends in a number, which no host name does");
        return bad(text, fmt::format("is another spelling of the address {}", to_string(*meant)));
    }
    return Host(std::move(name));
}

}  // namespace policy
