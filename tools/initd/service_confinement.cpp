// What a service may take and reach: limits, isolation.
#include "service_sections.h"

#include <sys/resource.h>

#include "base/format.h"
#include "base/text.h"
#include "capabilities.h"
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
    {"as", add_resource_limit<RLIMIT_AS>},
    {"core", add_resource_limit<RLIMIT_CORE>},
    {"cpu_time", add_resource_limit<RLIMIT_CPU>},  // as `cpu` is the share
    {"data", add_resource_limit<RLIMIT_DATA>},
    {"fsize", add_resource_limit<RLIMIT_FSIZE>},
    {"locks", add_resource_limit<RLIMIT_LOCKS>},
    {"memlock", add_resource_limit<RLIMIT_MEMLOCK>},
    {"msgqueue", add_resource_limit<RLIMIT_MSGQUEUE>},
    {"nice", add_resource_limit<RLIMIT_NICE>},
    {"nofile", add_resource_limit<RLIMIT_NOFILE>},
    {"nproc", add_resource_limit<RLIMIT_NPROC>},
    {"rss", add_resource_limit<RLIMIT_RSS>},
    {"rtprio", add_resource_limit<RLIMIT_RTPRIO>},
    {"rttime", add_resource_limit<RLIMIT_RTTIME>},
    {"sigpending", add_resource_limit<RLIMIT_SIGPENDING>},
    {"stack", add_resource_limit<RLIMIT_STACK>},
};

}  // namespace

Result<void> read_limits(const Value& value, ServiceSettings& to) {
    return yaml::read_mapping(value, kLimitKeys, to);
}

Result<void> read_capabilities(const Value& value, ServiceSettings& to) {
    std::uint64_t set = 0;
    for (const Value& item : TRY(value.items())) {
        const std::string name = TRY(item.text());
        const std::optional<unsigned> number = capability_number(name);
        if (!number) {
            const std::string_view nearest = base::nearest_name(name, capability_names());
            return item.fail(fmt::format(
                "{} is not a capability{}", base::quote(name),
                nearest.empty() ? "" : fmt::format(", did you mean {}?", base::quote(nearest))));
        }
        set |= std::uint64_t{1} << *number;
    }
    to.confinement.capabilities = set;
    return {};
}

Result<void> read_private_tmp(const Value& value, ServiceSettings& to) {
    Confinement& confinement = to.confinement;
    const bool is_flag = value.kind() == yaml::Kind::scalar &&
                         (value.node().text == "true" || value.node().text == "false");
    if (is_flag) {
        confinement.private_tmp = TRY(value.boolean());
        confinement.tmp_bytes.reset();
        return {};
    }
    constexpr std::uint64_t kLeast = 4096;
    const std::uint64_t bytes = TRY(value.size());
    if (bytes < kLeast) return value.fail("expected true, false, or a size of at least 4K");
    confinement.private_tmp = true;
    confinement.tmp_bytes = bytes;
    return {};
}

}  // namespace initd
