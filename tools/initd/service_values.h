// Readers of single values in configuration files: commands, names, paths, masks, limits. Pure.
//
// They say what is wrong with a value and where it stands; which keys there are is said in
// service_file.cpp and system_file.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/yaml.h"
#include "settings.h"

namespace initd {

// Letters, digits, '.', '_' and '-', not first a '.' or '-', at most 64: the name becomes part of
// paths and of log lines.
bool valid_service_name(std::string_view name);

// A list of words, or one string that is split as a shell would.
base::Result<std::vector<std::string>> read_command(const codec::yaml::Value& value);
// Names of services.
base::Result<std::vector<std::string>> read_names(const codec::yaml::Value& value);
base::Result<std::string> read_absolute_path(const codec::yaml::Value& value);
base::Result<unsigned> read_mode_mask(const codec::yaml::Value& value);
base::Result<int> read_signal(const codec::yaml::Value& value);
// Absolute paths without "." or "..", and not the root.
base::Result<std::vector<std::string>> read_paths(const codec::yaml::Value& value);
base::Result<int> read_integer(const codec::yaml::Value& value, int minimum, int maximum);
// "150%" or "150".
base::Result<std::uint64_t> read_percent(const codec::yaml::Value& value);
// A number, "unlimited" or [soft, hard].
base::Result<ResourceLimit> read_resource_limit(const codec::yaml::Value& value, int resource);
base::Result<Environment> read_environment(const codec::yaml::Value& value);

}  // namespace initd
