// The mappings within a service file, one reader each; service_file.cpp has the table of keys.
// Page: service.yaml(5).
#pragma once

#include "base/result.h"
#include "codec/yaml.h"
#include "settings.h"

namespace initd {

// service_supervision.cpp
base::Result<void> read_backoff(const codec::yaml::Value& value, ServiceSettings& to);
base::Result<void> read_start_limit(const codec::yaml::Value& value, ServiceSettings& to);
base::Result<void> read_ready(const codec::yaml::Value& value, ServiceSettings& to);
base::Result<void> read_health(const codec::yaml::Value& value, ServiceSettings& to);
base::Result<void> read_stop(const codec::yaml::Value& value, ServiceSettings& to);

// service_confinement.cpp
base::Result<void> read_limits(const codec::yaml::Value& value, ServiceSettings& to);
base::Result<void> read_capabilities(const codec::yaml::Value& value, ServiceSettings& to);
base::Result<void> read_private_tmp(const codec::yaml::Value& value, ServiceSettings& to);

// service_log.cpp
base::Result<void> read_log(const codec::yaml::Value& value, ServiceSettings& to);

}  // namespace initd
