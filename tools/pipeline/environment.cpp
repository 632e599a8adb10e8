// Names after POSIX, base definitions 8.1; caps well below what the kernel takes.
#include "environment.h"

#include "base/format.h"
#include "base/text.h"

namespace pipeline {

namespace {

bool is_letter(char character) {
    return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
           character == '_';
}

}  // namespace

std::string_view variable_name(std::string_view text) {
    return text.substr(0, text.find('='));
}

std::string_view problem_with_variable(std::string_view text) {
    if (text.size() > kMaxVariableBytes) return "the variable is too long";
    if (text.find('\0') != std::string_view::npos) return "the variable holds a zero byte";
    if (text.find('=') == std::string_view::npos) return "expected KEY=VALUE";
    const std::string_view name = variable_name(text);
    if (name.empty() || !is_letter(name[0])) return "the name begins with no letter";
    for (const char character : name) {
        if (!is_letter(character) && (character < '0' || character > '9')) {
            return "the name holds a character other than letters, digits and '_'";
        }
    }
    return {};
}

std::string problem_with_environment(const std::vector<std::string>& variables) {
    if (variables.size() > kMaxVariables) {
        return fmt::format("more than {} variables", kMaxVariables);
    }
    std::size_t bytes = 0;
    for (const std::string& variable : variables) {
        const std::string_view why = problem_with_variable(variable);
        if (!why.empty()) return fmt::format("{}: {}", base::quote(variable_name(variable)), why);
        bytes += variable.size() + 1;
    }
    if (bytes > kMaxEnvironmentBytes) {
        return fmt::format("more than {} bytes of variables", kMaxEnvironmentBytes);
    }
    return {};
}

std::vector<std::string> merge_environment(std::vector<std::string> base,
                                           const std::vector<std::string>& over) {
    std::vector<std::string> merged;
    const auto put = [&merged](std::string variable) {
        for (std::string& other : merged) {
            if (variable_name(other) == variable_name(variable)) {
                other = std::move(variable);
                return;
            }
        }
        merged.push_back(std::move(variable));
    };
    for (std::string& variable : base)
        put(std::move(variable));
    for (const std::string& variable : over)
        put(variable);
    return merged;
}

}  // namespace pipeline
