// Datagrams of the sd_notify protocol: whatever a service sends, it is taken or refused with a
// reason, and what is taken lies within its bounds.
#include "notification.h"

#include <cstdint>
#include <cstdlib>

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::string_view why;
    const auto said = initd::parse_notification(text, why);
    require(said.has_value() == why.empty());
    if (!said) return 0;
    require(!said->status || said->status->size() <= initd::kLongestStatus);
    require(!said->main_pid || *said->main_pid > 1);
    require(!said->watchdog || said->watchdog->count() >= 0);
    require(!said->extend || said->extend->count() >= 0);
    return 0;
}
