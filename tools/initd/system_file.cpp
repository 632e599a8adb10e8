// The keys of initd.yaml, one table.
#include "system_file.h"

#include <sys/resource.h>

#include "base/format.h"
#include "base/text.h"
#include "codec/yaml.h"
#include "service_file.h"

namespace initd {

namespace {

namespace yaml = codec::yaml;
using base::Result;
using yaml::Field;
using yaml::Value;

using Void = Result<void>;
using S = SystemSettings;

constexpr std::string_view kDemands[] = {"off", "tried", "required"};
constexpr std::string_view kEndActions[] = {"poweroff", "reboot", "halt", "stay"};
constexpr std::string_view kPoweroffBy[] = {"reset", "power"};

Result<std::string> read_hostname(const Value& value) {
    const std::string name = TRY(value.text());
    if (!valid_service_name(name)) {
        return value.fail(fmt::format("{} is not a host name", base::quote(name)));
    }
    return name;
}

// "net.core.somaxconn" or with slashes; no way out of /proc/sys.
Void read_sysctl(const Value& value, S& to) {
    TRY(value.text_map());
    for (const yaml::Entry& entry : value.node().entries) {
        if (entry.key.starts_with('/') || entry.key.starts_with('.') ||
            entry.key.find("..") != std::string::npos) {
            return value.fail_at(entry.mark,
                                 fmt::format("{} is not a sysctl name", base::quote(entry.key)));
        }
        to.sysctl.emplace_back(entry.key, entry.value.text);
    }
    return {};
}

Void read_resource_limits(const Value& value, S& to) {
    TRY(yaml::detail::check_keys(value, resource_names(), {}));
    for (const yaml::Entry& entry : value.node().entries) {
        to.resource_limits.push_back(
            TRY(read_resource_limit(Value(value.file(), entry.value), resource_number(entry.key))));
    }
    return {};
}

Result<std::size_t> read_ring(const Value& value) {
    constexpr std::uint64_t kLeast = 16 * 1024, kMost = 256 * 1024 * 1024;
    const std::uint64_t bytes = TRY(value.size());
    if (bytes < kLeast || bytes > kMost) return value.fail("expected a size from 16K to 256M");
    return static_cast<std::size_t>(bytes);
}

Result<ListenPlace> read_place(const Value& value) {
    constexpr std::size_t kLongestPath = 107;  // sun_path without its NUL
    const std::string text = TRY(value.text());
    ListenPlace place;
    if (text.starts_with("unix:/")) {
        place.path = text.substr(5);
        if (place.path.size() > kLongestPath) return value.fail("the path is too long");
        return place;
    }
    const auto port = base::parse_number(text, 1, 0xFFFF'FFFE);
    if (!port.ok()) return value.fail("expected a vsock port or unix:/PATH");
    place.port = static_cast<std::uint32_t>(port.value());
    return place;
}

constexpr Field<S> kTmpKeys[] = {
    {"size", YAML_READ(S, tmp_bytes, TRY(v.size()))},
    {"noexec", YAML_READ(S, tmp_noexec, TRY(v.boolean()))},
};

constexpr std::string_view kLineFormats[] = {"text", "json"};

constexpr Field<S> kLogKeys[] = {
    {"ring", YAML_READ(S, ring_bytes, TRY(read_ring(v)))},
    {"console", YAML_READ(S, console, TRY(v.boolean()))},
    {"format", YAML_READ(S, log_format, TRY(v.one_of(kLineFormats)))},
};

constexpr Field<S> kSystemKeys[] = {
    {"hostname", YAML_READ(S, hostname, TRY(read_hostname(v)))},
    {"env", YAML_READ(S, environment, TRY(read_environment(v)))},
    {"heartbeat", YAML_READ(S, heartbeat, TRY(v.one_of(kDemands)))},
    {"heartbeat_timeout", YAML_READ(S, heartbeat_timeout, TRY(v.duration()))},
    {"entropy", YAML_READ(S, entropy, TRY(v.one_of(kDemands)))},
    {"clock", YAML_READ(S, clock, TRY(v.one_of(kDemands)))},
    {"sysctl", read_sysctl},
    {"rlimits", read_resource_limits},
    {"tmp", [](const Value& v, S& to) { return yaml::read_mapping(v, kTmpKeys, to); }},
    {"log", [](const Value& v, S& to) { return yaml::read_mapping(v, kLogKeys, to); }},
    {"log_port", YAML_READ(S, log_listen, TRY(read_place(v)))},
    {"status_port", YAML_READ(S, status_listen, TRY(read_place(v)))},
    {"on_exit", YAML_READ(S, on_exit, TRY(v.one_of(kEndActions)))},
    {"poweroff_by", YAML_READ(S, poweroff_by, TRY(v.one_of(kPoweroffBy)))},
    {"shutdown_timeout", YAML_READ(S, shutdown_timeout, TRY(v.duration()))},
    {"linger", YAML_READ(S, linger, TRY(v.duration()))},
};

}  // namespace

Result<SystemSettings> parse_system(std::string_view text, const std::string& file) {
    const yaml::Document document = TRY(yaml::parse(text, file));
    SystemSettings settings;
    TRY(yaml::read_mapping(Value(document), kSystemKeys, settings));
    return settings;
}

}  // namespace initd
