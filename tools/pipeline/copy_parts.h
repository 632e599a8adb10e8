// A large file over several connections: ranges of it go into the partial file of a resumed
// transfer, which then finds most or all of it there (copy_send.h).
#pragma once

#include <cstdint>
#include <string>

#include "client.h"
#include "copy_source.h"
#include "request.h"

namespace pipeline {

// Whether the source is a file that is large enough for that many connections.
bool worth_parts(const CopySource& source, std::uint64_t connections);

// Sends the ranges, each over a connection of its own, and waits for all.
base::Result<void> send_parts(const ClientSettings& settings, const std::string& path,
                              const CopyRequest& request, const CopySource& source,
                              std::uint64_t connections);

}  // namespace pipeline
