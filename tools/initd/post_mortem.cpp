// Lines into a span, with a budget for each service.
#include "post_mortem.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <iterator>

#include "base/format.h"
#include "base/text.h"

namespace initd {

namespace {

constexpr std::size_t kMostTailLines = 10;
constexpr std::size_t kLongestPart = 400;  // of one line
constexpr std::size_t kRoomForClose = 32;

// Neither terminals nor JSON get control characters or bytes that are not UTF-8 out of this.
std::size_t copy_harmless(std::string_view text, std::span<char> to) {
    std::size_t used = 0;
    while (!text.empty() && used < to.size()) {
        std::size_t length = base::utf8_length(text);
        const auto byte = static_cast<unsigned char>(text[0]);
        // U+0080 to U+009F are control characters of two bytes.
        const bool control =
            byte < 0x20 || byte == 0x7F ||
            (byte == 0xC2 && length == 2 && static_cast<unsigned char>(text[1]) < 0xA0);
        if (length == 0 || control) {
            to[used++] = '?';
            text.remove_prefix(std::max<std::size_t>(length, 1));
            continue;
        }
        if (length > to.size() - used) break;
        text.copy(to.data() + used, length);
        used += length;
        text.remove_prefix(length);
    }
    return used;
}

}  // namespace

bool worth_telling(const Service& service) {
    const Ending& ending = service.ending();
    if (service.state() == State::failed || ending.how == Ending::How::cannot_start) return true;
    if (service.starts() < 2 || ending.how == Ending::How::none || ending.success()) return false;
    // One that was waiting for its next start when all was stopped ended by itself; these are the
    // ways to end by a stop.
    constexpr int kStops[] = {SIGTERM, SIGKILL, SIGINT, SIGHUP, SIGQUIT};
    const int signal = ending.how == Ending::How::exited ? ending.value - 128 : ending.value;
    return std::ranges::find(kStops, signal) == std::end(kStops);
}

// A line that would go beyond the limit is left out whole.
bool PostMortem::line(std::string_view head, std::string_view text, std::size_t limit) {
    limit = std::min(limit, to_.size() > kRoomForClose ? to_.size() - kRoomForClose : 0);
    if (used_ + head.size() + 1 > limit) return false;
    std::array<char, kLongestPart> part;
    const std::size_t length = copy_harmless(text, part);
    if (used_ + head.size() + length + 1 > limit) return false;
    used_ += head.copy(to_.data() + used_, head.size());
    used_ += std::string_view(part.data(), length).copy(to_.data() + used_, length);
    to_[used_++] = '\n';
    return true;
}

void PostMortem::open(std::string_view time, const End& end, std::size_t services) {
    std::array<char, kLongestPart> text;
    std::size_t length = 0;
    const auto put = [&](auto format, const auto&... values) {
        const std::size_t room = text.size() - length;
        length +=
            std::min(room, fmt::format_to_n(text.data() + length, room, format, values...).size);
    };
    put(FMT_STRING("time={} reason={} action={} status={}"), time, end.reason, name_of(end.action),
        end.status);
    if (!end.service.empty()) put(FMT_STRING(" service={}"), end.service);
    put(FMT_STRING(" services={}"), services);
    if (!end.detail.empty()) put(FMT_STRING(" detail=\"{}\""), end.detail);
    (void)line("", {text.data(), length}, to_.size());
}

void PostMortem::service(std::string_view name, const Service& service, std::string_view how,
                         const Ring& log) {
    const std::size_t share = used_ + (to_.size() - std::min(to_.size(), used_ + kRoomForClose)) /
                                          std::max<std::size_t>(expected_, 1);
    if (expected_ > 0) --expected_;
    std::array<char, kLongestPart> text;
    const auto end =
        fmt::format_to_n(text.data(), text.size(), "service={} state={} starts={} last=\"{}\"",
                         name, name_of(service.state()), service.starts(), how);
    if (!line("", {text.data(), std::min(end.size, text.size())}, share)) {
        ++omitted_;
        return;
    }
    tail(log, share);
}

// As many of the last lines as fit, and of these the later ones.
void PostMortem::tail(const Ring& log, std::size_t limit) {
    const std::size_t start = used_;
    for (std::size_t count = kMostTailLines; count > 0; --count) {
        used_ = start;
        Ring::Cursor cursor = log.last_lines(count);
        bool fits = true;
        while (fits && !log.peek(cursor).empty()) {
            // A line may lie in two pieces at the end of the ring.
            std::array<char, kLongestPart> part;
            std::size_t length = 0;
            bool ended = false;
            for (std::string_view piece = log.peek(cursor); !ended && !piece.empty();
                 piece = log.peek(cursor)) {
                const std::size_t newline = piece.find('\n');
                ended = newline != std::string_view::npos;
                const std::string_view some = piece.substr(0, newline);
                length += some.copy(part.data() + length, part.size() - length);
                log.advance(cursor, some.size() + (ended ? 1 : 0));
            }
            fits = line("| ", {part.data(), length}, limit);
        }
        if (fits) return;
    }
    used_ = start;
}

void PostMortem::close() {
    std::array<char, kRoomForClose> text;
    const auto end = fmt::format_to_n(text.data(), text.size(), "omitted={}\n", omitted_);
    if (omitted_ == 0 || end.size > to_.size() - used_) return;
    used_ += std::string_view(text.data(), end.size).copy(to_.data() + used_, end.size);
}

std::string_view with_post_mortem(std::string_view line, std::string_view text,
                                  std::span<char> to) {
    constexpr std::string_view kLineEnd = " }\n";
    if (!line.ends_with(kLineEnd) || text.empty()) return {};
    line.remove_suffix(kLineEnd.size());
    std::size_t used = 0;
    bool fits = true;
    const auto put = [&](std::string_view part) {
        fits = fits && part.size() <= to.size() - used;
        if (fits) used += part.copy(to.data() + used, part.size());
    };
    put(line);
    put(", \"post_mortem\": [\"");
    while (!text.empty()) {
        const char character = text[0];
        text.remove_prefix(1);
        if (character == '\n')
            put(text.empty() ? "" : "\", \"");
        else if (character == '"' || character == '\\')
            put(character == '"' ? "\\\"" : "\\\\");
        else
            put({&character, 1});
    }
    put("\"]");
    put(kLineEnd);
    return fits ? std::string_view(to.data(), used) : std::string_view();
}

}  // namespace initd
