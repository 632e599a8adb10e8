// Reads the one environment variable that changes outputs.
#include "environment.h"

#include <cstdlib>

#include "base/text.h"

namespace eif {

base::Result<std::int64_t> source_date_epoch() {
    constexpr std::uint64_t kYear9999 = 253'402'300'799;
    const char* text = std::getenv("SOURCE_DATE_EPOCH");
    if (text == nullptr || *text == '\0') return std::int64_t{0};
    base::Result<std::uint64_t> seconds = base::parse_number(text, 0, kYear9999);
    if (!seconds.ok()) return std::move(seconds).error().at("SOURCE_DATE_EPOCH");
    return static_cast<std::int64_t>(seconds.value());
}

}  // namespace eif
