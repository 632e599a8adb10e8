// Logs and events: streams that may have no end.
#include <unistd.h>

#include <ctime>

#include "base/format.h"
#include "base/main.h"
#include "base/text.h"
#include "commands.h"
#include "fields.h"
#include "output.h"

namespace initctl {

namespace {

using base::Result;
using codec::json::Value;
using proto::control::FieldId;
using proto::control::Frame;
using proto::control::FrameWriter;
using Kind = Client::Kind;

std::string loss_line(const Value& record) {
    return fmt::format("initctl lost: {} lines, {} bytes\n", number_of(record, "lost_lines"),
                       number_of(record, "lost_bytes"));
}

// One object per line of the log, so that a stream can be read as it comes.
std::string log_as_json(const Value& record) {
    if (record.find("text") == nullptr) return codec::json::write(record) + "\n";
    std::string lines;
    std::string text = text_of(record, "text");
    if (text.ends_with('\n')) text.pop_back();
    for (const std::string_view line : base::split(text, '\n')) {
        lines += codec::json::write(Value().set("text", line)) + "\n";
    }
    return lines;
}

std::string time_text(std::uint64_t time_ms) {
    const auto seconds = static_cast<std::time_t>(time_ms / 1000);
    struct tm parts {};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       time_ms % 1000);
}

std::string event_line(const Value& event, bool coloured) {
    if (event.find("lost_lines") != nullptr) return loss_line(event);
    const std::string state = text_of(event, "state");
    const std::string text = text_of(event, "text");
    return fmt::format("{} {} {} ({}){}\n", time_text(number_of(event, "time_ms")),
                       base::escape(text_of(event, "name")),
                       paint(base::escape(state), colour_of(state), coloured),
                       base::escape(text_of(event, "reason")),
                       text.empty() ? "" : ": " + base::escape(text, 1024));
}

}  // namespace

Result<int> show_logs(Client& client, const base::Arguments& arguments) {
    const bool follow = arguments.has("follow");
    const bool json = arguments.has("json");
    const bool terminal = ::isatty(STDOUT_FILENO) == 1;
    std::uint64_t lines = 0;
    if (arguments.has("lines")) lines = TRY(arguments.number("lines", 1, 1U << 30));
    const auto fill = [&](FrameWriter& frame) {
        if (!arguments.operands.empty()) frame.text(FieldId::name, arguments.operands[0]);
        if (lines > 0) frame.number(FieldId::lines, lines);
        if (follow) frame.number(FieldId::follow, 1);
    };
    TRY(client.ask(
        Kind::logs, fill,
        [&](const Frame& frame) -> Result<void> {
            if (frame.kind() != Kind::log) return {};
            const Value record = to_json(frame);
            if (json) return base::print(log_as_json(record));
            const std::string text =
                record.find("text") != nullptr ? text_of(record, "text") : loss_line(record);
            return base::print(terminal ? without_controls(text) : text);
        },
        follow));
    return 0;
}

Result<int> show_events(Client& client, const base::Arguments& arguments) {
    const bool json = arguments.has("json");
    const bool coloured = wants_colour();
    TRY(client.ask(
        Kind::events, {},
        [&](const Frame& frame) -> Result<void> {
            if (frame.kind() != Kind::event) return {};
            const Value event = to_json(frame);
            return base::print(json ? codec::json::write(event) + "\n"
                                    : event_line(event, coloured));
        },
        true));
    return 0;
}

}  // namespace initctl
