// The keys of a service file, one table.
#include "service_file.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

#include "base/format.h"
#include "base/text.h"
#include "signals.h"
#include "words.h"

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

// DESIGN promises these; until they work, an image that relies on them must not boot quietly.
Void refuse_unsupported(const Value& value, S&) {
    return value.fail("this key is not supported by this version of initd");
}

Result<std::size_t> read_kind(const Value& value) {
    if (value.kind() == yaml::Kind::scalar &&
        (value.node().text == "ready-fd" || value.node().text == "notify")) {
        return value.fail(fmt::format("the type {} is not supported by this version of initd",
                                      base::quote(value.node().text)));
    }
    return value.one_of(kKinds);
}

Result<std::vector<std::string>> read_command(const Value& value) {
    std::vector<std::string> words;
    if (value.kind() == yaml::Kind::sequence) {
        words = TRY(value.texts());
    } else {
        auto split = split_words(TRY(value.text()));
        if (!split.ok()) return value.fail(split.error().message);
        words = std::move(split).value();
    }
    if (words.empty() || words[0].empty()) return value.fail("no program is named");
    return words;
}

Result<std::vector<std::string>> read_names(const Value& value) {
    std::vector<std::string> names;
    for (const Value& item : TRY(value.items())) {
        names.push_back(TRY(item.text()));
        if (!valid_service_name(names.back())) {
            return item.fail(fmt::format("{} is not a service name", base::quote(names.back())));
        }
    }
    return names;
}

Result<std::string> read_absolute_path(const Value& value) {
    std::string path = TRY(value.text());
    if (!path.starts_with('/')) return value.fail("expected an absolute path");
    return path;
}

Result<unsigned> read_mode_mask(const Value& value) {
    const std::string text = TRY(value.text());
    unsigned mask = 0;
    bool octal = !text.empty() && text.size() <= 4;
    for (const char digit : text) {
        octal = octal && digit >= '0' && digit <= '7';
        mask = mask * 8 + static_cast<unsigned>(digit - '0');
    }
    if (!octal || mask > 0777) return value.fail("expected an octal mask such as \"022\"");
    return mask;
}

Result<int> read_signal(const Value& value) {
    const std::string name = TRY(value.text());
    const std::optional<int> number = signal_number(name);
    if (!number) return value.fail(fmt::format("{} is not a signal", base::quote(name)));
    return *number;
}

Result<std::uint64_t> read_percent(const Value& value) {
    std::string text = TRY(value.text());
    if (text.ends_with('%')) text.pop_back();
    const auto percent = base::parse_number(text, 1, 100'000);
    if (!percent.ok()) return value.fail("expected a percentage of one CPU such as 150%");
    return percent.value();
}

Result<std::size_t> read_ring(const Value& value) {
    constexpr std::uint64_t kLeast = 4 * 1024, kMost = 64 * 1024 * 1024;
    const std::uint64_t bytes = TRY(value.size());
    if (bytes < kLeast || bytes > kMost) return value.fail("expected a size from 4K to 64M");
    return static_cast<std::size_t>(bytes);
}

constexpr Field<Backoff> kBackoffKeys[] = {
    {"initial", YAML_READ(Backoff, initial, TRY(v.duration()))},
    {"max", YAML_READ(Backoff, maximum, TRY(v.duration()))},
    {"factor", YAML_READ(Backoff, factor, TRY(v.number(1, 100)))},
    {"reset_after", YAML_READ(Backoff, reset_after, TRY(v.duration()))},
};

constexpr Field<StartLimit> kStartLimitKeys[] = {
    {"burst", YAML_READ(StartLimit, burst, TRY(v.number(0, 1000)))},
    {"interval", YAML_READ(StartLimit, interval, TRY(v.duration()))},
};

constexpr Field<StopRule> kStopKeys[] = {
    {"signal", YAML_READ(StopRule, signal, TRY(read_signal(v)))},
    {"timeout", YAML_READ(StopRule, timeout, TRY(v.duration()))},
};

template <int resource>
Void add_resource_limit(const Value& value, S& to) {
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

constexpr Field<S> kLogKeys[] = {
    {"ring", YAML_READ(S, ring_bytes, TRY(read_ring(v)))},
    {"console", YAML_READ(S, console, TRY(v.boolean()))},
    {"file", refuse_unsupported},
    {"max_size", refuse_unsupported},
    {"files", refuse_unsupported},
};

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
    {"backoff",
     [](const Value& v, S& to) { return yaml::read_mapping(v, kBackoffKeys, to.policy.backoff); }},
    {"start_limit",
     [](const Value& v, S& to) {
         return yaml::read_mapping(v, kStartLimitKeys, to.policy.start_limit);
     }},
    {"ready", refuse_unsupported},
    {"health", refuse_unsupported},
    {"stop",
     [](const Value& v, S& to) { return yaml::read_mapping(v, kStopKeys, to.policy.stop); }},
    {"limits", [](const Value& v, S& to) { return yaml::read_mapping(v, kLimitKeys, to); }},
    {"log", [](const Value& v, S& to) { return yaml::read_mapping(v, kLogKeys, to); }},
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

bool valid_service_name(std::string_view name) {
    if (name.empty() || name.size() > 64 || name[0] == '.' || name[0] == '-') return false;
    return std::all_of(name.begin(), name.end(), [](char character) {
        return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
               (character >= '0' && character <= '9') || character == '.' || character == '_' ||
               character == '-';
    });
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

Result<ResourceLimit> read_resource_limit(const Value& value, int resource) {
    const auto one = [](const Value& v) -> Result<std::uint64_t> {
        if (v.kind() == yaml::Kind::scalar && v.node().text == "unlimited") {
            return static_cast<std::uint64_t>(RLIM_INFINITY);
        }
        return v.size();
    };
    if (value.kind() == yaml::Kind::scalar) {
        const std::uint64_t both = TRY(one(value));
        return ResourceLimit{resource, both, both};
    }
    const std::vector<Value> items = TRY(value.items());
    if (items.size() != 2) return value.fail("expected a limit or [soft, hard]");
    const ResourceLimit limit{resource, TRY(one(items[0])), TRY(one(items[1]))};
    if (limit.soft > limit.hard) return value.fail("the soft limit is above the hard one");
    return limit;
}

Result<Environment> read_environment(const Value& value) {
    Environment environment = TRY(value.text_map());
    for (const yaml::Entry& entry : value.node().entries) {
        if (entry.key.find('=') != std::string::npos || entry.key.find('\0') != std::string::npos) {
            return value.fail_at(entry.mark,
                                 fmt::format("{} cannot name a variable", base::quote(entry.key)));
        }
    }
    return environment;
}

}  // namespace initd
