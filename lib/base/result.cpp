// Error construction: wording and exit codes in one place.
#include "base/result.h"

#include <cstring>

#include "base/format.h"
#include "base/text.h"

namespace base {

namespace {

ExitCode exit_code_for(int errno_value) {
    switch (errno_value) {
        case ENOENT:
        case ENOTDIR:
        case EISDIR: return ExitCode::no_input;
        case EACCES:
        case EPERM:
        case EROFS: return ExitCode::refused;
        case ECONNREFUSED:
        case ECONNRESET:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case ENODEV:
        case ENXIO:
        case ETIMEDOUT: return ExitCode::unavailable;
        case EIO:
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case EPIPE: return ExitCode::io;
        case EAGAIN:
        case EADDRINUSE:
        case EBUSY: return ExitCode::temporary;
        default: return ExitCode::os;
    }
}

}  // namespace

Error Error::system(std::string_view operation, std::string_view object, int errno_value) {
    Error error(exit_code_for(errno_value),
                object.empty() ? fmt::format("cannot {}: {}", operation, std::strerror(errno_value))
                               : fmt::format("cannot {} {}: {}", operation, quote(object),
                                             std::strerror(errno_value)));
    error.errno_value = errno_value;
    return error;
}

Error Error::usage(std::string text, std::string hint) {
    return Error(ExitCode::usage, std::move(text), std::move(hint));
}

Error Error::data(std::string text) {
    return Error(ExitCode::data, std::move(text));
}

Error Error::at(std::string_view place) && {
    message = fmt::format("{}: {}", place, message);
    return std::move(*this);
}

}  // namespace base
