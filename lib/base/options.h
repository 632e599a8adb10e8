// One constant table per tool drives parsing, --help, shell completion and the test that holds
// the manual page against it.
//
// --help, --version, --completion and the hidden --dump-options exist in every tool and are not
// written into its table. Options may stand before and after operands; "--" ends them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace base {

struct Option {
    char short_name;                 // '\0' when there is none
    std::string_view name;           // long name without the dashes
    std::string_view argument;       // name of the argument in capitals; "" for a flag
    std::string_view default_value;  // used when the option is absent; "" for none
    std::string_view help;           // one sentence without a final period
};

struct Command {
    std::string_view name;
    std::string_view operands;  // as in a synopsis: "FILE..."
    std::string_view summary;
    std::span<const Option> options;
};

struct Tool {
    std::string_view name;
    std::string_view operands;
    std::string_view summary;
    std::span<const Option> options;    // of all commands
    std::span<const Command> commands;  // empty for a tool without commands
};

// What the command line said. Borrows from argv and from the tool's table.
class Arguments {
  public:
    const Command* command = nullptr;  // set when the tool has commands
    std::vector<std::string_view> operands;

    bool has(std::string_view name) const;
    // The last value given, else the table's default.
    std::string_view value(std::string_view name) const;
    // Every value given, in order; the default is not included.
    std::vector<std::string_view> values(std::string_view name) const;

    // The same, parsed; an Error (usage) names the option.
    Result<std::uint64_t> number(std::string_view name, std::uint64_t minimum,
                                 std::uint64_t maximum) const;
    Result<std::chrono::milliseconds> duration(std::string_view name) const;
    Result<std::uint64_t> size(std::string_view name) const;

    // Fails unless the number of operands lies in [minimum, maximum].
    Result<void> expect_operands(std::size_t minimum, std::size_t maximum) const;

  private:
    friend Result<Arguments> parse_arguments(const Tool&, std::span<char* const>);
    std::vector<std::pair<const Option*, std::string_view>> given_;
    const Tool* tool_ = nullptr;
};

// `argv` holds the words after the program's name. A wrong word is an Error (usage) with the
// nearest right one as its hint.
Result<Arguments> parse_arguments(const Tool& tool, std::span<char* const> argv);

// The text of --help, at most 80 columns wide; with a command, that command's part.
std::string help_text(const Tool& tool, const Command* command);

// Tab-separated: command, short, long, argument, default; one line per option.
std::string dump_options(const Tool& tool);

// A completion script for bash.
std::string completion_script(const Tool& tool);

}  // namespace base
