// The limit of log lines.
#include "talk.h"

namespace pf_proxy {

void Talk::warn(std::chrono::milliseconds now, std::string_view message,
                std::initializer_list<base::log::Field> fields) {
    if (now - second_ >= std::chrono::seconds(1)) {
        if (left_out_ > 0) base::log::warning("lines left out", {{"count", left_out_}});
        second_ = now;
        said_ = 0;
        left_out_ = 0;
    }
    if (said_ == kMostPerSecond) {
        ++left_out_;
        return;
    }
    ++said_;
    base::log::warning(message, fields);
}

}  // namespace pf_proxy
