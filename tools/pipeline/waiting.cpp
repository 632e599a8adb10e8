// Looks, and keeps the time.
#include "waiting.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/bytes.h"

namespace pipeline {

namespace {

using std::chrono::milliseconds;

constexpr std::byte kHandshake{22};
constexpr std::byte kMajorVersion{3};
constexpr std::size_t kRecordHeader = 5;
// A ClientHello of ours has some 250 bytes; with a few extensions more, others have two thousand.
constexpr std::size_t kMaximumRecord = 4096;
// How often a record is looked at that comes in pieces.
constexpr milliseconds kFirstPause{5};
constexpr milliseconds kLongestPause{500};

}  // namespace

FirstRecord first_record(std::span<const std::byte> bytes) {
    using Is = FirstRecord::Is;
    if (!bytes.empty() && bytes[0] != kHandshake) return {Is::other, 0};
    if (bytes.size() > 1 && bytes[1] != kMajorVersion) return {Is::other, 0};
    if (bytes.size() < kRecordHeader) return {Is::incomplete, kRecordHeader};
    const std::size_t length = base::load_be<std::uint16_t>(bytes.subspan(3));
    if (length == 0 || length > kMaximumRecord) return {Is::other, 0};
    const bool complete = bytes.size() >= kRecordHeader + length;
    return {complete ? Is::complete : Is::incomplete, kRecordHeader + length};
}

void WaitingRoom::add(vsockio::Connection connection, Clock::time_point now) {
    if (waiting_.size() >= maximum_) end_oldest();
    waiting_.push_back({std::move(connection), now + limit_, {}, kFirstPause});
}

void WaitingRoom::watch(std::vector<pollfd>& watched, Clock::time_point now) const {
    for (const Waiting& one : waiting_) {
        const bool looks = one.look_again <= now;
        watched.push_back({one.connection.fd.get(), static_cast<short>(looks ? POLLIN : 0), 0});
    }
}

std::vector<vsockio::Connection> WaitingRoom::look(std::span<const pollfd> watched,
                                                   Clock::time_point now) {
    std::vector<vsockio::Connection> ready;
    std::size_t index = 0;
    std::erase_if(waiting_, [&](Waiting& one) {
        const short events = index < watched.size() ? watched[index].revents : short{0};
        ++index;
        if (one.until <= now) return true;
        if (events == 0) return false;
        std::array<std::byte, kRecordHeader + kMaximumRecord> bytes;
        const ssize_t count =
            ::recv(one.connection.fd.get(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
        if (count < 0) return errno != EAGAIN && errno != EINTR;
        if (count == 0) return true;
        const auto first = first_record(std::span(bytes).first(static_cast<std::size_t>(count)));
        if (first.is == FirstRecord::Is::other) return true;
        if (first.is == FirstRecord::Is::complete) {
            ready.push_back(std::move(one.connection));
            return true;
        }
        // Whoever has gone sends no more.
        if ((events & (POLLHUP | POLLERR)) != 0) return true;
        one.look_again = now + one.pause;
        one.pause = std::min(one.pause * 2, kLongestPause);
        return false;
    });
    return ready;
}

void WaitingRoom::end_oldest() {
    if (!waiting_.empty()) waiting_.erase(waiting_.begin());
}

std::optional<WaitingRoom::Clock::time_point> WaitingRoom::next() const {
    std::optional<Clock::time_point> first;
    for (const Waiting& one : waiting_) {
        Clock::time_point due = one.until;
        if (one.look_again > Clock::time_point{}) due = std::min(due, one.look_again);
        if (!first.has_value() || due < *first) first = due;
    }
    return first;
}

}  // namespace pipeline
