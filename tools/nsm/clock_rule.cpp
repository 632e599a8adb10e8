// The kernel's error lies between two bounds; within both of them zero is as good as any.
#include "clock_rule.h"

namespace nsm_tool {

Verdict judge(const Reading& reading, milliseconds floor, milliseconds step_from) {
    using Kind = Verdict::Kind;
    if (reading.module < floor) return {Kind::refused};
    const bool whole_seconds = reading.module % std::chrono::seconds(1) == milliseconds(0);
    const milliseconds resolution = whole_seconds ? milliseconds(1'000) : milliseconds(1);
    const nanoseconds least = reading.module - reading.kernel;
    const nanoseconds most = least + resolution + reading.took;
    if (least <= nanoseconds(0) && most >= nanoseconds(0)) return {Kind::in_step};
    const nanoseconds change = least + (most - least) / 2;
    const bool large = std::chrono::abs(change) >= step_from;
    return {large || reading.kernel < floor ? Kind::step : Kind::slew, change};
}

}  // namespace nsm_tool
