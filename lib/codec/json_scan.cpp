// Token checks, in one pass without allocation.
#include "codec/json_scan.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/format.h"
#include "base/text.h"

namespace codec::json {

namespace {

bool one_of(std::string_view set, char character) {
    return set.find(character) != std::string_view::npos;
}

constexpr std::string_view kDigits = "0123456789";

std::size_t skip_digits(std::string_view text, std::size_t at) {
    return std::min(text.find_first_not_of(kDigits, at), text.size());
}

// The offset behind a number that starts at `at`, or npos when it breaks the grammar.
std::size_t number_end(std::string_view text, std::size_t at) {
    const auto is = [&](char wanted) { return at < text.size() && text[at] == wanted; };
    const auto digits = [&] {
        const std::size_t end = skip_digits(text, at);
        const bool some = end > at;
        at = end;
        return some;
    };
    if (is('-')) ++at;
    if (is('0')) {
        ++at;
    } else if (!digits()) {
        return std::string_view::npos;
    }
    if (is('.')) {
        ++at;
        if (!digits()) return std::string_view::npos;
    }
    if (is('e') || is('E')) {
        ++at;
        if (is('+') || is('-')) ++at;
        if (!digits()) return std::string_view::npos;
    }
    const bool ends = at == text.size() || one_of(" \t\r\n,]}", text[at]);
    return ends ? at : std::string_view::npos;
}

// A double holds every integer below 2^53; larger ones would silently become a neighbour.
bool keeps_its_value(std::string_view number) {
    double value = 0;
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), value);
    if (parsed.ec != std::errc() || !std::isfinite(value)) return false;
    const bool integer = number.find_first_of(".eE") == std::string_view::npos;
    return !integer || std::fabs(value) < 9007199254740992.0;
}

// The code unit of the four hexadecimal digits at `at`, or -1.
int code_unit(std::string_view text, std::size_t at) {
    int unit = 0;
    if (at + 4 > text.size()) return -1;
    const auto parsed = std::from_chars(text.data() + at, text.data() + at + 4, unit, 16);
    return parsed.ec == std::errc() && parsed.ptr == text.data() + at + 4 && unit >= 0 ? unit : -1;
}

// The offset behind the escape whose backslash is at `at`; on failure `reason` is set.
std::size_t escape_end(std::string_view text, std::size_t at, std::string_view& reason) {
    const char kind = at + 1 < text.size() ? text[at + 1] : '\0';
    if (kind != 'u') {
        if (kind == '\0' || !one_of("\"\\/bfnrt", kind)) {
            reason = "unknown escape in a string";
        }
        return at + 2;
    }
    const int first = code_unit(text, at + 2);
    if (first < 0) {
        reason = "\\u needs four hexadecimal digits";
    } else if (first == 0) {
        reason = "NUL in a string";
    } else if (first >= 0xDC00 && first < 0xE000) {
        reason = "second half of a surrogate pair without the first";
    } else if (first >= 0xD800 && first < 0xDC00) {
        const bool escaped = text.substr(at + 6, 2) == "\\u";
        const int second = escaped ? code_unit(text, at + 8) : -1;
        if (second < 0xDC00 || second >= 0xE000) {
            reason = "first half of a surrogate pair without the second";
        }
        return at + 12;
    }
    return at + 6;
}

// The offset behind the string whose opening quote is at `at`; on failure `reason` is set and
// the offset is that of the fault.
std::size_t string_end(std::string_view text, std::size_t at, std::string_view& reason) {
    const std::size_t start = at++;
    while (at < text.size()) {
        if (text[at] == '"') return at + 1;
        if (static_cast<unsigned char>(text[at]) < 0x20) {
            reason = "control character in a string";
            return at;
        }
        if (text[at] == '\\') {
            const std::size_t end = escape_end(text, at, reason);
            if (!reason.empty()) return at;
            at = end;
        } else {
            ++at;
        }
    }
    reason = "string without an end";
    return start;
}

}  // namespace

base::Error error_at(std::string_view text, std::size_t offset, std::string_view reason) {
    const std::string_view before = text.substr(0, offset);
    const auto lines = std::count(before.begin(), before.end(), '\n');
    const std::size_t newline = before.rfind('\n');
    const std::size_t column =
        newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
    return base::Error::data(fmt::format("{}:{}: {}", lines + 1, column + 1, reason));
}

base::Result<void> scan(std::string_view text, const Limits& limits) {
    if (!base::is_utf8(text)) return base::Error::data("JSON text that is not UTF-8");
    std::size_t depth = 0;
    for (std::size_t at = 0; at < text.size();) {
        const char here = text[at];
        std::size_t end = at + 1;
        if (here == '"') {
            std::string_view reason;
            end = string_end(text, at, reason);
            if (!reason.empty()) return error_at(text, end, reason);
        } else if (here == '-' || one_of(kDigits, here)) {
            end = number_end(text, at);
            if (end == std::string_view::npos) return error_at(text, at, "malformed number");
            if (!keeps_its_value(text.substr(at, end - at))) {
                return error_at(text, at, "number too large to be kept exactly");
            }
        } else if (here == '[' || here == '{') {
            if (++depth > limits.maximum_depth) return error_at(text, at, "nested too deeply");
        } else if (here == ']' || here == '}') {
            if (depth == 0) return error_at(text, at, "closing bracket without an opening one");
            --depth;
        } else if (here >= 'a' && here <= 'z') {
            end = std::min(text.find_first_of(" \t\r\n,:[]{}\"", at), text.size());
            const std::string_view word = text.substr(at, end - at);
            if (word != "true" && word != "false" && word != "null") {
                return error_at(text, at, fmt::format("unknown word {}", base::quote(word)));
            }
        } else if (!one_of(" \t\r\n,:", here)) {
            return error_at(text, at, "unexpected character");
        }
        at = end;
    }
    return {};
}

}  // namespace codec::json
