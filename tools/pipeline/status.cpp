// Errors as fields.
#include "status.h"

namespace pipeline {

using base::Error;
using base::ExitCode;
using proto::pipeline::FieldId;

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
                std::string(fields.text(FieldId::text).value_or("no reason was given")));
    const std::uint64_t number = fields.number(FieldId::error).value_or(0);
    if (number <= kHighestErrno) error.errno_value = static_cast<int>(number);
    return error;
}

}  // namespace pipeline
