// The signals of Linux on x86_64 and arm64, which agree.
#include "signals.h"

#include <cctype>
#include <csignal>

#include "base/format.h"
#include "base/text.h"

namespace initd {

namespace {

constexpr std::string_view kNames[] = {
    "",     "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
    "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS"};

// The kernel's first real-time signal. glibc keeps 32 and 33 and calls 34 SIGRTMIN.
constexpr int kFirstRealTime = 34;
constexpr int kLast = 64;

}  // namespace

std::optional<int> signal_number(std::string_view name) {
    std::string upper;
    for (const char character : name) {
        upper += static_cast<char>(std::toupper(static_cast<unsigned char>(character)));
    }
    std::string_view rest = upper;
    if (rest.starts_with("SIG")) rest.remove_prefix(3);
    for (int number = 1; number < static_cast<int>(std::size(kNames)); ++number) {
        if (rest == kNames[number]) return number;
    }
    if (rest == "RTMIN") return kFirstRealTime;
    int first = 0;
    if (rest.starts_with("RTMIN+")) {
        rest.remove_prefix(6);
        first = kFirstRealTime;
    }
    const base::Result<std::uint64_t> number = base::parse_number(rest, 0, kLast);
    if (!number.ok() || rest.starts_with("0X")) return std::nullopt;
    const int signal = first + static_cast<int>(number.value());
    if (signal < 1 || signal > kLast) return std::nullopt;
    return signal;
}

std::string signal_name(int signal) {
    if (signal >= 1 && signal < static_cast<int>(std::size(kNames))) {
        return fmt::format("SIG{}", kNames[signal]);
    }
    if (signal == kFirstRealTime) return "SIGRTMIN";
    if (signal > kFirstRealTime && signal <= kLast) {
        return fmt::format("SIGRTMIN+{}", signal - kFirstRealTime);
    }
    return fmt::format("SIG{}", signal);
}

}  // namespace initd
