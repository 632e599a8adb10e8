// For the unit tests and fuzz targets of what uses proto/decoded.h: bytes written as hexadecimal,
// and the rule that a decoder that is fed in steps answers as one that is fed at once, and never
// asks for bytes behind its value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "proto/decoded.h"

namespace proto_test {

// Hexadecimal with spaces wherever they help.
inline std::vector<std::byte> hex(std::string text) {
    std::erase(text, ' ');
    return base::from_hex(text).value();
}

// What is wrong with `part`, the answer to the first `size` bytes, beside `whole`, the answer to
// more; empty when nothing is.
template <typename T>
std::string_view fault_of_part(const proto::Decoded<T>& part, std::size_t size,
                               const proto::Decoded<T>& whole) {
    using proto::Outcome;
    switch (part.outcome) {
        case Outcome::need_more:
            if (part.wanted_bytes <= size) return "wants what it has";
            if (whole.outcome == Outcome::need_more && whole.wanted_bytes < part.wanted_bytes) {
                return "wants less, having more";
            }
            if (whole.outcome != Outcome::done) return {};
            if (size >= whole.used_bytes) return "wants more than it uses";
            return part.wanted_bytes <= whole.used_bytes ? "" : "wants bytes behind its value";
        case Outcome::bad:
            if (part.bad_because.empty()) return "does not say what is bad";
            return whole.outcome == Outcome::bad ? "" : "is bad, but not with more bytes";
        case Outcome::done:
            if (part.used_bytes > size) return "uses more than it has";
            if (whole.outcome != Outcome::done) return "is done, but not with more bytes";
            return part.used_bytes == whole.used_bytes ? "" : "uses more, having more";
    }
    return "has an outcome that there is not";
}

// The first fault of any prefix of `input`; of long inputs the first kilobyte and the ends.
template <typename Decode>
std::string_view fault_of_steps(std::span<const std::byte> input, Decode decode) {
    const auto whole = decode(input);
    const std::size_t size = input.size();
    const auto fault_at = [&](std::size_t bytes) {
        return fault_of_part(decode(input.first(bytes)), bytes, whole);
    };
    for (std::size_t bytes = 0; bytes <= std::min<std::size_t>(size, 1024); ++bytes) {
        if (const std::string_view fault = fault_at(bytes); !fault.empty()) return fault;
    }
    for (const std::size_t bytes : {whole.used_bytes - 1, whole.used_bytes, size - 1, size}) {
        if (bytes > size) continue;
        if (const std::string_view fault = fault_at(bytes); !fault.empty()) return fault;
    }
    // Reading only what is wanted comes to the same end.
    std::size_t bytes = 0;
    auto answer = decode(input.first(0));
    while (answer.outcome == proto::Outcome::need_more && answer.wanted_bytes <= size) {
        bytes = answer.wanted_bytes;
        answer = decode(input.first(bytes));
    }
    if (answer.outcome == proto::Outcome::need_more) {
        return whole.outcome == proto::Outcome::done ? "is never done when fed as it wants" : "";
    }
    if (answer.outcome != whole.outcome) return "ends otherwise when fed as it wants";
    const bool left = answer.outcome == proto::Outcome::done && answer.used_bytes != bytes;
    return left ? "is done with bytes left when fed as it wants" : "";
}

}  // namespace proto_test
