// How a stream or a connection ends instead of success: an Error as fields, and back. Pure.
#pragma once

#include <optional>

#include "base/result.h"
#include "proto/pipeline.h"

namespace pipeline {

proto::pipeline::Payload encode(const base::Error& error);

// Nothing when the fields say that all went well. What a peer says is only quoted: a code that is
// none of ours becomes protocol.
std::optional<base::Error> error_of(const proto::pipeline::Fields& fields);

}  // namespace pipeline
