// Word splitting after POSIX shell quoting rules (XCU 2.2).
#include "words.h"

#include "base/format.h"
#include "base/text.h"

namespace initd {

namespace {

constexpr std::string_view kBlank = " \t\n";
constexpr std::string_view kNeedsShell = "|&;<>()$`*?[]{}";
constexpr std::string_view kNeedsShellInQuotes = "$`";

base::Error needs_shell(char character) {
    return base::Error::usage(
        fmt::format("{} has no meaning here as no shell is run; quote it or use a list",
                    base::quote(std::string_view(&character, 1))));
}

}  // namespace

base::Result<std::vector<std::string>> split_words(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char quote = '\0';
    for (std::size_t index = 0; index < line.size(); ++index) {
        const char character = line[index];
        if (quote == '\'') {
            if (character == '\'')
                quote = '\0';
            else
                word += character;
        } else if (character == '\\') {
            if (index + 1 == line.size()) return base::Error::usage("ends with a backslash");
            const char next = line[++index];
            // Within double quotes a backslash is itself unless it protects something.
            if (quote == '"' && next != '"' && next != '\\' && next != '$' && next != '`') {
                word += '\\';
            }
            word += next;
            in_word = true;
        } else if (quote == '"') {
            if (character == '"')
                quote = '\0';
            else if (kNeedsShellInQuotes.find(character) != std::string_view::npos) {
                return needs_shell(character);
            } else
                word += character;
        } else if (character == '\'' || character == '"') {
            quote = character;
            in_word = true;
        } else if (kBlank.find(character) != std::string_view::npos) {
            if (in_word) words.push_back(std::move(word));
            word.clear();
            in_word = false;
        } else if (kNeedsShell.find(character) != std::string_view::npos ||
                   (!in_word && (character == '#' || character == '~'))) {
            return needs_shell(character);
        } else {
            word += character;
            in_word = true;
        }
    }
    if (quote != '\0') return base::Error::usage("a quotation mark is not closed");
    if (in_word) words.push_back(std::move(word));
    return words;
}

}  // namespace initd
