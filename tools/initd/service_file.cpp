// The keys of a service file, one table.
#include "service_file.h"

#include "service_sections.h"

namespace initd {

namespace {

namespace yaml = codec::yaml;
using base::Result;
using yaml::Field;
using yaml::Value;

using Void = Result<void>;
using S = ServiceSettings;

constexpr std::string_view kKinds[] = {"simple", "oneshot", "ready-fd", "notify"};
constexpr std::string_view kRestarts[] = {"never", "on-failure", "on-success", "always"};

constexpr milliseconds kReadyTimeout{30'000};

constexpr Field<S> kServiceKeys[] = {
    {"exec", YAML_READ(S, command, TRY(read_command(v))), true},
    {"type", YAML_READ(S, policy.kind, TRY(v.one_of(kKinds)))},
    {"after", YAML_READ(S, links.after, TRY(read_names(v)))},
    {"before", YAML_READ(S, links.before, TRY(read_names(v)))},
    {"requires", YAML_READ(S, links.requirements, TRY(read_names(v)))},
    {"wants", YAML_READ(S, links.wants, TRY(read_names(v)))},
    {"env", YAML_READ(S, environment, TRY(read_environment(v)))},
    {"env_file", YAML_READ(S, environment_file, TRY(read_absolute_path(v)))},
    {"cwd", YAML_READ(S, folder, TRY(read_absolute_path(v)))},
    {"umask", YAML_READ(S, mode_mask, TRY(read_mode_mask(v)))},
    {"user", YAML_READ(S, user, TRY(v.text()))},
    {"group", YAML_READ(S, group, TRY(v.text()))},
    {"groups", YAML_READ(S, groups, TRY(v.texts()))},
    {"capabilities", read_capabilities},
    {"no_new_privs", YAML_READ(S, no_new_privileges, TRY(v.boolean()))},
    {"seccomp", YAML_READ(S, confinement.calls_file, TRY(read_absolute_path(v)))},
    {"private_tmp", read_private_tmp},
    {"read_only_root", YAML_READ(S, confinement.read_only_root, TRY(v.boolean()))},
    {"read_only", YAML_READ(S, confinement.read_only, TRY(read_paths(v)))},
    {"writable", YAML_READ(S, confinement.writable, TRY(read_paths(v)))},
    {"inaccessible", YAML_READ(S, confinement.inaccessible, TRY(read_paths(v)))},
    {"private_network", YAML_READ(S, confinement.private_network, TRY(v.boolean()))},
    {"nice", YAML_READ(S, confinement.nice, TRY(read_integer(v, -20, 19)))},
    {"oom_score_adj",
     YAML_READ(S, confinement.oom_score_adjustment, TRY(read_integer(v, -1000, 1000)))},
    {"restart", YAML_READ(S, policy.restart, TRY(v.one_of(kRestarts)))},
    {"backoff", read_backoff},
    {"start_limit", read_start_limit},
    {"ready", read_ready},
    {"watchdog", YAML_READ(S, policy.watchdog, TRY(v.duration()))},
    {"health", read_health},
    {"stop", read_stop},
    {"limits", read_limits},
    {"log", read_log},
    {"critical", YAML_READ(S, critical, TRY(v.boolean()))},
    {"sidecar", YAML_READ(S, sidecar, TRY(v.boolean()))},
    {"enabled", YAML_READ(S, enabled, TRY(v.boolean()))},
};

const yaml::Entry* entry_at(const yaml::Node& mapping, std::string_view key) {
    for (const yaml::Entry& entry : mapping.entries) {
        if (entry.key == key) return &entry;
    }
    return nullptr;
}

// What `ready` and `watchdog` may say depends on the type.
Void check_readiness(const Value& root, S& settings) {
    Policy& policy = settings.policy;
    const yaml::Entry* ready = entry_at(root.node(), "ready");
    const yaml::Entry* fd = ready != nullptr ? entry_at(ready->value, "fd") : nullptr;
    if (fd != nullptr && policy.kind == ServiceKind::simple) policy.kind = ServiceKind::ready_fd;
    const bool says_so = policy.kind == ServiceKind::ready_fd || policy.kind == ServiceKind::notify;
    if (policy.probed && says_so) {
        return root.fail_at(ready->mark, "the service says itself when it is ready");
    }
    if (fd != nullptr && policy.kind != ServiceKind::ready_fd) {
        return root.fail_at(fd->mark, "only a ready-fd service has a descriptor to say so");
    }
    if (policy.kind == ServiceKind::oneshot) {
        if (policy.probed) return root.fail_at(ready->mark, "a oneshot is ready when it has ended");
    }
    const bool timed = ready != nullptr && entry_at(ready->value, "timeout") != nullptr;
    if (policy.announces() && !timed) policy.ready_timeout = kReadyTimeout;
    for (const char* key : {"watchdog", "health"}) {
        const yaml::Entry* entry = entry_at(root.node(), key);
        if (entry != nullptr && policy.kind == ServiceKind::oneshot) {
            return root.fail_at(entry->mark, "a oneshot is not watched once it is ready");
        }
    }
    return {};
}

// Rules that span keys.
Void check_together(const Value& root, S& settings) {
    Policy& policy = settings.policy;
    const yaml::Entry* restart = entry_at(root.node(), "restart");
    if (policy.kind == ServiceKind::oneshot) {
        if (restart == nullptr) policy.restart = Restart::never;
        if (policy.restart == Restart::always || policy.restart == Restart::on_success) {
            return root.fail_at(restart->value.mark,
                                "a oneshot cannot be restarted after it succeeded");
        }
    }
    if (!settings.confinement.calls_file.empty() && !settings.no_new_privileges) {
        return root.fail_at(entry_at(root.node(), "seccomp")->mark, "seccomp needs no_new_privs");
    }
    if (policy.backoff.maximum < policy.backoff.initial) {
        return root.fail_at(entry_at(root.node(), "backoff")->mark,
                            "the longest delay is shorter than the first");
    }
    return check_readiness(root, settings);
}

}  // namespace

Result<ServiceSettings> parse_service(std::string_view name, std::string_view text,
                                      const std::string& file) {
    const yaml::Document document = TRY(yaml::parse(text, file));
    ServiceSettings settings;
    settings.name = name;
    const Value root(document);
    TRY(yaml::read_mapping(root, kServiceKeys, settings));
    TRY(check_together(root, settings));
    return settings;
}

}  // namespace initd
