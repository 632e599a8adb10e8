// What the decoders of pf_proxy.h and proxy_protocol.h answer. They are total and look only at the
// front of their input, so a caller feeds them all it has, as often as it likes.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace proto {

enum class Outcome { need_more, bad, done };

template <typename T>
struct Decoded {
    Outcome outcome = Outcome::need_more;
    T value{};                   // when done; views borrow the input
    std::size_t used_bytes = 0;  // when done: of the input
    // When need_more: with fewer bytes in all the answer stays the same unless it becomes bad.
    // Whoever reads up to this number and no further takes nothing of what follows.
    std::size_t wanted_bytes = 0;
    std::string_view bad_because;  // when bad: the field at fault and why

    static Decoded done(T value, std::size_t used) {
        Decoded decoded;
        decoded.outcome = Outcome::done;
        decoded.value = std::move(value);
        decoded.used_bytes = used;
        return decoded;
    }
    static Decoded need(std::size_t bytes_in_all) {
        Decoded decoded;
        decoded.wanted_bytes = bytes_in_all;
        return decoded;
    }
    static Decoded bad(std::string_view why) {
        Decoded decoded;
        decoded.outcome = Outcome::bad;
        decoded.bad_because = why;
        return decoded;
    }
};

}  // namespace proto
