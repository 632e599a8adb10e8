// Frames as JSON objects: the one form in which initctl holds what initd said. Pure.
#pragma once

#include "codec/json.h"
#include "proto/control.h"

namespace initctl {

// Keys are the field names of initd-control(5). A repeated field is an array, a field of 0 or 1 a
// boolean; fields that this tool does not know are left out.
codec::json::Value to_json(const proto::control::Frame& frame);

// Members of such an object; "" or 0 when there is none.
std::string text_of(const codec::json::Value& object, std::string_view key);
std::uint64_t number_of(const codec::json::Value& object, std::string_view key);

}  // namespace initctl
