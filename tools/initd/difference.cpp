// Comparisons of settings.
#include "difference.h"

#include "environment.h"

namespace initd {

const char* name_of(Change change) {
    switch (change) {
        case Change::kept: return "kept";
        case Change::updated: return "updated";
        case Change::restarted: return "restarted";
        case Change::added: return "added";
        case Change::removed: return "removed";
    }
    return "kept";
}

Change compare(const LoadedService& old_one, const Environment& old_common,
               const LoadedService& new_one, const Environment& new_common) {
    const auto variables = [](const LoadedService& service, const Environment& common) {
        return compose_environment(service.account, common, service.file_environment,
                                   service.settings.environment);
    };
    const bool same_variables = variables(old_one, old_common) == variables(new_one, new_common);
    if (!same_variables || old_one.account != new_one.account ||
        old_one.problem.empty() != new_one.problem.empty() ||
        old_one.settings.enabled != new_one.settings.enabled) {
        return Change::restarted;
    }
    // The variables were compared as the program sees them.
    ServiceSettings old_settings = old_one.settings;
    old_settings.environment = new_one.settings.environment;
    old_settings.environment_file = new_one.settings.environment_file;
    if (old_settings == new_one.settings) return Change::kept;
    old_settings.links = new_one.settings.links;
    old_settings.policy.restart = new_one.settings.policy.restart;
    old_settings.policy.backoff = new_one.settings.policy.backoff;
    old_settings.policy.start_limit = new_one.settings.policy.start_limit;
    old_settings.policy.stop = new_one.settings.policy.stop;
    old_settings.policy.ready_timeout = new_one.settings.policy.ready_timeout;
    old_settings.group_limits = new_one.settings.group_limits;
    old_settings.ring_bytes = new_one.settings.ring_bytes;
    old_settings.log_target = new_one.settings.log_target;
    old_settings.console = new_one.settings.console;
    old_settings.critical = new_one.settings.critical;
    old_settings.sidecar = new_one.settings.sidecar;
    return old_settings == new_one.settings ? Change::updated : Change::restarted;
}

std::vector<std::string> keys_for_next_boot(const SystemSettings& old_one,
                                            const SystemSettings& new_one) {
    std::vector<std::string> keys;
    const auto compare = [&](const char* key, bool same) {
        if (!same) keys.emplace_back(key);
    };
    compare("hostname", old_one.hostname == new_one.hostname);
    compare("heartbeat", old_one.heartbeat == new_one.heartbeat &&
                             old_one.heartbeat_timeout == new_one.heartbeat_timeout);
    compare("entropy", old_one.entropy == new_one.entropy);
    compare("clock", old_one.clock == new_one.clock);
    compare("sysctl", old_one.sysctl == new_one.sysctl);
    compare("rlimits", old_one.resource_limits == new_one.resource_limits);
    compare("tmp",
            old_one.tmp_bytes == new_one.tmp_bytes && old_one.tmp_noexec == new_one.tmp_noexec);
    compare("log.ring", old_one.ring_bytes == new_one.ring_bytes);
    compare("log.format", old_one.log_format == new_one.log_format);
    compare("log_port", old_one.log_listen == new_one.log_listen);
    compare("status_port", old_one.status_listen == new_one.status_listen);
    compare("poweroff_by", old_one.poweroff_by == new_one.poweroff_by);
    return keys;
}

}  // namespace initd
