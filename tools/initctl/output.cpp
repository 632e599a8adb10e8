// Alignment and colour.
#include "output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"

namespace initctl {

namespace {

constexpr std::size_t kWidestCell = 1024;

// What one sees: continuation bytes of UTF-8 take no column.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
    }));
}

}  // namespace

std::string paint(std::string_view text, Colour colour, bool coloured) {
    if (!coloured || colour == Colour::none) return std::string(text);
    const char* code = colour == Colour::good ? "32" : colour == Colour::bad ? "31" : "33";
    return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::string format_table(const std::vector<std::string_view>& heads,
                         const std::vector<std::vector<Cell>>& rows, bool coloured) {
    std::vector<std::vector<Cell>> lines;
    lines.emplace_back();
    for (std::size_t column = 0; column < heads.size(); ++column) {
        const bool right = !rows.empty() && rows[0][column].right;
        lines[0].push_back({std::string(heads[column]), Colour::none, right});
    }
    lines.insert(lines.end(), rows.begin(), rows.end());
    std::vector<std::size_t> widths(heads.size(), 0);
    for (std::vector<Cell>& line : lines) {
        for (std::size_t column = 0; column < heads.size(); ++column) {
            line[column].text = base::escape(line[column].text, kWidestCell);
            widths[column] = std::max(widths[column], width(line[column].text));
        }
    }
    std::string table;
    for (const std::vector<Cell>& line : lines) {
        std::string text;
        for (std::size_t column = 0; column < heads.size(); ++column) {
            const Cell& cell = line[column];
            const std::string blanks(widths[column] - width(cell.text), ' ');
            if (column > 0) text += "  ";
            if (cell.right) text += blanks;
            text += paint(cell.text, cell.colour, coloured);
            if (!cell.right) text += blanks;
        }
        text.erase(text.find_last_not_of(' ') + 1);
        table += text + '\n';
    }
    return table;
}

bool wants_colour() {
    const char* forbidden = std::getenv("NO_COLOR");
    return (forbidden == nullptr || *forbidden == '\0') && ::isatty(STDOUT_FILENO) == 1;
}

Colour colour_of(std::string_view state) {
    if (state == "running" || state == "finished") return Colour::good;
    if (state == "failed" || state == "killing") return Colour::bad;
    if (state == "idle" || state == "stopped") return Colour::none;
    return Colour::busy;
}

std::string without_controls(std::string_view text) {
    std::string clean(text);
    for (char& byte : clean) {
        const auto value = static_cast<unsigned char>(byte);
        if ((value < 0x20 && byte != '\n' && byte != '\t') || value == 0x7F) byte = '?';
    }
    return clean;
}

}  // namespace initctl
