// Base64 (RFC 4648, section 4) of exactly 32 bytes, without padding.
#include "fingerprint.h"

namespace pipeline {

bool is_fingerprint(std::string_view text) {
    constexpr std::string_view kPrefix = "SHA256:";
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (text.size() != kFingerprintLength || !text.starts_with(kPrefix)) return false;
    text.remove_prefix(kPrefix.size());
    if (text.find_first_not_of(kDigits) != std::string_view::npos) return false;
    // 43 digits hold 258 bits: the last two are zero.
    return kDigits.find(text.back()) % 4 == 0;
}

}  // namespace pipeline
