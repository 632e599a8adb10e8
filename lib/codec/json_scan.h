// What cJSON lets pass and RFC 8259 does not: a scan of the tokens before the tree is built.
#pragma once

#include "codec/json.h"

namespace codec::json {

// Checks UTF-8, strings with their escapes, number grammar and range, and depth. Whether the
// tokens stand in the right order is cJSON's part.
base::Result<void> scan(std::string_view text, const Limits& limits);

// An Error (data) that begins with the line and column of a byte offset.
base::Error error_at(std::string_view text, std::size_t offset, std::string_view reason);

}  // namespace codec::json
