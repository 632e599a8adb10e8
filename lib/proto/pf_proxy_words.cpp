// Numbers of errors and names of statuses of pf-proxy's wire.
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

}  // namespace proto::pf_proxy
