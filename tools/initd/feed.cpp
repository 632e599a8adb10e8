// Cursor, loss lines, and rests of lines.
#include "feed.h"

#include <algorithm>

#include "base/format.h"

namespace initd {

namespace {

constexpr std::size_t kMostAtOnce = 64 * 1024;

}  // namespace

std::string_view format_loss(const Ring::Loss& loss, const struct timespec& now,
                             std::span<char> to) {
    std::array<char, 32> time;
    const std::size_t time_length = format_time(now.tv_sec, now.tv_nsec, time.data());
    const auto end =
        fmt::format_to_n(to.data(), to.size(), "{} initd lost: {} lines, {} bytes\n",
                         std::string_view(time.data(), time_length), loss.lines, loss.bytes);
    return {to.data(), std::min(end.size, to.size())};
}

void Feed::begin(const Ring& ring, const Ring::Cursor& at) {
    ring_ = &ring;
    cursor_ = at;
    kept_begin_ = kept_end_ = 0;
}

std::string_view Feed::next(const struct timespec& now) {
    if (ring_ == nullptr) return {};
    if (kept_begin_ == kept_end_) {
        const Ring::Loss loss = ring_->catch_up(cursor_);
        if (loss.bytes == 0) {
            const std::string_view text = ring_->peek(cursor_).substr(0, kMostAtOnce);
            const std::size_t newline = text.rfind('\n');
            // No newline: the line goes round the end of the ring's memory.
            return newline == std::string_view::npos ? text : text.substr(0, newline + 1);
        }
        kept_begin_ = 0;
        kept_end_ = format_loss(loss, now, kept_).size();
    }
    return {kept_.data() + kept_begin_, kept_end_ - kept_begin_};
}

void Feed::took(std::size_t bytes) {
    if (bytes == 0) return;
    if (kept_begin_ < kept_end_) {
        kept_begin_ += bytes;
        return;
    }
    const bool whole = ring_->peek(cursor_)[bytes - 1] == '\n';
    ring_->advance(cursor_, bytes);
    if (!whole) keep_line();
}

void Feed::keep_line() {
    kept_begin_ = kept_end_ = 0;
    bool ended = false;
    while (!ended && kept_end_ < kept_.size()) {
        std::string_view piece = ring_->peek(cursor_).substr(0, kept_.size() - kept_end_);
        if (piece.empty()) return;
        const std::size_t newline = piece.find('\n');
        ended = newline != std::string_view::npos;
        if (ended) piece = piece.substr(0, newline + 1);
        kept_end_ += piece.copy(kept_.data() + kept_end_, piece.size());
        ring_->advance(cursor_, piece.size());
    }
}

bool Feed::finished() const {
    return ring_ == nullptr || (kept_begin_ == kept_end_ && ring_->peek(cursor_).empty());
}

}  // namespace initd
