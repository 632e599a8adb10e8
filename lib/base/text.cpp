// Text parsing and printing without locale.
#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/format.h"

namespace base {

Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t minimum,
                                   std::uint64_t maximum) {
    int radix = 10;
    std::string_view digits = text;
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
        radix = 16;
        digits.remove_prefix(2);
    }
    std::uint64_t number = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, failure] = std::from_chars(digits.data(), end, number, radix);
    if (failure == std::errc::result_out_of_range ||
        (failure == std::errc() && stop == end && (number < minimum || number > maximum))) {
        return Error::usage(
            fmt::format("{} is out of range ({} to {})", quote(text), minimum, maximum));
    }
    if (failure != std::errc() || stop != end) {
        return Error::usage(fmt::format("{} is not a number", quote(text)));
    }
    return number;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::uint64_t milliseconds;
    };
    static constexpr Unit kUnits[] = {{"ms", 1},     {"s", 1000},      {"min", 60'000},
                                      {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000},
                                      {"", 1000}};
    constexpr std::uint64_t kTenYears = 3650ULL * 86'400'000;
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    for (const Unit& unit : kUnits) {
        if (digits == 0 || text.substr(digits) != unit.name) continue;
        const Result<std::uint64_t> count =
            parse_number(text.substr(0, digits), 0, kTenYears / unit.milliseconds);
        if (!count.ok()) break;
        return std::chrono::milliseconds(count.value() * unit.milliseconds);
    }
    return Error::usage(
        fmt::format("{} is not a duration such as 100ms, 10s, 5min or 2h", quote(text)));
}

Result<std::uint64_t> parse_size(std::string_view text) {
    unsigned shift = 0;
    std::string_view digits = text;
    const bool long_unit = digits.ends_with("iB");
    if (long_unit) digits.remove_suffix(2);
    static constexpr std::string_view kPrefixes = "KMGT";
    const std::size_t unit =
        digits.empty() ? std::string_view::npos : kPrefixes.find(digits.back());
    if (unit != std::string_view::npos) {
        shift = 10 * (static_cast<unsigned>(unit) + 1);
        digits.remove_suffix(1);
    } else if (long_unit) {
        digits = {};  // "5iB" is no size
    }
    const Result<std::uint64_t> count =
        parse_number(digits, 0, std::numeric_limits<std::uint64_t>::max() >> shift);
    if (!count.ok()) {
        return Error::usage(fmt::format("{} is not a size such as 4096, 64K or 2G", quote(text)));
    }
    return count.value() << shift;
}

std::string format_size(std::uint64_t bytes) {
    static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) return fmt::format("{} B", bytes);
    double amount = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (amount >= 1024 && unit + 1 < std::size(kUnits)) {
        amount /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

std::string format_duration(std::chrono::milliseconds duration) {
    const auto count = duration.count();
    if (count < 1000) return fmt::format("{}ms", count);
    if (count < 60'000) return fmt::format("{:.2f}s", static_cast<double>(count) / 1000);
    if (count < 3'600'000) return fmt::format("{}min {}s", count / 60'000, count / 1000 % 60);
    return fmt::format("{}h {}min", count / 3'600'000, count / 60'000 % 60);
}

std::string to_hex(std::span<const std::byte> bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte byte : bytes) {
        text.push_back(kDigits[std::to_integer<unsigned>(byte) >> 4]);
        text.push_back(kDigits[std::to_integer<unsigned>(byte) & 15]);
    }
    return text;
}

namespace {

int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

std::size_t edit_distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    for (std::size_t column = 0; column < row.size(); ++column)
        row[column] = column;
    for (std::size_t line = 1; line <= left.size(); ++line) {
        std::size_t diagonal = row[0];
        row[0] = line;
        for (std::size_t column = 1; column <= right.size(); ++column) {
            const std::size_t above = row[column];
            const std::size_t replaced = diagonal + (left[line - 1] != right[column - 1] ? 1 : 0);
            row[column] = std::min({row[column - 1] + 1, above + 1, replaced});
            diagonal = above;
        }
    }
    return row.back();
}

}  // namespace

Result<std::vector<std::byte>> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return Error::data("hexadecimal text has an odd number of digits");
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t index = 0; index < text.size(); index += 2) {
        const int high = hex_digit(text[index]);
        const int low = hex_digit(text[index + 1]);
        if (high < 0 || low < 0) {
            return Error::data(fmt::format("{} is not hexadecimal", quote(text)));
        }
        bytes.push_back(static_cast<std::byte>(high * 16 + low));
    }
    return bytes;
}

std::size_t utf8_length(std::string_view text) {
    if (text.empty()) return 0;
    const auto at = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const unsigned first = at(0);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xC2 ? 0
                               : first < 0xE0 ? 2
                               : first < 0xF0 ? 3
                               : first < 0xF5 ? 4
                                              : 0;
    if (length == 0 || length > text.size()) return 0;
    for (std::size_t index = 1; index < length; ++index) {
        if ((at(index) & 0xC0) != 0x80) return 0;
    }
    if (first == 0xE0 && at(1) < 0xA0) return 0;  // overlong
    if (first == 0xED && at(1) > 0x9F) return 0;  // surrogate
    if (first == 0xF0 && at(1) < 0x90) return 0;  // overlong
    if (first == 0xF4 && at(1) > 0x8F) return 0;  // beyond U+10FFFF
    return length;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string escape(std::string_view text, std::size_t maximum_bytes) {
    std::string shown;
    std::string_view rest = text;
    while (!rest.empty()) {
        if (text.size() - rest.size() >= maximum_bytes) return shown + "...";
        const unsigned char first = static_cast<unsigned char>(rest[0]);
        const std::size_t length = utf8_length(rest);
        const bool c1_control = first == 0xC2 && length == 2 && (rest[1] & 0x20) == 0;
        if (length == 0 || first < 0x20 || first == 0x7F || c1_control) {
            shown += fmt::format("\\x{:02x}", first);
            rest.remove_prefix(1);
            continue;
        }
        if (first == '\'' || first == '\\') shown.push_back('\\');
        shown.append(rest.substr(0, length));
        rest.remove_prefix(length);
    }
    return shown;
}

std::string quote(std::string_view text) {
    return "'" + escape(text) + "'";
}

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> candidates) {
    std::string_view best;
    std::size_t best_distance = name.size() < 4 ? 2 : 3;  // farther is a guess, not a typo
    for (const std::string_view candidate : candidates) {
        if (candidate.empty() || name.size() > 64) continue;
        const std::size_t distance = edit_distance(name, candidate);
        if (distance < best_distance && distance < candidate.size()) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string_view trim(std::string_view text) {
    static constexpr std::string_view kBlank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace base
