// Points in time as text, in UTC (RFC 3339). Pure: nobody's clock is read here.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pipeline {

using Instant = std::chrono::sys_time<std::chrono::milliseconds>;

// "2027-01-31T00:00:00Z", or "2027-01-31", which is that day's first moment. Nothing else: years
// are 1970 to 9999, there is no leap second, and the zone is Z.
std::optional<Instant> parse_instant(std::string_view text);

// "2027-01-31T00:00:00.000Z".
std::string format_instant(Instant instant);

}  // namespace pipeline
