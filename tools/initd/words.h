// Splits a command line into words as a shell would, without a shell: quotes and backslash only.
//
// What a shell would act upon (|, >, $, * ...) is refused unless it is quoted, so that nobody
// writes a redirection and gets an argument.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace initd {

base::Result<std::vector<std::string>> split_words(std::string_view line);

}  // namespace initd
