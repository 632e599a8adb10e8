// Wording for the host.
#include "status.h"

#include <cstring>

#include "base/format.h"
#include "signals.h"

namespace initd {

namespace {

// JSON string content; bytes outside ASCII become \u00XX, so the line is valid whatever they are.
std::string json_escape(std::string_view text) {
    std::string escaped;
    for (const char character : text) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte == '"' || byte == '\\') {
            escaped += '\\';
            escaped += character;
        } else if (byte < 0x20 || byte >= 0x7F) {
            escaped += fmt::format("\\u{:04x}", byte);
        } else {
            escaped += character;
        }
    }
    return escaped;
}

}  // namespace

const char* name_of(EndAction action) {
    switch (action) {
        case EndAction::poweroff: return "poweroff";
        case EndAction::reboot: return "reboot";
        case EndAction::halt: return "halt";
        case EndAction::stay: return "stay";
    }
    return "poweroff";
}

std::string running_line() {
    return "{ \"status\": \"running\" }\n";
}

std::string ending_line(const Ending& ending, std::string_view service) {
    switch (ending.how) {
        case Ending::How::none: return fatal_line(fmt::format("service {} never ran", service));
        case Ending::How::exited:
            return fmt::format("{{ \"status\": \"exited\", \"code\": {} }}\n", ending.value);
        case Ending::How::signaled:
            return fmt::format("{{ \"status\": \"signaled\", \"signal\": {}, \"name\": \"{}\" }}\n",
                               ending.value, signal_name(ending.value));
        case Ending::How::cannot_start:
            return fatal_line(fmt::format("service {} cannot start: {} (step {})", service,
                                          std::strerror(ending.value), name_of(ending.step)));
    }
    return fatal_line("unknown");
}

std::string fatal_line(std::string_view error) {
    constexpr std::size_t kLongest = 160;  // readers cap a line at 1,024 bytes, escapes take six
    return fmt::format("{{ \"status\": \"fatal\", \"error\": \"{}\" }}\n",
                       json_escape(error.substr(0, kLongest)));
}

std::string end_line(const End& end) {
    std::string line = fmt::format("initd: end reason={} action={} status={}", end.reason,
                                   name_of(end.action), end.status);
    if (!end.service.empty()) line += fmt::format(" service={}", end.service);
    if (!end.detail.empty()) line += fmt::format(" detail=\"{}\"", json_escape(end.detail));
    return line;
}

}  // namespace initd
