// The memory of unfinished lines, and timestamps without locale or allocation.
#include "lines.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <new>

namespace initd {

bool LineCutter::hold(std::string_view part) {
    if (!memory_) memory_.reset(new (std::nothrow) char[kLongestLine]);
    if (!memory_) return false;
    std::memcpy(memory_.get() + held_bytes_, part.data(), part.size());
    held_bytes_ += part.size();
    return true;
}

std::uint64_t count_newlines(std::string_view text) {
    constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101, kLow = 0x7F * kOnes;
    constexpr std::size_t kWord = sizeof(std::uint64_t);
    constexpr std::size_t kMostWords = 255;  // what a byte of `lanes` can count
    std::uint64_t total = 0;
    while (text.size() >= kWord) {
        const std::size_t words = std::min(text.size() / kWord, kMostWords);
        std::uint64_t lanes = 0;
        for (std::size_t index = 0; index < words; ++index) {
            std::uint64_t word;
            std::memcpy(&word, text.data() + index * kWord, kWord);
            word ^= '\n' * kOnes;  // a newline is a zero byte now
            lanes += (~(((word & kLow) + kLow) | word | kLow)) >> 7;
        }
        for (; lanes != 0; lanes >>= 8)
            total += lanes & 0xFF;
        text.remove_prefix(words * kWord);
    }
    return total + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

std::size_t format_time(std::int64_t seconds, long nanoseconds, char* to) {
    struct tm utc {};
    const std::time_t time = seconds;
    ::gmtime_r(&time, &utc);
    const auto put = [&](int value, int digits) {
        for (int index = digits - 1; index >= 0; --index) {
            to[index] = static_cast<char>('0' + value % 10);
            value /= 10;
        }
        to += digits;
    };
    const char* const start = to;
    put(utc.tm_year + 1900, 4);
    *to++ = '-';
    put(utc.tm_mon + 1, 2);
    *to++ = '-';
    put(utc.tm_mday, 2);
    *to++ = 'T';
    put(utc.tm_hour, 2);
    *to++ = ':';
    put(utc.tm_min, 2);
    *to++ = ':';
    put(utc.tm_sec, 2);
    *to++ = '.';
    put(static_cast<int>(nanoseconds / 1'000'000), 3);
    *to++ = 'Z';
    *to = '\0';
    return static_cast<std::size_t>(to - start);
}

}  // namespace initd
