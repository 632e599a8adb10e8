// How a key is named to people, as crypto::fingerprint() spells it: "SHA256:" and 43 digits of
// base64. Pure. Page: authorized_keys(5).
#pragma once

#include <cstddef>
#include <string_view>

namespace pipeline {

inline constexpr std::size_t kFingerprintLength = 7 + 43;

// Whether a key can have this fingerprint: there is one spelling for each key.
bool is_fingerprint(std::string_view text);

}  // namespace pipeline
