// Names to numbers, numbers to ranges, ranges to BPF.
#include "seccomp.h"

#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <optional>

#include "base/format.h"
#include "base/text.h"

namespace initd {

namespace {

using base::Error;
using base::Result;

// One text and one row of numbers instead of pointers: nothing to relocate in PID 1.
constexpr char kNames[] =
#define SYSTEM_CALL(name) #name "\0"
#include "system_calls.inc"
#undef SYSTEM_CALL
    ;
constexpr std::uint16_t kNumbers[] = {
#define SYSTEM_CALL(name) __NR_##name,
#include "system_calls.inc"
#undef SYSTEM_CALL
};

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "this architecture's number for seccomp filters is not known"
#endif

constexpr std::string_view kAlways[] = {"execve", "write", "exit_group"};

std::optional<unsigned> call_number(std::string_view name) {
    const char* at = kNames;
    for (const std::uint16_t number : kNumbers) {
        const std::string_view candidate = at;
        if (candidate == name) return number;
        at += candidate.size() + 1;
    }
    return std::nullopt;
}

// "EPERM"; the number of an error.
std::optional<int> error_number(std::string_view name) {
    constexpr int kLastError = 133;
    for (int number = 1; number <= kLastError; ++number) {
        const char* candidate = ::strerrorname_np(number);
        if (candidate != nullptr && name == candidate) return number;
    }
    return std::nullopt;
}

// What follows "default:".
std::optional<int> read_default(std::string_view text) {
    constexpr std::string_view kErrno = "errno";
    text = base::trim(text);
    if (text == "kill") return 0;
    if (!text.starts_with(kErrno)) return std::nullopt;
    return error_number(base::trim(text.substr(kErrno.size())));
}

void sort_unique(std::vector<unsigned>& numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

}  // namespace

Result<CallRules> parse_call_rules(std::string_view text, const std::string& file) {
    constexpr std::string_view kDefault = "default:";
    CallRules rules;
    rules.errno_value = EPERM;
    std::size_t line_number = 0;
    bool has_default = false;
    for (std::string_view line : base::split(text, '\n')) {
        ++line_number;
        const auto fail = [&](const std::string& message) {
            return Error(base::ExitCode::config,
                         fmt::format("{}:{}:1: {}", file, line_number, message));
        };
        line = base::trim(line.substr(0, line.find('#')));
        if (line.empty()) continue;
        if (line.starts_with(kDefault)) {
            const auto value = read_default(line.substr(kDefault.size()));
            if (!value) return fail("expected 'default: kill' or such as 'default: errno EPERM'");
            if (has_default) return fail("a second default");
            has_default = true;
            rules.errno_value = *value;
            continue;
        }
        const bool may_be_absent = line[0] == '?';
        if (may_be_absent) line.remove_prefix(1);
        const std::optional<unsigned> number = call_number(line);
        if (number)
            rules.allowed.push_back(*number);
        else if (!may_be_absent)
            return fail(fmt::format("{} is not a system call here", base::quote(line)));
    }
    for (const std::string_view name : kAlways)
        rules.allowed.push_back(*call_number(name));
    sort_unique(rules.allowed);
    return rules;
}

std::vector<struct sock_filter> compile_filter(const CallRules& rules) {
    std::vector<struct sock_filter> filter;
    const auto statement = [&](unsigned code, std::uint32_t value) {
        filter.push_back({static_cast<std::uint16_t>(code), 0, 0, value});
    };
    const auto if_skip = [&](unsigned code, std::uint32_t value) {
        filter.push_back({static_cast<std::uint16_t>(BPF_JMP | BPF_K | code), 1, 0, value});
    };
    const std::uint32_t others =
        rules.errno_value == 0
            ? SECCOMP_RET_KILL_PROCESS
            : SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(rules.errno_value) & 0xFFFF);

    statement(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    if_skip(BPF_JEQ, kArchitecture);
    statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    statement(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    // Ranges ascend, so what lies below one and was in none before is not allowed.
    for (auto first = rules.allowed.begin(); first != rules.allowed.end();) {
        auto last = first;
        while (std::next(last) != rules.allowed.end() && *std::next(last) == *last + 1)
            ++last;
        if_skip(BPF_JGE, *first);
        statement(BPF_RET | BPF_K, others);
        if_skip(BPF_JGT, *last);
        statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        first = std::next(last);
    }
    statement(BPF_RET | BPF_K, others);
    return filter;
}

}  // namespace initd
