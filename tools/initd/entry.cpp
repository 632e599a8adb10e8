// Heads, ends and escapes.
#include "entry.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/text.h"

namespace initd {

namespace {

// Formats into a span and says how much fitted.
template <typename... Args>
std::size_t put(std::span<char> to, fmt::format_string<Args...> format, Args&&... args) {
    const auto end = fmt::format_to_n(to.data(), to.size(), format, std::forward<Args>(args)...);
    return std::min(end.size, to.size());
}

std::string_view time_text(const struct timespec& now, std::span<char, 32> to) {
    return {to.data(), format_time(now.tv_sec, now.tv_nsec, to.data())};
}

// What stands for a character that cannot stand for itself; empty for all others.
std::string_view escape_of(unsigned char character, std::array<char, 6>& memory) {
    switch (character) {
        case '"': return "\\\"";
        case '\\': return "\\\\";
        case '\t': return "\\t";
        case '\r': return "\\r";
        default: break;
    }
    if (character >= 0x20 && character != 0x7F) return {};
    constexpr std::string_view kDigits = "0123456789abcdef";
    memory = {'\\', 'u', '0', '0', kDigits[character >> 4], kDigits[character & 15]};
    return {memory.data(), memory.size()};
}

}  // namespace

std::size_t put_loss(LineFormat format, const struct timespec& now, const Ring::Loss& loss,
                     std::span<char> to) {
    std::array<char, 32> memory;
    const std::string_view time = time_text(now, memory);
    if (format == LineFormat::json) {
        return put(to,
                   "{{\"time\":\"{}\",\"level\":\"lost\",\"lost_lines\":{},\"lost_bytes\":{}}}\n",
                   time, loss.lines, loss.bytes);
    }
    return put(to, "{} initd lost: {} lines, {} bytes\n", time, loss.lines, loss.bytes);
}

std::size_t put_note(LineFormat format, std::string_view time, std::string_view level,
                     std::string_view text, std::span<char> to) {
    constexpr std::string_view kEnd = "\"}\n";
    if (format == LineFormat::text) {
        const std::size_t length =
            put(to.first(to.size() - 1), "{} initd {}: {}", time, level, text);
        to[length] = '\n';
        return length + 1;
    }
    std::size_t length = put(to.first(to.size() - kEnd.size()),
                             "{{\"time\":\"{}\",\"level\":\"{}\",\"text\":\"", time, level);
    length += escape_json(text, to.subspan(length, to.size() - kEnd.size() - length)).written;
    return length + kEnd.copy(to.data() + length, kEnd.size());
}

std::size_t put_head(LineFormat format, const struct timespec& now, std::string_view service,
                     bool is_error_stream, std::span<char> to) {
    std::array<char, 32> memory;
    const std::string_view time = time_text(now, memory);
    const char* stream = is_error_stream ? "err" : "out";
    if (format == LineFormat::json) {
        return put(to, "{{\"time\":\"{}\",\"service\":\"{}\",\"stream\":\"{}\",\"text\":\"", time,
                   service, stream);
    }
    return put(to, "{} {} {}: ", time, service, stream);
}

Escaped escape_json(std::string_view text, std::span<char> to) {
    Escaped done;
    std::array<char, 6> memory;
    while (done.taken < text.size()) {
        const std::string_view rest = text.substr(done.taken);
        const std::size_t size = base::utf8_length(rest);
        std::string_view shown = "\\ufffd";
        if (size > 0) {
            shown = escape_of(static_cast<unsigned char>(rest[0]), memory);
            if (shown.empty()) shown = rest.substr(0, size);
        }
        if (shown.size() > to.size() - done.written) break;
        done.written += shown.copy(to.data() + done.written, shown.size());
        done.taken += std::max<std::size_t>(size, 1);
    }
    return done;
}

}  // namespace initd
