// Reads the text of initd.yaml into settings. Page: initd.yaml(5).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "settings.h"

namespace initd {

base::Result<SystemSettings> parse_system(std::string_view text, const std::string& file);

}  // namespace initd
