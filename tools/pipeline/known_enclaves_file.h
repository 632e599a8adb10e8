// The file behind known_enclaves.h: where it is, and updates that neither lose another client's nor
// leave half a file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "known_enclaves.h"

namespace pipeline {

// A file that is not there holds nothing.
base::Result<std::vector<KnownEnclave>> load_known(const std::string& path);

// Adds the enclave, or replaces what was known of its address, under a lock (PATH.lock). Makes the
// folders it needs (mode 0700); the file has mode 0600.
base::Result<void> remember(const std::string& path, const vsockio::Address& address,
                            const Measured& seen);

}  // namespace pipeline
