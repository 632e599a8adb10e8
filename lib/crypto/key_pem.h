// Private keys as PEM text, of every kind; for the files of this room only.
#pragma once

#include <string>
#include <string_view>

#include "crypto/ecdsa.h"

namespace crypto {

// The first private key in the text, not encrypted. `name` is for the Error (data).
base::Result<KeyHandle> read_private_key(std::string_view pem, std::string_view name);

// PKCS #8, not encrypted; wipe() it.
base::Result<std::string> write_private_key(const evp_pkey_st* key);

}  // namespace crypto
