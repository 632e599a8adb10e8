// Variables that a key or a peer gives to a program: what is a variable, and what a program starts
// with. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pipeline {

inline constexpr std::size_t kMaxVariables = 256;
inline constexpr std::size_t kMaxVariableBytes = 32 * 1024;
inline constexpr std::size_t kMaxEnvironmentBytes = 256 * 1024;

// What is wrong with "KEY=VALUE", or "". A key is letters, digits and '_' and begins with no digit.
std::string_view problem_with_variable(std::string_view text);

// What is before the '='.
std::string_view variable_name(std::string_view text);

// What is wrong with these as a whole (one of them, their number, their bytes), or "".
std::string problem_with_environment(const std::vector<std::string>& variables);

// The variables of `base`, then those of `over`; a later one replaces an earlier one of its name.
// In the order of their first appearance.
std::vector<std::string> merge_environment(std::vector<std::string> base,
                                           const std::vector<std::string>& over);

}  // namespace pipeline
