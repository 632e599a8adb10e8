// Programs, groups and sockets of a service.
#include "equip.h"

#include "environment.h"

namespace initd {

namespace {

constexpr const char* kHealthGroup = "/health";

// The service's own variables and those by which it learns of its supervisor.
Environment environment_for(const ServiceSettings& settings) {
    Environment environment = settings.environment;
    const milliseconds watchdog = settings.policy.watchdog;
    if (settings.policy.kind == ServiceKind::notify || watchdog.count() > 0) {
        environment["NOTIFY_SOCKET"] = NotifySocket::path_of(settings.name);
    }
    if (watchdog.count() > 0) {
        environment["WATCHDOG_USEC"] = fmt::format("{}", watchdog.count() * 1000);
    }
    return environment;
}

std::unique_ptr<NotifySocket> open_socket(const LoadedService& service, Journal& journal) {
    auto socket = NotifySocket::open(service.settings.name, service.account);
    if (socket.ok()) return std::move(socket).value();
    journal.error("service {}: {}", service.settings.name, socket.error().message);
    return nullptr;
}

}  // namespace

Equipment equip(const LoadedService& service, const Booted& booted, const Environment& common,
                bool only_plan, Journal& journal) {
    ServiceSettings settings = service.settings;
    Equipment equipment;
    equipment.console = settings.console;
    equipment.log_target = settings.log_target;
    if (!service.problem.empty() || !settings.enabled) return equipment;
    // A service's own limit comes after the inherited one and wins.
    settings.resource_limits.insert(settings.resource_limits.begin(), booted.descriptors);
    if (!only_plan) equipment.group_is_new = booted.cgroups.clear(settings.name);
    equipment.cgroup = only_plan ? booted.cgroups.folder_of(settings.name)
                                 : booted.cgroups.make(settings, journal);
    equipment.probe = settings.ready_probe;
    equipment.announces_by_descriptor = settings.policy.kind == ServiceKind::ready_fd;
    equipment.notifies =
        settings.policy.kind == ServiceKind::notify || settings.policy.watchdog.count() > 0;
    if (equipment.notifies && !only_plan) equipment.notify_socket = open_socket(service, journal);
    const std::vector<std::string> variables = compose_environment(
        service.account, common, service.file_environment, environment_for(settings));
    equipment.program.emplace(settings, service.account, variables, equipment.cgroup);
    if (settings.health.command.empty()) return equipment;
    // Its own group below the service's: under the same limits, and killed by itself.
    std::string group;
    if (!equipment.cgroup.empty()) group = equipment.cgroup + kHealthGroup;
    if (!only_plan && !make_group(group)) group.clear();
    ServiceSettings check = settings;
    check.command = settings.health.command;
    Program program(check, service.account, variables, group.empty() ? equipment.cgroup : group);
    equipment.health =
        std::make_unique<HealthChecker>(settings.health, std::move(program), std::move(group));
    return equipment;
}

void make_real(const LoadedService& service, const GroupLimits& old_limits, Unit& unit,
               const Booted& booted, Journal& journal) {
    if (!service.problem.empty() || !service.settings.enabled) return;
    booted.cgroups.change(service.settings, old_limits, journal);
    if (!unit.cgroup().empty() && unit.health() != nullptr) {
        make_group(unit.cgroup() + kHealthGroup);
    }
    if (!unit.needs_socket()) return;
    if (NotifySocket* socket = unit.notify_socket(); socket != nullptr)
        socket->belong_to(service.account);
    else
        unit.set_socket(open_socket(service, journal));
}

}  // namespace initd
