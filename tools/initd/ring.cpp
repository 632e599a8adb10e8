// Absolute offsets over a circular buffer.
#include "ring.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "lines.h"

namespace initd {

base::Result<Ring> Ring::create(std::size_t capacity) {
    void* memory = ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return base::Error::system("map memory for a log ring", "");
    Ring ring;
    ring.memory_ = static_cast<char*>(memory);
    ring.capacity_ = capacity;
    return ring;
}

Ring::Ring(Ring&& other) noexcept {
    *this = std::move(other);
}

Ring& Ring::operator=(Ring&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(capacity_, other.capacity_);
    std::swap(written_, other.written_);
    std::swap(lines_, other.lines_);
    std::swap(evicted_lines_, other.evicted_lines_);
    return *this;
}

Ring::~Ring() {
    if (memory_ != nullptr) ::munmap(memory_, capacity_);
}

void Ring::append(std::string_view text) {
    if (memory_ == nullptr || text.empty()) return;
    const std::uint64_t end = written_ + text.size();
    const std::uint64_t new_first = end > capacity_ ? end - capacity_ : 0;
    lines_ += count_newlines(text);
    if (new_first > written_) {
        // Not even this text fits: everything before its end goes.
        text.remove_prefix(static_cast<std::size_t>(new_first - written_));
        written_ = new_first;
        evicted_lines_ = lines_ - count_newlines(text);
    } else {
        evicted_lines_ += count_lines(first_kept(), new_first);
    }
    while (!text.empty()) {
        const std::size_t position = static_cast<std::size_t>(written_ % capacity_);
        const std::size_t count = std::min(text.size(), capacity_ - position);
        std::memcpy(memory_ + position, text.data(), count);
        written_ += count;
        text.remove_prefix(count);
    }
}

std::string_view Ring::piece(std::uint64_t from, std::uint64_t to) const {
    if (from >= to) return {};
    const std::size_t position = static_cast<std::size_t>(from % capacity_);
    return {memory_ + position,
            std::min<std::size_t>(static_cast<std::size_t>(to - from), capacity_ - position)};
}

std::uint64_t Ring::count_lines(std::uint64_t from, std::uint64_t to) const {
    std::uint64_t count = 0;
    while (from < to) {
        const std::string_view part = piece(from, to);
        count += count_newlines(part);
        from += part.size();
    }
    return count;
}

Ring::Cursor Ring::oldest() const {
    Cursor cursor{first_kept(), evicted_lines_};
    if (cursor.offset == 0) return cursor;
    // The first bytes may be the end of a line whose start is gone.
    while (cursor.offset < written_) {
        const std::string_view part = piece(cursor.offset, written_);
        const std::size_t newline = part.find('\n');
        if (newline != std::string_view::npos) {
            return {cursor.offset + newline + 1, cursor.lines + 1};
        }
        cursor.offset += part.size();
    }
    return cursor;
}

// From the end backwards: few lines of a large ring cost little.
Ring::Cursor Ring::last_lines(std::size_t count) const {
    const Cursor first = oldest();
    if (lines_ - first.lines <= count) return first;
    std::uint64_t offset = written_;
    // What stands behind the last newline belongs to the last line.
    std::size_t newlines_to_pass = count + 1;
    while (offset > first.offset) {
        const std::size_t before = static_cast<std::size_t>((offset - 1) % capacity_) + 1;
        const std::size_t size =
            std::min<std::size_t>(before, static_cast<std::size_t>(offset - first.offset));
        const std::string_view part(memory_ + before - size, size);
        const std::size_t newline = part.rfind('\n');
        if (newline == std::string_view::npos) {
            offset -= size;
        } else if (--newlines_to_pass == 0) {
            return {offset - size + newline + 1, lines_ - count};
        } else {
            offset -= size - newline;
        }
    }
    return first;
}

Ring::Loss Ring::catch_up(Cursor& cursor) const {
    if (cursor.offset >= first_kept()) return {};
    const Cursor next = oldest();
    const Loss loss{next.offset - cursor.offset, next.lines - cursor.lines};
    cursor = next;
    return loss;
}

std::string_view Ring::peek(const Cursor& cursor) const {
    return piece(cursor.offset, written_);
}

std::array<std::string_view, 2> Ring::lines(const Cursor& cursor, std::size_t most) const {
    const std::string_view first = peek(cursor).substr(0, most);
    const std::size_t newline = first.rfind('\n');
    if (newline != std::string_view::npos) return {first.substr(0, newline + 1), {}};
    const std::string_view second = piece(cursor.offset + first.size(), written_);
    const std::size_t end = second.find('\n');
    if (end == std::string_view::npos) return {};
    return {first, second.substr(0, end + 1)};
}

void Ring::advance(Cursor& cursor, std::size_t bytes) const {
    const std::uint64_t to = cursor.offset + bytes;
    cursor.lines += count_lines(cursor.offset, to);
    cursor.offset = to;
}

}  // namespace initd
