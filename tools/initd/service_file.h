// Reads the text of a service file into settings. Page: service.yaml(5).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "service_values.h"
#include "settings.h"

namespace initd {

// `file` is the name that Errors carry.
base::Result<ServiceSettings> parse_service(std::string_view name, std::string_view text,
                                            const std::string& file);

}  // namespace initd
