// What the cases of the relay's contract and their server say to each other on each connection.
//
//   server: greeting   8 "relay ok", 8 number of the connection
//   client: wish       1 Wish, 8 argument
//   then as the wish has it. Numbers are big-endian.
//
// The server remembers how each connection ended for it, and tells when asked on another one.
#pragma once

#include <cstdint>
#include <string_view>

namespace relay_test {

inline constexpr std::string_view kGreeting = "relay ok";
inline constexpr std::size_t kGreetingBytes = 16;
inline constexpr std::size_t kWishBytes = 9;

enum class Wish : std::uint8_t {
    echo = 'e',      // what comes goes back, and so does the end
    sum = 's',       // after the end: Sum of what came
    first = 'f',     // ends its own direction first, then reads to the end
    pour = 'p',      // sends `argument` bytes of the stream with the connection's number, and ends
    reset = 'r',     // resets once there is an unread byte
    hold = 'h',      // as sum, but reads nothing until released
    release = 'g',   // the connection `argument`
    progress = 'o',  // Told of the connection `argument`, as it is
    outcome = '?',   // the same, once it has ended
};

enum class Outcome : std::uint8_t { none, ended, reset };

// sum: 8 bytes in all, 8 sum of them. The sum depends on the order of bytes.
inline constexpr std::size_t kSumBytes = 16;
// progress, outcome: 1 Outcome, 8 bytes received or, of pour, sent.
inline constexpr std::size_t kToldBytes = 9;

class Summing {
  public:
    void add(std::span<const std::byte> bytes) {
        for (const std::byte byte : bytes)
            value_ = (value_ ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
        count_ += bytes.size();
    }
    std::uint64_t count() const { return count_; }
    std::uint64_t value() const { return value_; }

  private:
    std::uint64_t count_ = 0;
    std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace relay_test
