// What is said of a workload that failed, once it is over: why the enclave ended, how each failed
// service ended, and the tail of its log. Pure and without allocation, so that it can be written
// while memory is short or PID 1 itself has crashed. Page: initd(8), POST-MORTEM.
//
//   time=... reason=critical-failed action=poweroff status=42 service=web detail="..." services=9
//   service=web state=failed starts=3 last="exited with code 42"
//   | 2026-01-31T23:59:59.123Z web err: cannot open '/x'
//   omitted=2
//
// The text goes to the host in one of two forms: as the strings of a JSON array in a second last
// line of the status port, or between two marked lines on the console.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "ring.h"
#include "service.h"
#include "status.h"

namespace initd {

inline constexpr std::size_t kMostPostMortem = 12 * 1024;
// Every character may need a backslash, and every line ends in four characters.
inline constexpr std::size_t kMostPostMortemJson = 2 * kMostPostMortem + 2 * 1024;
inline constexpr std::string_view kPostMortemBegin = "-----BEGIN ENCLAVEBOX POST-MORTEM-----\n";
inline constexpr std::string_view kPostMortemEnd = "-----END ENCLAVEBOX POST-MORTEM-----\n";

// Writes into memory of its owner; what does not fit is cut at a line.
class PostMortem {
  public:
    explicit PostMortem(std::span<char> to) : to_(to) {}

    // The first line. `time` is as format_time() writes it.
    void open(std::string_view time, const End& end, std::size_t services);
    // How many services will be told, so that each gets its share of what is left.
    void expect(std::size_t services) { expected_ = services; }
    void service(std::string_view name, const Service& service, std::string_view how,
                 const Ring& log);
    void close();

    std::string_view text() const { return {to_.data(), used_}; }

  private:
    bool line(std::string_view head, std::string_view text, std::size_t limit);
    void tail(const Ring& log, std::size_t limit);

    std::span<char> to_;
    std::size_t used_ = 0;
    std::size_t expected_ = 0;
    std::size_t omitted_ = 0;
};

// Whether a service belongs into it: it failed, or it was between two starts when all was stopped.
bool worth_telling(const Service& service);

// `line` of the status port, with its newline, once more and with the member "post_mortem" as its
// last. Returns what was written, or nothing when there is no room or nothing to tell.
std::string_view with_post_mortem(std::string_view line, std::string_view text, std::span<char> to);

}  // namespace initd
