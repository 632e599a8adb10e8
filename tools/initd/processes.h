// One process as /proc tells it, without allocation. Only reads.
#pragma once

#include <sys/types.h>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace initd {

struct ProcessFacts {
    pid_t pid = 0;
    pid_t parent = 0;
    pid_t session = 0;
    std::uint32_t user_id = 0;
    char state = '?';
    std::uint64_t resident_bytes = 0;
    std::array<char, 64> name{};       // what the kernel calls it
    std::array<char, 1024> command{};  // its words, blanks between them; empty for kernel threads
    std::size_t command_bytes = 0;
    std::array<char, 256> group{};  // path of its cgroup
    std::size_t group_bytes = 0;

    std::string_view command_text() const { return {command.data(), command_bytes}; }
    std::string_view group_text() const { return {group.data(), group_bytes}; }
};

// False when the process is gone.
bool read_process(int proc_folder, pid_t pid, ProcessFacts& facts);

// The process is in the cgroup of a service, or in one below it.
bool is_in_group_of(const ProcessFacts& facts, std::string_view service);

// Reads at most `to.size()` bytes of a small file; "" when it cannot be read.
std::string_view read_small(int folder, const char* path, std::span<char> to);

}  // namespace initd
