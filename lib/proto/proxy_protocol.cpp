// Encoding and decoding of PROXY headers.
#include "proto/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/format.h"
#include "base/text.h"

namespace proto::proxy_protocol {

using vsockio::IpAddress;
using vsockio::IpEndpoint;
using vsockio::Transport;

namespace {

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::string_view kShortestLine = "PROXY UNKNOWN\r\n";
constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};

constexpr std::size_t kFixedBytes = 16;  // signature, version and command, family, length
constexpr std::size_t kTlvHeaderBytes = 3;
constexpr std::size_t kUnixBytes = 108;
constexpr std::uint8_t kTypeCrc32c = 3;

// Castagnoli's polynomial, reflected (RFC 4960, appendix B).
constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t index = 0; index < 256; ++index) {
        std::uint32_t value = index;
        for (int bit = 0; bit < 8; ++bit)
            value = value >> 1 ^ ((value & 1) * 0x82F63B78);
        table[index] = value;
    }
    return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

class Crc32c {
  public:
    void add(std::span<const std::byte> bytes) {
        for (const std::byte byte : bytes) {
            state_ = kTable[(state_ ^ std::to_integer<std::uint32_t>(byte)) & 0xFF] ^ state_ >> 8;
        }
    }
    std::uint32_t value() const { return ~state_; }

  private:
    std::uint32_t state_ = 0xFFFFFFFF;
};

// Whether `input`, as far as it goes, begins like `start`.
bool begins_like(std::span<const std::byte> input, std::string_view start) {
    return start.starts_with(base::as_text(input.first(std::min(input.size(), start.size()))));
}

// --- version 1 -------------------------------------------------------------------------------

// Up to the next space or the end; the space goes with it. Nothing once the text is used up.
std::optional<std::string_view> take_word(std::optional<std::string_view>& text) {
    if (!text.has_value()) return std::nullopt;
    const std::size_t space = text->find(' ');
    const std::string_view word = text->substr(0, space);
    if (space == std::string_view::npos) {
        text.reset();
    } else {
        text->remove_prefix(space + 1);
    }
    return word;
}

std::optional<std::uint16_t> parse_port(std::string_view word) {
    if (word.empty() || (word.size() > 1 && word.front() == '0')) return std::nullopt;
    std::uint16_t port = 0;
    const char* end = word.data() + word.size();
    const auto [stop, failure] = std::from_chars(word.data(), end, port);
    if (failure != std::errc() || stop != end) return std::nullopt;
    return port;
}

std::optional<IpAddress> parse_address_of(std::string_view word, bool is_v4) {
    const auto address = vsockio::parse_ip_address(word);
    if (!address.ok() || address.value().is_v4 != is_v4) return std::nullopt;
    return address.value().unmapped();
}

// `line` is what stands between "PROXY " and CRLF.
Decoded<Header> decode_line(std::string_view line, std::size_t used_bytes) {
    using Answer = Decoded<Header>;
    std::optional<std::string_view> rest = line;
    const std::string_view protocol = take_word(rest).value_or("");
    Header header;
    if (protocol == "UNKNOWN") {
        header.kind = Kind::unknown;
        return Answer::done(header, used_bytes);
    }
    if (protocol != "TCP4" && protocol != "TCP6")
        return Answer::bad("protocol: none that is known");
    const bool is_v4 = protocol == "TCP4";
    const auto source = parse_address_of(take_word(rest).value_or(""), is_v4);
    if (!source.has_value()) return Answer::bad("source: no address of the protocol");
    const auto destination = parse_address_of(take_word(rest).value_or(""), is_v4);
    if (!destination.has_value()) return Answer::bad("destination: no address of the protocol");
    const auto source_port = parse_port(take_word(rest).value_or(""));
    const auto destination_port = parse_port(take_word(rest).value_or(""));
    if (!source_port.has_value() || !destination_port.has_value()) {
        return Answer::bad("port: not from 0 to 65535");
    }
    if (rest.has_value()) return Answer::bad("line: more than two ports");
    header.kind = Kind::proxied;
    header.source = IpEndpoint{*source, *source_port};
    header.destination = IpEndpoint{*destination, *destination_port};
    return Answer::done(header, used_bytes);
}

Decoded<Header> decode_v1(std::span<const std::byte> input) {
    using Answer = Decoded<Header>;
    const std::string_view text =
        base::as_text(input.first(std::min(input.size(), kMaximumLineBytes)));
    const std::size_t end = text.find_first_of("\r\n");
    if (end == std::string_view::npos) {
        if (text.size() + 2 > kMaximumLineBytes) return Answer::bad("line: over the limit");
        return Answer::need(std::max(kShortestLine.size(), text.size() + 2));
    }
    if (end + 2 > kMaximumLineBytes) return Answer::bad("line: over the limit");
    if (text[end] == '\n') return Answer::bad("line: ends without CR");
    if (end + 1 == text.size()) {
        return Answer::need(std::max(kShortestLine.size(), text.size() + 1));
    }
    if (text[end + 1] != '\n') return Answer::bad("line: CR without LF");
    return decode_line(text.substr(kLineStart.size(), end - kLineStart.size()), end + 2);
}

// --- version 2 -------------------------------------------------------------------------------

// Why TLVs cannot be, or do not match the header; empty when they do. They end the header.
std::string_view fault_of_tlvs(std::span<const std::byte> header, std::span<const std::byte> tlvs) {
    bool checked = false;
    while (!tlvs.empty()) {
        if (tlvs.size() < kTlvHeaderBytes) return "TLV: bytes behind the last";
        const auto type = std::to_integer<std::uint8_t>(tlvs[0]);
        const std::size_t length = base::load_be<std::uint16_t>(tlvs.subspan(1));
        tlvs = tlvs.subspan(kTlvHeaderBytes);
        if (tlvs.size() < length) return "TLV: longer than the header";
        if (type == kTypeCrc32c) {
            if (length != 4) return "CRC32C: has not 4 bytes";
            if (checked) return "CRC32C: twice";
            checked = true;
            static constexpr std::byte kZeros[4]{};
            Crc32c crc;
            crc.add(header.first(header.size() - tlvs.size()));
            crc.add(kZeros);
            crc.add(tlvs.subspan(length));
            if (crc.value() != base::load_be<std::uint32_t>(tlvs)) return "CRC32C: does not match";
        }
        tlvs = tlvs.subspan(length);
    }
    return {};
}

IpAddress take_address(std::span<const std::byte>& block, bool is_v4) {
    IpAddress address;
    address.is_v4 = is_v4;
    const std::size_t size = is_v4 ? 4 : 16;
    std::ranges::copy(block.first(size), address.bytes.begin());
    block = block.subspan(size);
    return address.unmapped();
}

// `header` is complete, and its fixed part has been judged but for the family and transport.
Decoded<Header> decode_block(std::span<const std::byte> header) {
    using Answer = Decoded<Header>;
    const auto family = std::to_integer<std::uint8_t>(header[13] >> 4);
    const auto transport = std::to_integer<std::uint8_t>(header[13] & std::byte{0x0F});
    std::span<const std::byte> block = header.subspan(kFixedBytes);
    Header decoded;
    decoded.kind = Kind::unknown;
    if (family == 0 || transport == 0) return Answer::done(decoded, header.size());
    const bool is_unix = family == 3;
    const bool is_v4 = family == 1;
    const std::size_t size = 2 * (is_unix ? kUnixBytes : is_v4 ? 6 : 18);
    if (block.size() < size) return Answer::bad("length: too short for the addresses");
    const std::string_view why = fault_of_tlvs(header, block.subspan(size));
    if (!why.empty()) return Answer::bad(why);
    if (is_unix) return Answer::done(decoded, header.size());
    decoded.kind = Kind::proxied;
    decoded.transport = transport == 1 ? Transport::tcp : Transport::udp;
    decoded.source.address = take_address(block, is_v4);
    decoded.destination.address = take_address(block, is_v4);
    decoded.source.port = base::load_be<std::uint16_t>(block);
    decoded.destination.port = base::load_be<std::uint16_t>(block.subspan(2));
    return Answer::done(decoded, header.size());
}

Decoded<Header> decode_v2(std::span<const std::byte> input) {
    using Answer = Decoded<Header>;
    if (input.size() < kFixedBytes) return Answer::need(kFixedBytes);
    const auto version_command = std::to_integer<std::uint8_t>(input[12]);
    const auto family_transport = std::to_integer<std::uint8_t>(input[13]);
    if (version_command >> 4 != 2) return Answer::bad("version: not 2");
    if ((version_command & 0x0F) > 1) return Answer::bad("command: none that is known");
    const bool local = (version_command & 0x0F) == 0;
    // Of LOCAL the family is ignored, whatever it is.
    if (!local && family_transport >> 4 > 3) return Answer::bad("family: none that is known");
    if (!local && (family_transport & 0x0F) > 2)
        return Answer::bad("transport: none that is known");
    const std::size_t size = kFixedBytes + base::load_be<std::uint16_t>(input.subspan(14));
    if (size > kMaximumHeaderBytes) return Answer::bad("length: over the limit");
    if (input.size() < size) return Answer::need(size);
    if (local) return Answer::done(Header{}, size);
    return decode_block(input.first(size));
}

// --- writing ---------------------------------------------------------------------------------

// The address as IPv6, mapped if it is IPv4.
IpAddress widened(const IpAddress& address) {
    if (!address.is_v4) return address;
    IpAddress wide;
    wide.bytes[10] = wide.bytes[11] = std::byte{0xFF};
    std::copy_n(address.bytes.begin(), 4, wide.bytes.begin() + 12);
    return wide;
}

}  // namespace

Decoded<Header> decode(std::span<const std::byte> input) {
    // The first byte tells the two apart.
    if (input.empty()) return Decoded<Header>::need(kShortestLine.size());
    if (begins_like(input, kLineStart)) return decode_v1(input);
    if (begins_like(input, kSignature)) return decode_v2(input);
    return Decoded<Header>::bad("signature: no PROXY header");
}

std::span<const std::byte> encode_v1(const Header& header,
                                     std::span<std::byte, kMaximumEncodedBytes> memory) {
    std::string line(kShortestLine);
    if (header.kind == Kind::proxied && header.transport == Transport::tcp) {
        IpAddress source = header.source.address;
        IpAddress destination = header.destination.address;
        const bool is_v4 = source.is_v4 && destination.is_v4;
        if (!is_v4) {
            source = widened(source);
            destination = widened(destination);
        }
        line = fmt::format("PROXY {} {} {} {} {}\r\n", is_v4 ? "TCP4" : "TCP6", to_string(source),
                           to_string(destination), header.source.port, header.destination.port);
    }
    std::ranges::copy(base::as_bytes(line), memory.begin());
    return memory.first(line.size());
}

std::span<const std::byte> encode_v2(const Header& header, Checksum checksum,
                                     std::span<std::byte, kMaximumEncodedBytes> memory) {
    std::size_t used = kFixedBytes;
    const auto put = [&memory, &used](std::span<const std::byte> bytes) {
        std::ranges::copy(bytes, memory.begin() + static_cast<std::ptrdiff_t>(used));
        used += bytes.size();
    };
    const auto put_port = [&memory, &used](std::uint16_t port) {
        base::store_be(memory.subspan(used), port);
        used += 2;
    };
    std::ranges::copy(base::as_bytes(kSignature), memory.begin());
    memory[12] = header.kind == Kind::local ? std::byte{0x20} : std::byte{0x21};
    memory[13] = std::byte{0};
    if (header.kind == Kind::proxied) {
        const IpAddress& source = header.source.address;
        const IpAddress& destination = header.destination.address;
        const bool is_v4 = source.is_v4 && destination.is_v4;
        memory[13] = (is_v4 ? std::byte{0x10} : std::byte{0x20}) |
                     (header.transport == Transport::tcp ? std::byte{1} : std::byte{2});
        const std::size_t size = is_v4 ? 4 : 16;
        put(std::span((is_v4 ? source : widened(source)).bytes).first(size));
        put(std::span((is_v4 ? destination : widened(destination)).bytes).first(size));
        put_port(header.source.port);
        put_port(header.destination.port);
    }
    const std::size_t tlv = used;
    if (checksum == Checksum::crc32c) {
        static constexpr std::byte kEmpty[]{
            std::byte{kTypeCrc32c}, std::byte{0}, std::byte{4}, std::byte{0},
            std::byte{0},           std::byte{0}, std::byte{0}};
        put(kEmpty);
    }
    base::store_be(memory.subspan(14), static_cast<std::uint16_t>(used - kFixedBytes));
    if (checksum == Checksum::crc32c) {
        Crc32c crc;
        crc.add(memory.first(used));
        base::store_be(memory.subspan(tlv + kTlvHeaderBytes), crc.value());
    }
    return memory.first(used);
}

}  // namespace proto::proxy_protocol
