// Tables and lines for people. Pure but for the question whether they go to a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace initctl {

enum class Colour { none, good, bad, busy };

struct Cell {
    std::string text;  // escaped when it is printed
    Colour colour = Colour::none;
    bool right = false;  // numbers stand to the right
};

// Columns as wide as their widest cell, two blanks between them, nothing behind the last.
std::string format_table(const std::vector<std::string_view>& heads,
                         const std::vector<std::vector<Cell>>& rows, bool coloured);

// Standard output is a terminal and NO_COLOR does not forbid it.
bool wants_colour();

Colour colour_of(std::string_view state);
std::string paint(std::string_view text, Colour colour, bool coloured);

// A log's text with control characters but newline and tab replaced by '?': what a service prints
// must not steer the terminal of who looks.
std::string without_controls(std::string_view text);

}  // namespace initctl
