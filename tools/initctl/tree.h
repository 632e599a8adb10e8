// Which service waits for which, as lines of a tree. Pure.
#pragma once

#include <string>
#include <vector>

#include "codec/json.h"

namespace initctl {

// `services` are objects of to_json(). At the left are those that nobody waits for; below each,
// what it waits for. What was shown with all below it already is shown once more as "NAME ...".
std::string format_tree(const std::vector<codec::json::Value>& services, bool coloured);

}  // namespace initctl
