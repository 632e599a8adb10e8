// Parsing of the line.
#include "connect_line.h"

#include "base/text.h"

namespace vsockd {

std::optional<std::uint32_t> parse_connect_line(std::string_view line) {
    if (!line.starts_with(kConnectCommand) || !line.ends_with('\n')) return std::nullopt;
    line.remove_prefix(kConnectCommand.size());
    line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    for (const char digit : line) {
        if (digit < '0' || digit > '9') return std::nullopt;
    }
    const base::Result<std::uint64_t> port = base::parse_number(line, 1, 0xFFFFFFFE);
    if (!port.ok()) return std::nullopt;
    return static_cast<std::uint32_t>(port.value());
}

}  // namespace vsockd
