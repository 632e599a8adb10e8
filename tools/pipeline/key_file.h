// The user's key on disk, and where the client keeps what is its own.
#pragma once

#include <string>
#include <string_view>

#include "base/options.h"
#include "base/result.h"
#include "crypto/identity.h"

namespace pipeline {

// $XDG_CONFIG_HOME/enclavebox, or ~/.config/enclavebox. An Error (config) without a home.
base::Result<std::string> config_folder();
// The option's value, or `name` in the config folder.
base::Result<std::string> config_file(std::string_view option, std::string_view name);

inline constexpr std::string_view kKeyFile = "pipeline.key";
inline constexpr std::string_view kKnownEnclavesFile = "known_enclaves";
inline constexpr std::string_view kVerifiedFile = "verified_certificates";

// A key that others may read is refused.
base::Result<crypto::Identity> load_key(const std::string& path);

// The line for authorized_keys: fingerprint and comment.
base::Result<std::string> key_line(const crypto::Identity& identity, std::string_view comment);

base::Result<int> keygen(const base::Arguments& arguments);

}  // namespace pipeline
