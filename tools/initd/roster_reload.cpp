// Reading the configuration anew and deciding what it means for each service.
#include <algorithm>
#include <map>
#include <new>

#include "base/format.h"
#include "equip.h"
#include "roster.h"
#include "roster_next.h"

namespace initd {

namespace {

using base::Error;
using base::ExitCode;
using base::Result;

// All that is wrong goes to the log, the first of it to whoever asked.
Error refuse(const std::vector<std::string>& problems, Journal& journal) {
    constexpr std::size_t kMostLogged = 20;
    for (std::size_t index = 0; index < std::min(problems.size(), kMostLogged); ++index) {
        journal.error("reload: {}", problems[index]);
    }
    journal.error("reload: refused, nothing has changed");
    const std::string more =
        problems.size() == 1 ? "" : fmt::format(" (and {} more)", problems.size() - 1);
    return Error(ExitCode::config, problems[0] + more);
}

std::vector<std::string> problems_of(const LoadedServices& loaded) {
    std::vector<std::string> problems;
    for (const LoadedService& service : loaded.services) {
        if (!service.problem.empty()) problems.push_back(service.problem);
    }
    for (const Order::Remark& failure : loaded.order.failures) {
        problems.push_back(fmt::format(
            "service {}: {}", loaded.services[failure.service].settings.name, failure.text));
    }
    return problems;
}

// It was up or on its way there, or had failed, which a change may mend.
bool is_wanted(const Supervisor& supervisor, std::size_t index) {
    const State state = supervisor.service(index).state();
    return !supervisor.held(index) && state != State::stopped && state != State::finished &&
           state != State::idle;
}

std::string summarize(const ReloadReport& report, const std::vector<std::string>& next_boot) {
    const auto count = [&](Change change) {
        return std::count_if(report.entries.begin(), report.entries.end(),
                             [&](const auto& entry) { return entry.change == change; });
    };
    std::string text =
        fmt::format("{} added, {} removed, {} restarted, {} updated, {} kept", count(Change::added),
                    count(Change::removed), count(Change::restarted), count(Change::updated),
                    count(Change::kept));
    for (std::size_t index = 0; index < next_boot.size(); ++index) {
        text += (index == 0 ? "; from the next boot on: " : ", ") + next_boot[index];
    }
    return text;
}

}  // namespace

Result<void> Roster::reload(Time now) {
    if (next_) return Error(ExitCode::temporary, "a reload is under way");
    try {
        auto next = std::make_unique<Next>();
        TRY(prepare_reload(*next));
        plan(*next);
        next->report->number = ++reloads_;
        next_ = std::move(next);
    } catch (const std::bad_alloc&) {
        return Error(ExitCode::temporary, "not enough memory to reload; nothing has changed");
    }
    withdraw(*next_, now);
    return {};
}

// Builds all of `next` that follows from files and the old table; plan() does the rest.
Result<void> Roster::prepare_reload(Next& next) {
    const Booted& booted = table_.booted;
    const Tree tree = TRY(open_tree("/"));
    auto settings = load_system(tree);
    next.loaded = load_services(tree);
    const bool read_system = settings.ok() || settings.error().code != ExitCode::os;
    if (next.loaded.failure || !read_system) {
        const Error& failure = read_system ? *next.loaded.failure : settings.error();
        return Error(ExitCode::temporary,
                     fmt::format("the configuration cannot be read: {}; nothing has changed",
                                 failure.message));
    }
    std::vector<std::string> problems = problems_of(next.loaded);
    if (!settings.ok()) problems.insert(problems.begin(), settings.error().message);
    std::vector<LoadedService>& fresh = next.loaded.services;
    std::map<std::string_view, std::size_t> numbers;
    for (std::size_t index = 0; index < fresh.size(); ++index)
        numbers[fresh[index].settings.name] = index;
    std::vector<std::size_t> carried;  // old numbers of what no file describes
    for (std::size_t index = 0; index < booted.loaded.services.size(); ++index) {
        const LoadedService& service = booted.loaded.services[index];
        if (service.origin == Origin::file) continue;
        if (!numbers.contains(service.settings.name)) {
            carried.push_back(index);
        } else if (service.origin == Origin::transient && !table_.supervisor->down(index)) {
            problems.push_back(fmt::format("service {}: a program that was run has that name",
                                           service.settings.name));
        }
    }
    if (!problems.empty()) return refuse(problems, table_.journal);
    next.settings = std::move(settings).value();
    numbers.clear();  // its keys are about to move
    for (const std::size_t index : carried)
        fresh.push_back(booted.loaded.services[index]);
    order_all(next.loaded);
    for (const std::string& warning : next.loaded.warnings)
        table_.journal.warning("reload: {}", warning);

    for (std::size_t index = 0; index < booted.loaded.services.size(); ++index)
        numbers[booted.loaded.services[index].settings.name] = index;
    next.report = std::make_shared<ReloadReport>();
    std::vector<std::string> next_boot = keys_for_next_boot(booted.settings, *next.settings);
    std::vector<bool> stays(booted.loaded.services.size(), false);
    for (const LoadedService& service : fresh) {
        const auto old = numbers.find(service.settings.name);
        const std::size_t from = old == numbers.end() ? kNobody : old->second;
        Change change = Change::added;
        bool wanted = true;
        if (from != kNobody) {
            const LoadedService& before = booted.loaded.services[from];
            const bool from_file = service.origin == Origin::file;
            change = from_file ? compare(before, booted.settings.environment, service,
                                         next.settings->environment)
                               : Change::kept;
            wanted = change == Change::restarted &&
                     (!before.settings.enabled || is_wanted(*table_.supervisor, from));
            if (before.settings.ring_bytes != service.settings.ring_bytes) {
                next_boot.push_back(service.settings.name + "'s log.ring");
            }
            if (before.settings.log_target != service.settings.log_target) {
                next_boot.push_back(service.settings.name + "'s log.file");
            }
            stays[from] = true;
        }
        next.from.push_back(from);
        next.changes.push_back(change);
        next.wanted.push_back(wanted);
        if (service.origin != Origin::transient) {
            next.report->entries.push_back({service.settings.name, change});
        }
    }
    for (std::size_t index = 0; index < stays.size(); ++index) {
        if (stays[index]) continue;
        next.report->entries.push_back(
            {booted.loaded.services[index].settings.name, Change::removed});
    }
    next.report->summary = summarize(*next.report, next_boot);
    return {};
}

}  // namespace initd
