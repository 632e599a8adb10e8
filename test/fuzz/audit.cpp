// Audit records and logs: a datagram is an event that fits the log's caps, or bad; a text is
// checked to its end or to a line that is bad, and what is shown of it cannot steer a terminal.
#include <cstdint>
#include <cstdlib>

#include "audit_line.h"

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pipeline;
    const auto bytes = std::as_bytes(std::span(data, size));
    if (const auto event = decode_audit(bytes)) {
        require(event->argument.size() <= kMaxAuditArgument);
        require(decode_audit(encode_audit(*event)) == event);
        AuditEntry entry;
        entry.event = *event;
        ChainHash hash{};
        const auto line = audit_line(entry, hash);
        require(line.ok());
        for (const char character : line.value())
            require(static_cast<unsigned char>(character) >= 0x20);
        require(read_audit_line(line.value()).has_value());
    }
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto check = verify_audit(text);
    require(check.ok());
    require(!check->bad || check->bad->line >= 1);
    require(check->entries == 0 || check->last_number >= 1 || check->entries == 1);
    return 0;
}
