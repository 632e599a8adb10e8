// Address parsing, printing and the vsockd folder's mapping.
#include "vsockio/address.h"

#include <sys/un.h>

#include "base/format.h"
#include "base/text.h"

namespace vsockio {

using base::Error;
using base::quote;
using base::Result;

namespace {

constexpr std::size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t kMaxHost = 253;  // RFC 1035
constexpr std::string_view kForms =
    "vsock:CID:PORT, tcp:HOST:PORT, unix:PATH, fd:N, muxed:PATH:PORT";

struct NamedCid {
    std::string_view name;
    std::uint32_t cid;
};
constexpr NamedCid kNamedCids[] = {
    {"any", kCidAny}, {"parent", kCidParent}, {"host", kCidHost}, {"local", kCidLocal}};

Error bad(std::string_view text, std::string_view why) {
    return Error::usage(fmt::format("bad address {}: {}", quote(text), why),
                        fmt::format("addresses are {}", kForms));
}

Result<std::uint32_t> parse_cid(std::string_view text, std::string_view whole) {
    for (const NamedCid& named : kNamedCids) {
        if (text == named.name) return named.cid;
    }
    const Result<std::uint64_t> number = base::parse_number(text, 0, kCidAny);
    if (!number.ok()) {
        return bad(whole, "the CID is neither a number nor any, parent, host or local");
    }
    return static_cast<std::uint32_t>(number.value());
}

Result<std::uint32_t> parse_port(std::string_view text, std::uint64_t minimum,
                                 std::uint64_t maximum, std::string_view whole) {
    const Result<std::uint64_t> number = base::parse_number(text, minimum, maximum);
    if (!number.ok()) {
        return bad(whole, fmt::format("the port must be a number from {} to {}", minimum, maximum));
    }
    return static_cast<std::uint32_t>(number.value());
}

Result<void> check_path(std::string_view path, std::string_view whole) {
    if (path.empty() || path == "@") return bad(whole, "the path is empty");
    if (path.size() > kMaxPath) {
        return bad(whole, fmt::format("the path is longer than {} bytes", kMaxPath));
    }
    if (path.find('\0') != std::string_view::npos) return bad(whole, "the path holds a zero byte");
    return {};
}

Result<Address> parse_internet(Address::Kind kind, std::string_view rest, std::string_view whole) {
    Address address;
    address.kind = kind;
    std::string_view port;
    if (rest.starts_with('[')) {
        const std::size_t end = rest.find("]:");
        if (end == std::string_view::npos) return bad(whole, "expected [IPV6]:PORT");
        address.host = rest.substr(1, end - 1);
        port = rest.substr(end + 2);
    } else {
        const std::size_t colon = rest.rfind(':');
        if (colon == std::string_view::npos) return bad(whole, "the port is missing");
        address.host = rest.substr(0, colon);
        port = rest.substr(colon + 1);
        if (address.host.find(':') != std::string::npos) {
            return bad(whole, "an IPv6 address needs brackets");
        }
    }
    if (address.host.empty()) return bad(whole, "the host is empty");
    if (address.host.size() > kMaxHost) return bad(whole, "the host name is too long");
    for (const char character : address.host) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte <= 0x20 || byte == 0x7F || byte == '[' || byte == ']') {
            return bad(whole, "the host holds a character no host has");
        }
    }
    address.port = TRY(parse_port(port, 0, 65535, whole));
    return address;
}

// Both vsock:CID:PORT and muxed:PATH:PORT end in a port after the last colon.
Result<std::pair<std::string_view, std::uint32_t>> split_port(std::string_view rest,
                                                              std::string_view whole) {
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) return bad(whole, "the port is missing");
    return std::pair(rest.substr(0, colon),
                     TRY(parse_port(rest.substr(colon + 1), 1, kCidAny - 1, whole)));
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return bad(text, "the form is missing");
    const std::string_view form = text.substr(0, colon);
    const std::string_view rest = text.substr(colon + 1);
    Address address;
    if (form == "vsock") {
        const auto [cid, port] = TRY(split_port(rest, text));
        address.kind = Address::Kind::vsock;
        address.cid = TRY(parse_cid(cid, text));
        address.port = port;
        return address;
    }
    if (form == "tcp") return parse_internet(Address::Kind::tcp, rest, text);
    if (form == "udp") return parse_internet(Address::Kind::udp, rest, text);
    if (form == "unix") {
        TRY(check_path(rest, text));
        address.kind = Address::Kind::local;
        address.path = rest;
        return address;
    }
    if (form == "fd") {
        const Result<std::uint64_t> number = base::parse_number(rest, 0, 1 << 20);
        if (!number.ok()) return bad(text, "the descriptor is not a number");
        address.kind = Address::Kind::fd;
        address.fd = static_cast<int>(number.value());
        return address;
    }
    if (form == "muxed") {
        const auto [path, port] = TRY(split_port(rest, text));
        TRY(check_path(path, text));
        address.kind = Address::Kind::muxed;
        address.path = path;
        address.port = port;
        return address;
    }
    return bad(text, "unknown form");
}

std::string to_string(const Address& address) {
    switch (address.kind) {
        case Address::Kind::vsock:
            return address.cid == kCidAny ? fmt::format("vsock:any:{}", address.port)
                                          : fmt::format("vsock:{}:{}", address.cid, address.port);
        case Address::Kind::tcp:
        case Address::Kind::udp: {
            const bool bracketed = address.host.find(':') != std::string::npos;
            return fmt::format("{}:{}{}{}:{}", address.kind == Address::Kind::tcp ? "tcp" : "udp",
                               bracketed ? "[" : "", address.host, bracketed ? "]" : "",
                               address.port);
        }
        case Address::Kind::local: return fmt::format("unix:{}", address.path);
        case Address::Kind::fd: return fmt::format("fd:{}", address.fd);
        case Address::Kind::muxed: return fmt::format("muxed:{}:{}", address.path, address.port);
    }
    return {};
}

Result<Address> through_folder(Address address, Direction direction, std::string_view folder) {
    if (address.kind != Address::Kind::vsock || folder.empty()) return address;
    Address mapped;
    mapped.port = address.port;
    if (direction == Direction::connect) {
        if (address.cid == kCidAny) return bad(to_string(address), "one cannot connect to any CID");
        mapped.kind = Address::Kind::muxed;
        mapped.path = fmt::format("{}/{}.sock", folder, address.cid);
    } else {
        if (address.cid != kCidAny && address.cid != kCidParent && address.cid != kCidHost) {
            return bad(to_string(address),
                       "through vsockd one can listen only on CID any, parent or host");
        }
        mapped.kind = Address::Kind::local;
        mapped.path = fmt::format("{}/parent_{}", folder, address.port);
        mapped.port = 0;
    }
    TRY(check_path(mapped.path, to_string(address)));
    return mapped;
}

}  // namespace vsockio
