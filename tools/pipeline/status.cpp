// Errors as fields.
#include "status.h"

#include <algorithm>

#include "base/text.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using proto::pipeline::FieldId;

namespace {

constexpr std::size_t kMaximumText = 4096;

// What a peer says is shown on terminals. Quotes and backslashes are its own escapes of names.
std::string harmless(std::string_view text) {
    std::string shown;
    text = text.substr(0, kMaximumText);
    while (!text.empty()) {
        const std::size_t plain = std::min(text.find_first_of("'\\"), text.size());
        shown += base::escape(text.substr(0, plain), kMaximumText);
        text.remove_prefix(plain);
        if (text.empty()) break;
        shown += text.front();
        text.remove_prefix(1);
    }
    return shown;
}

}  // namespace

proto::pipeline::Payload encode(const Error& error) {
    proto::pipeline::Payload fields;
    fields.number(FieldId::code, static_cast<std::uint64_t>(error.code));
    fields.text(FieldId::text, error.message);
    if (error.errno_value > 0) {
        fields.number(FieldId::error, static_cast<std::uint64_t>(error.errno_value));
    }
    return fields;
}

std::optional<Error> error_of(const proto::pipeline::Fields& fields) {
    constexpr std::uint64_t kHighestErrno = 4095;
    const std::uint64_t code = fields.number(FieldId::code).value_or(0);
    if (code == 0) return std::nullopt;
    const bool known = code == 1 || (code >= 64 && code <= 78) || code == 126 || code == 127;
    Error error(known ? static_cast<ExitCode>(code) : ExitCode::protocol,
                harmless(fields.text(FieldId::text).value_or("no reason was given")));
    const std::uint64_t number = fields.number(FieldId::error).value_or(0);
    if (number <= kHighestErrno) error.errno_value = static_cast<int>(number);
    return error;
}

}  // namespace pipeline
