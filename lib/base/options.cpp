// Command line parsing and the texts made from the same table.
#include "base/options.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace base {

namespace {

constexpr std::size_t kColumns = 80;
constexpr Option kCommonOptions[] = {
    {'h', "help", "", "", "Show this help and exit"},
    {'V', "version", "", "", "Show the version and exit"},
};
// Known to the parser, absent from the help: for packagers and tests.
constexpr Option kHiddenOptions[] = {
    {'\0', "completion", "", "", "Print a completion script for bash"},
    {'\0', "dump-options", "", "", "Print the option table"},
};

// Every table that counts for `command`, most specific first.
std::vector<std::span<const Option>> tables_for(const Tool& tool, const Command* command) {
    std::vector<std::span<const Option>> tables;
    if (command != nullptr) tables.push_back(command->options);
    tables.push_back(tool.options);
    tables.emplace_back(kCommonOptions);
    tables.emplace_back(kHiddenOptions);
    return tables;
}

const Option* find_long(const Tool& tool, const Command* command, std::string_view name) {
    for (const auto table : tables_for(tool, command)) {
        for (const Option& option : table) {
            if (option.name == name) return &option;
        }
    }
    return nullptr;
}

const Option* find_short(const Tool& tool, const Command* command, char name) {
    for (const auto table : tables_for(tool, command)) {
        for (const Option& option : table) {
            if (option.short_name == name) return &option;
        }
    }
    return nullptr;
}

Error unknown_option(const Tool& tool, const Command* command, std::string_view name) {
    std::vector<std::string_view> names;
    for (const auto table : tables_for(tool, command)) {
        for (const Option& option : table)
            names.push_back(option.name);
    }
    const std::string_view nearest = nearest_name(name, names);
    return Error::usage(
        fmt::format("unknown option {}", quote(fmt::format("--{}", name))),
        nearest.empty() ? "try --help" : fmt::format("did you mean --{}?", nearest));
}

Error unknown_command(const Tool& tool, std::string_view name) {
    std::vector<std::string_view> names;
    for (const Command& command : tool.commands)
        names.push_back(command.name);
    const std::string_view nearest = nearest_name(name, names);
    return Error::usage(fmt::format("unknown command {}", quote(name)),
                        nearest.empty() ? "try --help" : fmt::format("did you mean {}?", nearest));
}

const Command* find_command(const Tool& tool, std::string_view name) {
    for (const Command& command : tool.commands) {
        if (command.name == name) return &command;
    }
    return nullptr;
}

// Appends `text` wrapped to kColumns, continuing at column `indent`; the cursor is at `column`.
void append_wrapped(std::string& out, std::string_view text, std::size_t indent,
                    std::size_t column) {
    bool first = true;
    for (const std::string_view word : split(text, ' ')) {
        if (!first && column + 1 + word.size() > kColumns) {
            out += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (!first) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
        first = false;
    }
    out += '\n';
}

void append_options(std::string& out, std::span<const Option> options) {
    constexpr std::size_t kHelpColumn = 30;
    for (const Option& option : options) {
        std::string head = option.short_name != '\0' ? fmt::format("  -{}, ", option.short_name)
                                                     : std::string(6, ' ');
        head += fmt::format("--{}", option.name);
        if (!option.argument.empty()) head += fmt::format("={}", option.argument);
        out += head;
        std::size_t column = head.size();
        if (column + 2 > kHelpColumn) {
            out += '\n';
            column = 0;
        }
        out += std::string(kHelpColumn - column, ' ');
        std::string help(option.help);
        if (!option.default_value.empty()) help += fmt::format(" ({})", option.default_value);
        append_wrapped(out, help, kHelpColumn, kHelpColumn);
    }
}

}  // namespace

bool Arguments::has(std::string_view name) const {
    return std::any_of(given_.begin(), given_.end(),
                       [&](const auto& entry) { return entry.first->name == name; });
}

std::string_view Arguments::value(std::string_view name) const {
    for (auto entry = given_.rbegin(); entry != given_.rend(); ++entry) {
        if (entry->first->name == name) return entry->second;
    }
    const Option* option = find_long(*tool_, command, name);
    return option == nullptr ? std::string_view() : option->default_value;
}

std::vector<std::string_view> Arguments::values(std::string_view name) const {
    std::vector<std::string_view> found;
    for (const auto& [option, text] : given_) {
        if (option->name == name) found.push_back(text);
    }
    return found;
}

namespace {

template <typename T>
Result<T> for_option(std::string_view name, Result<T> result) {
    if (result.ok()) return result;
    return std::move(result).error().at(fmt::format("--{}", name));
}

}  // namespace

Result<std::uint64_t> Arguments::number(std::string_view name, std::uint64_t minimum,
                                        std::uint64_t maximum) const {
    return for_option(name, parse_number(value(name), minimum, maximum));
}

Result<std::chrono::milliseconds> Arguments::duration(std::string_view name) const {
    return for_option(name, parse_duration(value(name)));
}

Result<std::uint64_t> Arguments::size(std::string_view name) const {
    return for_option(name, parse_size(value(name)));
}

Result<void> Arguments::expect_operands(std::size_t minimum, std::size_t maximum) const {
    const std::string_view wanted = command != nullptr ? command->operands : tool_->operands;
    if (operands.size() < minimum) {
        return Error::usage(wanted.empty() ? std::string("an operand is missing")
                                           : fmt::format("expected {}", wanted));
    }
    if (operands.size() > maximum) {
        return Error::usage(fmt::format("unexpected operand {}", quote(operands[maximum])));
    }
    return {};
}

Result<Arguments> parse_arguments(const Tool& tool, std::span<char* const> argv) {
    Arguments arguments;
    arguments.tool_ = &tool;
    bool options_ended = false;
    for (std::size_t index = 0; index < argv.size(); ++index) {
        std::string_view word = argv[index];
        const auto take_next = [&](std::string_view shown) -> Result<std::string_view> {
            if (index + 1 >= argv.size()) {
                return Error::usage(fmt::format("option {} needs an argument", shown));
            }
            return std::string_view(argv[++index]);
        };
        if (!options_ended && word == "--") {
            options_ended = true;
        } else if (!options_ended && word.starts_with("--")) {
            word.remove_prefix(2);
            const std::size_t equals = word.find('=');
            const std::string_view name = word.substr(0, equals);
            const Option* option = find_long(tool, arguments.command, name);
            if (option == nullptr) return unknown_option(tool, arguments.command, name);
            std::string_view text;
            if (option->argument.empty() && equals != std::string_view::npos) {
                return Error::usage(fmt::format("option --{} takes no argument", name));
            }
            if (equals != std::string_view::npos) {
                text = word.substr(equals + 1);
            } else if (!option->argument.empty()) {
                text = TRY(take_next(fmt::format("--{}", name)));
            }
            arguments.given_.emplace_back(option, text);
        } else if (!options_ended && word.size() > 1 && word[0] == '-') {
            for (word.remove_prefix(1); !word.empty();) {
                const char name = word[0];
                const Option* option = find_short(tool, arguments.command, name);
                if (option == nullptr) {
                    return Error::usage(
                        fmt::format("unknown option {}", quote(fmt::format("-{}", name))));
                }
                word.remove_prefix(1);
                std::string_view text;
                if (!option->argument.empty()) {
                    text = word.empty() ? TRY(take_next(fmt::format("-{}", name))) : word;
                    word = {};
                }
                arguments.given_.emplace_back(option, text);
            }
        } else if (!tool.commands.empty() && arguments.command == nullptr) {
            arguments.command = find_command(tool, word);
            if (arguments.command == nullptr) return unknown_command(tool, word);
        } else {
            arguments.operands.push_back(word);
        }
    }
    return arguments;
}

std::string help_text(const Tool& tool, const Command* command) {
    std::string out;
    std::string usage = fmt::format("Usage: {} ", tool.name);
    const std::size_t indent = usage.size();
    if (command != nullptr) {
        usage += fmt::format("{} ", command->name);
    } else if (!tool.commands.empty()) {
        usage += "COMMAND ";
    }
    usage += "[OPTION]...";
    const std::string_view operands = command != nullptr ? command->operands : tool.operands;
    if (!operands.empty()) usage += fmt::format(" {}", operands);
    append_wrapped(out, usage, indent, 0);
    append_wrapped(out, command != nullptr ? command->summary : tool.summary, 0, 0);
    if (command == nullptr && !tool.commands.empty()) {
        out += "\nCommands:\n";
        for (const Command& each : tool.commands) {
            const std::string head = fmt::format("  {:<13} ", each.name);
            out += head;
            append_wrapped(out, each.summary, 16, head.size());
        }
    }
    out += "\nOptions:\n";
    if (command != nullptr) append_options(out, command->options);
    append_options(out, tool.options);
    for (const Option& option : kCommonOptions) {
        // A command's own option of that name stands in front of the common one.
        if (find_long(tool, command, option.name) == &option) append_options(out, {&option, 1});
    }
    if (command == nullptr && !tool.commands.empty()) {
        out += fmt::format("\n'{} COMMAND --help' shows a command's own options.\n", tool.name);
    }
    return out;
}

std::string dump_options(const Tool& tool) {
    std::string out;
    const auto append = [&out](std::string_view command, std::span<const Option> options) {
        for (const Option& option : options) {
            out += fmt::format(
                "{}\t{}\t{}\t{}\t{}\n", command,
                option.short_name == '\0' ? std::string() : std::string(1, option.short_name),
                option.name, option.argument, option.default_value);
        }
    };
    append("", tool.options);
    for (const Command& command : tool.commands) {
        out += fmt::format("{}\t\t\t{}\t\n", command.name, command.operands);
        append(command.name, command.options);
    }
    return out;
}

std::string completion_script(const Tool& tool) {
    std::string words;
    const auto append = [&words](std::span<const Option> options) {
        for (const Option& option : options)
            words += fmt::format(" --{}", option.name);
    };
    append(tool.options);
    append(kCommonOptions);
    for (const Command& command : tool.commands) {
        words += fmt::format(" {}", command.name);
        append(command.options);
    }
    return fmt::format("complete -o default -W '{}' {}\n", trim(words), tool.name);
}

}  // namespace base
