// A line for people on standard error, beside what the command prints.
#pragma once

#include <string_view>

namespace pipeline {

// "pipeline: LINE". What came from a peer is escaped by the caller.
void say(std::string_view line);

}  // namespace pipeline
