// Log lines on standard error: ts= level= tool= pid= msg= and then the caller's keys.
//
// logfmt by default, one JSON object per line on request. Values are quoted and escaped, so that
// nothing a peer says can forge a line. The format is documented in enclavebox(7).
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base::log {

enum class Level { debug, info, warning, error };
enum class Format { logfmt, json };

struct Field {
    std::string_view key;  // lower case, digits and underscores
    std::string value;

    Field(std::string_view name, std::string_view text) : key(name), value(text) {}
    Field(std::string_view name, const char* text) : key(name), value(text) {}
    template <std::integral T>
    Field(std::string_view name, T number) : key(name), value(std::to_string(number)) {}
};

// Called once by main; until then lines carry no tool name.
void configure(std::string_view tool, Level least, Format format);
void set_level(Level least);
Level level();
Result<Format> parse_format(std::string_view text);
void set_format(Format format);

void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});

inline void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
    if (level() == Level::debug) write(Level::debug, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::info, message, fields);
}
inline void warning(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::warning, message, fields);
}
inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::error, message, fields);
}

// One finished line without its newline: pure, for tests and for PID 1's own ring.
std::string format_line(Format format, std::string_view timestamp, Level level,
                        std::string_view tool, long pid, std::string_view message,
                        std::initializer_list<Field> fields);

}  // namespace base::log
