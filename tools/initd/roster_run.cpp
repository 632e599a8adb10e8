// Programs that are run once more than the files say: a table with one service more.
#include <algorithm>
#include <new>

#include "base/format.h"
#include "base/text.h"
#include "order.h"
#include "roster.h"
#include "roster_next.h"
#include "service_values.h"

namespace initd {

namespace {

using base::Error;
using base::ExitCode;
using base::Result;

}  // namespace

Result<std::size_t> Roster::run(const RunRequest& request, Time now) {
    if (next_) return Error(ExitCode::temporary, "a reload is under way");
    try {
        Next next;
        TRY(prepare_run(next, request));
        plan(next);
        exchange(next, now);
    } catch (const std::bad_alloc&) {
        return Error(ExitCode::temporary, "not enough memory to run a program");
    }
    return table_.units.size() - 1;
}

Result<LoadedService> Roster::load_run(const RunRequest& request) {
    LoadedService service;
    service.origin = Origin::transient;
    ServiceSettings& settings = service.settings;
    settings.command = request.command;
    settings.environment = request.environment;
    settings.policy.kind = ServiceKind::oneshot;
    settings.policy.restart = Restart::never;
    settings.user = request.user;
    if (!request.folder.empty()) settings.folder = request.folder;
    const Tree tree = TRY(open_tree("/"));
    const FileText passwd = TRY(read_in(tree, "/etc/passwd"));
    const FileText group = TRY(read_in(tree, "/etc/group"));
    service.account = TRY(resolve_account(settings, passwd.text, group.text));
    return service;
}

// The new service comes last. One that has ended makes room for it if it has its name, or if there
// are too many such ends.
Result<void> Roster::prepare_run(Next& next, const RunRequest& request) {
    const std::vector<LoadedService>& services = table_.booted.loaded.services;
    const Supervisor& supervisor = *table_.supervisor;
    const auto number_of = [&](std::string_view name) {
        const auto found = std::find_if(services.begin(), services.end(),
                                        [&](const auto& one) { return one.settings.name == name; });
        return found == services.end() ? kNobody
                                       : static_cast<std::size_t>(found - services.begin());
    };
    std::string name = request.name;
    while (name.empty() || (request.name.empty() && number_of(name) != kNobody))
        name = fmt::format("run-{}", ++runs_);
    if (!valid_service_name(name)) {
        return Error::usage(fmt::format("{} is not a service name", base::quote(name)));
    }
    const std::size_t same = number_of(name);
    std::size_t runs = 0;
    std::size_t ends = 0;
    for (std::size_t index = 0; index < services.size(); ++index) {
        if (services[index].origin != Origin::transient || index == same) continue;
        ++(supervisor.down(index) ? ends : runs);
    }
    if (same != kNobody && (services[same].origin != Origin::transient || !supervisor.down(same))) {
        return Error(ExitCode::refused, fmt::format("service {} is there already", name));
    }
    if (runs >= kMostRuns) {
        return Error(ExitCode::temporary, fmt::format("{} programs run already", runs));
    }
    LoadedService fresh = TRY(load_run(request));
    fresh.settings.name = name;
    next.keeps_settings = true;
    std::vector<const ServiceSettings*> ordered;
    for (std::size_t index = 0; index < services.size(); ++index) {
        const bool ended = services[index].origin == Origin::transient && supervisor.down(index);
        const bool pushed_out = ended && index != same && ends > kMostEnds - 1;
        if (pushed_out) --ends;
        if (index == same || pushed_out) continue;
        next.from.push_back(index);
        ordered.push_back(&services[index].settings);
    }
    next.from.push_back(kNobody);
    ordered.push_back(&fresh.settings);
    next.loaded.order = order_services(ordered);
    next.changes.assign(next.from.size(), Change::kept);
    next.changes.back() = Change::added;
    next.wanted.assign(next.from.size(), false);
    next.wanted.back() = true;
    next.loaded.services.resize(next.from.size());
    next.loaded.services.back() = std::move(fresh);
    return {};
}

}  // namespace initd
