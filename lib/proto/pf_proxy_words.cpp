// Numbers of errors, names of statuses, and host names of pf-proxy's wire.
#include <algorithm>
#include <cerrno>

#include "proto/pf_proxy.h"

namespace proto::pf_proxy {

namespace {

struct Number {
    int errno_value;
    std::uint16_t wire;
};

// What connecting and sending can end with. Numbers of asm-generic/errno.h.
constexpr Number kNumbers[] = {
    {EPERM, 1},        {EIO, 5},           {EAGAIN, 11},      {ENOMEM, 12},
    {EACCES, 13},      {EINVAL, 22},       {EPIPE, 32},       {ENONET, 64},
    {EPROTO, 71},      {EMSGSIZE, 90},     {ENOPROTOOPT, 92}, {EPROTONOSUPPORT, 93},
    {EOPNOTSUPP, 95},  {EAFNOSUPPORT, 97}, {EADDRINUSE, 98},  {EADDRNOTAVAIL, 99},
    {ENETDOWN, 100},   {ENETUNREACH, 101}, {ENETRESET, 102},  {ECONNABORTED, 103},
    {ECONNRESET, 104}, {ENOBUFS, 105},     {ETIMEDOUT, 110},  {ECONNREFUSED, 111},
    {EHOSTDOWN, 112},  {EHOSTUNREACH, 113}};
constexpr std::uint16_t kOther = 5;

constexpr std::size_t kMaximumLabelBytes = 63;

bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

bool is_hex_digit(char character) {
    return is_digit(character) || (character >= 'a' && character <= 'f');
}

bool is_label_character(char character) {
    return is_digit(character) || (character >= 'a' && character <= 'z') || character == '-' ||
           character == '_';
}

// "1", "0x1f" and also "0x" alone, in the manner of inet_aton(3).
bool is_number(std::string_view label) {
    if (label.starts_with("0x")) return std::ranges::all_of(label.substr(2), is_hex_digit);
    return std::ranges::all_of(label, is_digit);
}

}  // namespace

std::uint16_t errno_to_wire(int errno_value) {
    const auto* found = std::ranges::find(kNumbers, errno_value, &Number::errno_value);
    return found != std::end(kNumbers) ? found->wire : kOther;
}

std::optional<int> errno_from_wire(std::uint16_t number) {
    const auto* found = std::ranges::find(kNumbers, number, &Number::wire);
    if (found == std::end(kNumbers)) return std::nullopt;
    return found->errno_value;
}

std::string_view name_of(StatusCode code) {
    switch (code) {
        case StatusCode::connected: return "connected";
        case StatusCode::refused: return "refused";
        case StatusCode::failed: return "failed";
        case StatusCode::bad_header: return "bad_header";
        case StatusCode::too_many: return "too_many";
        case StatusCode::not_ready: return "not_ready";
    }
    return "unknown";
}

std::string_view bad_host_name(std::string_view name) {
    if (name.empty()) return "name: empty";
    if (name.size() > kMaximumNameBytes) return "name: over 253 bytes";
    std::string_view label;
    for (std::string_view rest = name; true; rest.remove_prefix(label.size() + 1)) {
        label = rest.substr(0, rest.find('.'));
        if (label.empty()) return "name: an empty label";
        if (label.size() > kMaximumLabelBytes) return "name: a label over 63 bytes";
        if (label.front() == '-' || label.back() == '-') return "name: a hyphen at a label's end";
        if (!std::ranges::all_of(label, is_label_character)) {
            return "name: a byte that is no lower-case letter, digit, hyphen or underscore";
        }
        if (label.size() == rest.size()) break;
    }
    if (is_number(label)) return "name: ends in a number, like an address";
    return {};
}

}  // namespace proto::pf_proxy
