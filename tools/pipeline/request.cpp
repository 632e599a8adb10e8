// Requests and their answers as fields.
#include "request.h"

#include <algorithm>
#include <csignal>

#include "base/format.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using proto::pipeline::FieldId;
using proto::pipeline::Fields;
using proto::pipeline::Payload;

namespace {

// POSIX shells read names and texts up to a NUL; a text with one would be cut.
bool clean(std::string_view text) {
    return text.find('\0') == std::string_view::npos;
}

Error bad(std::string_view field) {
    return Error(ExitCode::protocol, fmt::format("the request's field '{}' is not valid", field));
}

std::uint16_t side_of(std::uint64_t value) {
    return static_cast<std::uint16_t>(std::clamp<std::uint64_t>(value, 1, 0xFFFF));
}

std::string typed_word(std::string_view word) {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) {
        return std::string(word);
    }
    std::string text = "'";
    for (const char letter : word)
        letter == '\'' ? text += "'\\''" : text += letter;
    return text + "'";
}

}  // namespace

Payload encode(const RunRequest& request) {
    Payload fields;
    const Operation operation = request.shell ? Operation::shell : Operation::run;
    fields.number(FieldId::operation, static_cast<std::uint64_t>(operation));
    for (const std::string& argument : request.arguments)
        fields.text(FieldId::argument, argument);
    if (request.command.has_value()) fields.text(FieldId::command, *request.command);
    for (const std::string& variable : request.variables)
        fields.text(FieldId::variable, variable);
    if (!request.folder.empty()) fields.text(FieldId::folder, request.folder);
    if (!request.user.empty()) fields.text(FieldId::user, request.user);
    if (request.time_limit.has_value()) {
        fields.number(FieldId::time_limit_ms,
                      static_cast<std::uint64_t>(request.time_limit->count()));
    }
    if (request.input) fields.number(FieldId::input, 1);
    if (request.no_wait) fields.number(FieldId::no_wait, 1);
    if (request.terminal.has_value()) {
        fields.text(FieldId::terminal, request.terminal->type);
        fields.number(FieldId::rows, request.terminal->rows);
        fields.number(FieldId::columns, request.terminal->columns);
    }
    return fields;
}

base::Result<RunRequest> decode_run(const Fields& fields) {
    RunRequest request;
    const auto operation = fields.number(FieldId::operation);
    request.shell = operation == static_cast<std::uint64_t>(Operation::shell);
    bool all_clean = true;
    fields.for_each([&](const proto::Field<FieldId>& field) {
        const bool text = field.id == FieldId::argument || field.id == FieldId::variable ||
                          field.id == FieldId::command || field.id == FieldId::folder ||
                          field.id == FieldId::user || field.id == FieldId::terminal;
        if (text && !clean(field.as_text())) all_clean = false;
        if (field.id == FieldId::argument) request.arguments.emplace_back(field.as_text());
        if (field.id == FieldId::variable) request.variables.emplace_back(field.as_text());
    });
    if (!all_clean) return Error(ExitCode::protocol, "a text of the request holds a NUL");
    if (const auto command = fields.text(FieldId::command)) request.command = std::string(*command);
    request.folder = fields.text(FieldId::folder).value_or("");
    request.user = fields.text(FieldId::user).value_or("");
    request.input = fields.number(FieldId::input) == 1;
    request.no_wait = fields.number(FieldId::no_wait) == 1;
    if (const auto limit = fields.number(FieldId::time_limit_ms)) {
        constexpr std::uint64_t kLongest = std::uint64_t{366} * 24 * 3600 * 1000;
        if (*limit == 0 || *limit > kLongest) return bad("time_limit_ms");
        request.time_limit = std::chrono::milliseconds(*limit);
    }
    if (const auto type = fields.text(FieldId::terminal)) {
        request.terminal =
            TerminalRequest{std::string(*type), side_of(fields.number(FieldId::rows).value_or(24)),
                            side_of(fields.number(FieldId::columns).value_or(80))};
        if (type->size() > 64) return bad("terminal");
    }
    if (request.shell) {
        if (!request.arguments.empty() || request.command.has_value()) return bad("argument");
    } else if (request.arguments.empty() != request.command.has_value()) {
        return Error(ExitCode::protocol, "the request needs arguments or a command, and not both");
    }
    if (request.no_wait && (request.terminal.has_value() || request.input)) return bad("no_wait");
    for (const std::string& variable : request.variables) {
        if (variable.find('=') == std::string::npos || variable.starts_with('=')) {
            return bad("variable");
        }
    }
    return request;
}

Payload encode(const RunStatus& status) {
    Payload fields;
    fields.number(FieldId::code, 0);
    if (status.exit_code.has_value()) {
        fields.number(FieldId::exit_code, static_cast<std::uint64_t>(*status.exit_code));
    }
    if (status.signal.has_value()) {
        fields.number(FieldId::exit_signal, static_cast<std::uint64_t>(*status.signal));
    }
    if (status.timed_out) fields.number(FieldId::timed_out, 1);
    return fields;
}

Payload encode(Operation operation, const CopyRequest& request) {
    Payload fields;
    fields.number(FieldId::operation, static_cast<std::uint64_t>(operation));
    fields.text(FieldId::path, request.path);
    if (!request.source_name.empty()) fields.text(FieldId::source_name, request.source_name);
    fields.number(FieldId::style, static_cast<std::uint64_t>(request.style));
    if (request.archive) fields.number(FieldId::archive, 1);
    if (request.resume) fields.number(FieldId::resume, 1);
    if (request.part.has_value()) {
        fields.number(FieldId::offset, request.part->offset);
        fields.number(FieldId::length, request.part->length);
    }
    return fields;
}

base::Result<CopyRequest> decode_copy(const Fields& fields) {
    CopyRequest request;
    request.path = fields.text(FieldId::path).value_or("");
    request.source_name = fields.text(FieldId::source_name).value_or("");
    if (request.path.empty() || !clean(request.path)) return bad("path");
    if (!request.source_name.empty() && !proto::copy::is_name(request.source_name)) {
        return bad("source_name");
    }
    const std::uint64_t style = fields.number(FieldId::style).value_or(0);
    if (style > static_cast<std::uint64_t>(CopyStyle::into)) return bad("style");
    request.style = static_cast<CopyStyle>(style);
    request.archive = fields.number(FieldId::archive) == 1;
    request.resume = fields.number(FieldId::resume) == 1;
    const auto offset = fields.number(FieldId::offset);
    const auto length = fields.number(FieldId::length);
    if (offset.has_value() != length.has_value()) return bad("length");
    if (offset.has_value()) {
        if (*length == 0 || *length > proto::copy::kMaximumSize ||
            *offset > proto::copy::kMaximumSize - *length) {
            return bad("offset");
        }
        request.part = CopyRequest::Part{*offset, *length};
    }
    return request;
}

std::string typed_command(const RunRequest& request) {
    if (request.shell) return {};
    if (request.command.has_value()) return *request.command;
    std::string text;
    for (const std::string& argument : request.arguments) {
        if (!text.empty()) text += ' ';
        text += typed_word(argument);
    }
    return text;
}

Payload encode_window(std::uint16_t rows, std::uint16_t columns) {
    Payload fields;
    fields.number(FieldId::rows, rows);
    fields.number(FieldId::columns, columns);
    return fields;
}

Payload encode_signal(int signal) {
    Payload fields;
    fields.number(FieldId::signal, static_cast<std::uint64_t>(signal));
    return fields;
}

}  // namespace pipeline
