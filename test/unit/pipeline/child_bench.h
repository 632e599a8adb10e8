// Real programs for the tests of child.h: run one to its end and gather what it wrote.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <string>

#include "child.h"

namespace pipeline {

inline ChildSettings shell_settings(const std::string& script) {
    ChildSettings settings;
    settings.command = {"/bin/sh", "-c", script};
    settings.environment = {"PATH=/usr/bin:/bin"};
    return settings;
}

inline Child start_or_fail(const ChildSettings& settings) {
    auto child = Child::start(settings);
    if (!child.ok()) FAIL(child.error().message);
    return std::move(child).value();
}

// A wait for whatever `done` says; fails after ten seconds.
template <typename Done>
void wait_until(Done&& done, int fd = -1) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) FAIL("waited in vain");
        pollfd waited{fd, POLLIN, 0};
        ::poll(&waited, 1, 5);
    }
}

inline ChildEnd wait_for_end(const Child& child) {
    wait_until([&] { return child.end().has_value(); }, child.end_fd());
    return *child.end();
}

// Appends what is there to `text`; true at the end.
inline bool gather(int fd, std::string& text) {
    std::array<std::byte, 65536> buffer;
    while (true) {
        const auto count = read_available(fd, buffer);
        REQUIRE(count.ok());
        if (!count.value()) return false;
        if (*count.value() == 0) return true;
        text.append(reinterpret_cast<const char*>(buffer.data()), *count.value());
    }
}

inline std::string read_to_end(int fd) {
    std::string text;
    wait_until([&] { return gather(fd, text); }, fd);
    return text;
}

inline void read_until(int fd, std::string& text, std::string_view wanted) {
    wait_until(
        [&] {
            gather(fd, text);
            return text.find(wanted) != std::string::npos;
        },
        fd);
}

struct Outcome {
    std::string output;
    std::string errors;
    ChildEnd end;
};

// For programs that write little to standard error.
inline Outcome run_to_end(const ChildSettings& settings) {
    Child child = start_or_fail(settings);
    child.end_input();
    Outcome outcome;
    outcome.output = read_to_end(child.output());
    if (child.errors() >= 0) outcome.errors = read_to_end(child.errors());
    outcome.end = wait_for_end(child);
    return outcome;
}

}  // namespace pipeline
