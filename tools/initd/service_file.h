// Reads the text of a service file into settings. Page: service.yaml(5).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/yaml.h"
#include "settings.h"

namespace initd {

// Letters, digits, '.', '_' and '-', not first a '.' or '-', at most 64: the name becomes part of
// paths and of log lines.
bool valid_service_name(std::string_view name);

// `file` is the name that Errors carry.
base::Result<ServiceSettings> parse_service(std::string_view name, std::string_view text,
                                            const std::string& file);

// Shared with the system file: a mapping of rlimit names to a number, "unlimited" or [soft, hard].
base::Result<ResourceLimit> read_resource_limit(const codec::yaml::Value& value, int resource);
base::Result<Environment> read_environment(const codec::yaml::Value& value);

}  // namespace initd
