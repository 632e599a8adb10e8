// The keys of a service file, one table.
#include "service_file.h"

#include "base/format.h"
#include "base/text.h"
#include "service_sections.h"

namespace initd {

namespace {

namespace yaml = codec::yaml;
using base::Result;
using yaml::Field;
using yaml::Value;

using Void = Result<void>;
using S = ServiceSettings;

constexpr std::string_view kKinds[] = {"simple", "oneshot"};
constexpr std::string_view kRestarts[] = {"never", "on-failure", "on-success", "always"};

Result<std::size_t> read_kind(const Value& value) {
    if (value.kind() == yaml::Kind::scalar &&
        (value.node().text == "ready-fd" || value.node().text == "notify")) {
        return value.fail(fmt::format("the type {} is not supported by this version of initd",
                                      base::quote(value.node().text)));
    }
    return value.one_of(kKinds);
}

constexpr Field<S> kServiceKeys[] = {
    {"exec", YAML_READ(S, command, TRY(read_command(v))), true},
    {"type", YAML_READ(S, policy.kind, TRY(read_kind(v)))},
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
    {"capabilities", refuse_unsupported},
    {"no_new_privs", YAML_READ(S, no_new_privileges, TRY(v.boolean()))},
    {"restart", YAML_READ(S, policy.restart, TRY(v.one_of(kRestarts)))},
    {"backoff", read_backoff},
    {"start_limit", read_start_limit},
    {"ready", refuse_unsupported},
    {"health", refuse_unsupported},
    {"stop", read_stop},
    {"limits", read_limits},
    {"log", read_log},
    {"critical", YAML_READ(S, critical, TRY(v.boolean()))},
    {"enabled", YAML_READ(S, enabled, TRY(v.boolean()))},
};

// Rules that span keys; `key` says where to point.
Void check_together(const Value& root, S& settings) {
    const auto at = [&](std::string_view key) -> const yaml::Entry* {
        for (const yaml::Entry& entry : root.node().entries) {
            if (entry.key == key) return &entry;
        }
        return nullptr;
    };
    Policy& policy = settings.policy;
    const yaml::Entry* restart = at("restart");
    if (policy.kind == ServiceKind::oneshot) {
        if (restart == nullptr) policy.restart = Restart::never;
        if (policy.restart == Restart::always || policy.restart == Restart::on_success) {
            return root.fail_at(restart->value.mark,
                                "a oneshot cannot be restarted after it succeeded");
        }
    }
    if (policy.backoff.maximum < policy.backoff.initial) {
        return root.fail_at(at("backoff")->mark, "the longest delay is shorter than the first");
    }
    return {};
}

}  // namespace

Result<void> refuse_unsupported(const Value& value, ServiceSettings&) {
    return value.fail("this key is not supported by this version of initd");
}

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
