// Wording of OpenSSL's errors.
#include "crypto/failure.h"

#include <openssl/err.h>

#include "base/format.h"
#include "base/text.h"

namespace crypto {

namespace {

std::string reason() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
    return text == nullptr ? "unknown reason" : text;
}

}  // namespace

base::Error failure(std::string_view operation) {
    return base::Error(base::ExitCode::internal, fmt::format("cannot {}: {}", operation, reason()));
}

base::Error bad_input(std::string_view operation, std::string_view object) {
    return base::Error::data(
        fmt::format("cannot {} {}: {}", operation, base::quote(object), reason()));
}

}  // namespace crypto
