// Log line formatting and the process-wide settings (the one global that base keeps).
#include "base/log.h"

#include <sys/time.h>
#include <unistd.h>

#include <ctime>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace base::log {

namespace {

struct Settings {
    char tool[32] = "";
    Level least = Level::info;
    Format format = Format::logfmt;
};
Settings settings;

constexpr std::string_view level_name(Level level) {
    switch (level) {
        case Level::debug: return "debug";
        case Level::info: return "info";
        case Level::warning: return "warning";
        case Level::error: return "error";
    }
    return "error";
}

std::string timestamp_now() {
    struct timespec now {};
    ::clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc {};
    ::gmtime_r(&now.tv_sec, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                       now.tv_nsec / 1'000'000);
}

// Quoted when it holds anything but plain characters.
void append_logfmt_value(std::string& out, std::string_view value) {
    bool plain = !value.empty();
    for (const char character : value) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte <= 0x20 || byte >= 0x7F || byte == '"' || byte == '=' || byte == '\\') {
            plain = false;
        }
    }
    if (plain) {
        out += value;
        return;
    }
    out += '"';
    for (const char character : value) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte == '"' || byte == '\\') {
            out += '\\';
            out += character;
        } else if (byte < 0x20 || byte >= 0x7F) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += character;
        }
    }
    out += '"';
}

// Bytes above 0x7E are written as \u00XX, so that the line is valid JSON whatever they are.
void append_json_value(std::string& out, std::string_view value) {
    out += '"';
    for (const char character : value) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte == '"' || byte == '\\') {
            out += '\\';
            out += character;
        } else if (byte < 0x20 || byte >= 0x7F) {
            out += fmt::format("\\u{:04x}", byte);
        } else {
            out += character;
        }
    }
    out += '"';
}

}  // namespace

void configure(std::string_view tool, Level least, Format format) {
    const std::size_t length = tool.copy(settings.tool, sizeof settings.tool - 1);
    settings.tool[length] = '\0';
    settings.least = least;
    settings.format = format;
}

void set_level(Level least) {
    settings.least = least;
}

Level level() {
    return settings.least;
}

Result<Format> parse_format(std::string_view text) {
    if (text == "logfmt") return Format::logfmt;
    if (text == "json") return Format::json;
    return Error::usage(fmt::format("{} is not a log format (logfmt, json)", quote(text)));
}

void set_format(Format format) {
    settings.format = format;
}

std::string format_line(Format format, std::string_view timestamp, Level level,
                        std::string_view tool, long pid, std::string_view message,
                        std::initializer_list<Field> fields) {
    std::string line;
    const auto append = [&](std::string_view key, std::string_view value) {
        if (format == Format::json) {
            line += line.empty() ? "{" : ",";
            line += fmt::format("\"{}\":", key);
            append_json_value(line, value);
        } else {
            if (!line.empty()) line += ' ';
            line += fmt::format("{}=", key);
            append_logfmt_value(line, value);
        }
    };
    append("ts", timestamp);
    append("level", level_name(level));
    append("tool", tool);
    append("pid", std::to_string(pid));
    append("msg", message);
    for (const Field& field : fields)
        append(field.key, field.value);
    if (format == Format::json) line += '}';
    return line;
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
    if (level < settings.least) return;
    std::string line = format_line(settings.format, timestamp_now(), level, settings.tool,
                                   ::getpid(), message, fields);
    line += '\n';
    (void)write_all(STDERR_FILENO, as_bytes(line), "standard error");
}

}  // namespace base::log
