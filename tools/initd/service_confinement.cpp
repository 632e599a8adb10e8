// What a service may take: limits.
#include "service_sections.h"

#include <sys/resource.h>

#include "service_values.h"

namespace initd {

namespace {

namespace yaml = codec::yaml;
using base::Result;
using yaml::Field;
using yaml::Value;

using S = ServiceSettings;

template <int resource>
Result<void> add_resource_limit(const Value& value, S& to) {
    to.resource_limits.push_back(TRY(read_resource_limit(value, resource)));
    return {};
}

constexpr Field<S> kLimitKeys[] = {
    {"memory", YAML_READ(S, group_limits.memory_bytes, TRY(v.size()))},
    {"cpu", YAML_READ(S, group_limits.cpu_percent, TRY(read_percent(v)))},
    {"pids", YAML_READ(S, group_limits.tasks, TRY(v.number(1, 4'194'304)))},
    {"nofile", add_resource_limit<RLIMIT_NOFILE>},
    {"core", add_resource_limit<RLIMIT_CORE>},
};

}  // namespace

Result<void> read_limits(const Value& value, ServiceSettings& to) {
    return yaml::read_mapping(value, kLimitKeys, to);
}

}  // namespace initd
