// Cursor, loss lines, and rests of lines.
#include "feed.h"

namespace initd {

namespace {

constexpr std::size_t kMostAtOnce = 64 * 1024;

}  // namespace

void Feed::begin(const Ring& ring, const Ring::Cursor& at, LineFormat format) {
    ring_ = &ring;
    format_ = format;
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
        kept_end_ = put_loss(format_, now, loss, kept_);
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
