// Lists of system calls and the filters made of them; a small BPF machine is the judge.
#include "seccomp.h"

#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <cstddef>
#include <random>
#include <set>
#include <string>

using namespace initd;

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kHere = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kElsewhere = AUDIT_ARCH_I386;
#else
constexpr std::uint32_t kHere = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t kElsewhere = AUDIT_ARCH_ARM;
#endif

// As the kernel runs it, for the instructions that are used.
std::uint32_t run(const std::vector<struct sock_filter>& filter, std::uint32_t number,
                  std::uint32_t architecture = kHere) {
    std::uint32_t accumulator = 0;
    for (std::size_t at = 0; at < filter.size(); ++at) {
        const struct sock_filter& step = filter[at];
        const auto jump = [&](bool holds) { at += holds ? step.jt : step.jf; };
        switch (step.code) {
            case BPF_LD | BPF_W | BPF_ABS:
                accumulator = step.k == offsetof(struct seccomp_data, arch) ? architecture : number;
                break;
            case BPF_JMP | BPF_JEQ | BPF_K: jump(accumulator == step.k); break;
            case BPF_JMP | BPF_JGE | BPF_K: jump(accumulator >= step.k); break;
            case BPF_JMP | BPF_JGT | BPF_K: jump(accumulator > step.k); break;
            case BPF_RET | BPF_K: return step.k;
            default: FAIL("an instruction that is not expected");
        }
    }
    FAIL("the filter ends without an answer");
    return 0;
}

std::string error_of(std::string_view text) {
    const auto rules = parse_call_rules(text, "list");
    REQUIRE_FALSE(rules.ok());
    return rules.error().message;
}

constexpr std::uint32_t kEperm = SECCOMP_RET_ERRNO | EPERM;

}  // namespace

TEST_CASE("what is listed is allowed, the rest gets the default") {
    const auto rules = parse_call_rules("# a list\nread\n  close # why\n\nread\n", "list");
    REQUIRE(rules.ok());
    const auto filter = compile_filter(rules.value());
    for (const int number : {__NR_read, __NR_close})
        CHECK(run(filter, static_cast<std::uint32_t>(number)) == SECCOMP_RET_ALLOW);
    CHECK(run(filter, __NR_mount) == kEperm);
    CHECK(run(filter, 100'000) == kEperm);
    CHECK(run(filter, __NR_read, kElsewhere) == SECCOMP_RET_KILL_PROCESS);
}

TEST_CASE("the start of the program is always allowed, even by an empty list") {
    const auto rules = parse_call_rules("", "list");
    REQUIRE(rules.ok());
    const auto filter = compile_filter(rules.value());
    for (const int number : {__NR_execve, __NR_write, __NR_exit_group})
        CHECK(run(filter, static_cast<std::uint32_t>(number)) == SECCOMP_RET_ALLOW);
    CHECK(run(filter, __NR_read) == kEperm);
}

TEST_CASE("the default is an error by name, or the end") {
    const auto verdict = [](std::string_view text) {
        const auto rules = parse_call_rules(text, "list");
        REQUIRE(rules.ok());
        return run(compile_filter(rules.value()), __NR_mount);
    };
    CHECK(verdict("default: errno ENOSYS\nread\n") == (SECCOMP_RET_ERRNO | ENOSYS));
    CHECK(verdict("default:kill") == SECCOMP_RET_KILL_PROCESS);
    CHECK(verdict("read\ndefault: errno EACCES") == (SECCOMP_RET_ERRNO | EACCES));
}

TEST_CASE("mistakes in a list are told with file and line") {
    CHECK(error_of("read\nraed\n") == "list:2:1: 'raed' is not a system call here");
    CHECK(error_of("read write\n") == "list:1:1: 'read write' is not a system call here");
    CHECK(error_of("?\nx").starts_with("list:2:1: 'x'"));
    CHECK(error_of("default: errno NOPE").starts_with("list:1:1: expected 'default: kill'"));
    CHECK(error_of("default: allow").starts_with("list:1:1: expected 'default: kill'"));
    CHECK(error_of("default: kill\ndefault: kill") == "list:2:1: a second default");
    CHECK(error_of(std::string("re\0ad", 5)).starts_with("list:1:1: "));
}

TEST_CASE("a name that only some processors know may be marked") {
    const auto rules = parse_call_rules("?no_such_call_anywhere\n?read\n", "list");
    REQUIRE(rules.ok());
    CHECK(run(compile_filter(rules.value()), __NR_read) == SECCOMP_RET_ALLOW);
}

TEST_CASE("a filter allows its numbers and no others, however they lie") {
    std::mt19937 random(11);
    for (int round = 0; round < 50; ++round) {
        std::set<unsigned> numbers;
        const unsigned often = 1 + static_cast<unsigned>(random() % 8);
        for (unsigned number = 0; number < 500; ++number) {
            if (random() % often == 0) numbers.insert(number);
        }
        const CallRules rules{{numbers.begin(), numbers.end()}, EPERM};
        const auto filter = compile_filter(rules);
        REQUIRE(filter.size() <= 4096);  // BPF_MAXINSNS
        for (unsigned number = 0; number < 600; ++number) {
            CHECK((run(filter, number) == SECCOMP_RET_ALLOW) == numbers.contains(number));
        }
    }
}
