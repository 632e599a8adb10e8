// Vsock packet header, field by field.
#include "packet.h"

#include "base/bytes.h"

namespace vsockd {

using base::load_le;
using base::store_le;

Header decode_header(std::span<const std::byte, kHeaderBytes> from) {
    Header header;
    header.source_cid = load_le<std::uint64_t>(from.subspan(0, 8));
    header.destination_cid = load_le<std::uint64_t>(from.subspan(8, 8));
    header.source_port = load_le<std::uint32_t>(from.subspan(16, 4));
    header.destination_port = load_le<std::uint32_t>(from.subspan(20, 4));
    header.length = load_le<std::uint32_t>(from.subspan(24, 4));
    header.type = load_le<std::uint16_t>(from.subspan(28, 2));
    header.operation = static_cast<Operation>(load_le<std::uint16_t>(from.subspan(30, 2)));
    header.flags = load_le<std::uint32_t>(from.subspan(32, 4));
    header.buffer_bytes = load_le<std::uint32_t>(from.subspan(36, 4));
    header.forwarded_count = load_le<std::uint32_t>(from.subspan(40, 4));
    return header;
}

void encode_header(const Header& header, std::span<std::byte, kHeaderBytes> to) {
    store_le(to.subspan(0, 8), header.source_cid);
    store_le(to.subspan(8, 8), header.destination_cid);
    store_le(to.subspan(16, 4), header.source_port);
    store_le(to.subspan(20, 4), header.destination_port);
    store_le(to.subspan(24, 4), header.length);
    store_le(to.subspan(28, 2), header.type);
    store_le(to.subspan(30, 2), static_cast<std::uint16_t>(header.operation));
    store_le(to.subspan(32, 4), header.flags);
    store_le(to.subspan(36, 4), header.buffer_bytes);
    store_le(to.subspan(40, 4), header.forwarded_count);
}

std::string_view operation_name(Operation operation) {
    switch (operation) {
        case Operation::request: return "request";
        case Operation::response: return "response";
        case Operation::reset: return "rst";
        case Operation::shutdown: return "shutdown";
        case Operation::data: return "rw";
        case Operation::credit_update: return "credit_update";
        case Operation::credit_request: return "credit_request";
    }
    return "unknown";
}

Header reset_for(const Header& packet) {
    Header reset;
    reset.source_cid = packet.destination_cid;
    reset.destination_cid = packet.source_cid;
    reset.source_port = packet.destination_port;
    reset.destination_port = packet.source_port;
    reset.type = packet.type;
    reset.operation = Operation::reset;
    return reset;
}

}  // namespace vsockd
