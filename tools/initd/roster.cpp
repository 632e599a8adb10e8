// The boot's table, and the exchange.
#include "roster.h"

#include <malloc.h>

#include <algorithm>
#include <new>

#include "equip.h"
#include "roster_next.h"

namespace initd {

Roster::Roster(const Table& table) : table_(table) {}

Roster::~Roster() = default;

void Roster::build() {
    LoadedServices& loaded = table_.booted.loaded;
    for (const Order::Remark& warning : loaded.order.warnings) {
        table_.journal.warning("service {}: {}", loaded.services[warning.service].settings.name,
                               warning.text);
    }
    for (const Order::Remark& failure : loaded.order.failures) {
        std::string& problem = loaded.services[failure.service].problem;
        if (problem.empty()) problem = failure.text;
    }
    std::vector<Plan> plans;
    for (std::size_t index = 0; index < loaded.services.size(); ++index) {
        plans.push_back(plan_of(loaded.services[index]));
        add_unit(index);
    }
    table_.supervisor.emplace(plans, std::move(loaded.order.gates));
}

void Roster::add_unit(std::size_t index) {
    const LoadedService& service = table_.booted.loaded.services[index];
    table_.units.push_back(std::make_unique<Unit>(
        index, service.settings.name, service.settings.ring_bytes,
        equip(service, table_.booted, table_.booted.settings.environment, false, table_.journal),
        table_.journal, table_.reactor, table_.unit_observer));
}

// Fills what follows from `loaded`, `from` and `changes`. May run out of memory.
void Roster::plan(Next& next) {
    const std::vector<LoadedService>& services = next.loaded.services;
    const SystemSettings& settings = next.settings ? *next.settings : table_.booted.settings;
    next.to.assign(table_.units.size(), kNobody);
    next.equipment.resize(services.size());
    next.units.resize(services.size());
    std::vector<Plan> plans;
    for (std::size_t index = 0; index < services.size(); ++index) {
        const bool kept = next.from[index] != kNobody;
        const bool moved = kept && next.keeps_settings;
        const LoadedService& service =
            moved ? table_.booted.loaded.services[next.from[index]] : services[index];
        plans.push_back(plan_of(service));
        if (kept) next.to[next.from[index]] = index;
        if (kept && next.changes[index] == Change::restarted) {
            next.equipment[index] =
                equip(service, table_.booted, settings.environment, true, table_.journal);
        }
        if (kept) continue;
        next.units[index] = std::make_unique<Unit>(
            index, service.settings.name, service.settings.ring_bytes,
            equip(service, table_.booted, settings.environment, false, table_.journal),
            table_.journal, table_.reactor, table_.unit_observer);
    }
    next.supervisor.emplace(plans, std::move(next.loaded.order.gates));
}

void Roster::withdraw(const Next& next, Time now) {
    Supervisor& supervisor = *table_.supervisor;
    for (std::size_t index = 0; index < next.to.size(); ++index) {
        const std::size_t to = next.to[index];
        if (to == kNobody || next.changes[to] == Change::restarted) supervisor.withdraw(index);
    }
    supervisor.settle_all(now);
}

bool Roster::advance(Time now) {
    if (!next_ || !table_.supervisor->cleared()) return false;
    const std::unique_ptr<Next> next = std::move(next_);
    exchange(*next, now);
    return true;
}

void Roster::abandon() {
    next_.reset();
}

// From here on nothing is needed that might not be had. What a lack of memory could still spoil is
// a limit or a socket of one service, which does without.
void Roster::exchange(Next& next, Time now) {
    table_.observer.on_exchange(next.to, next.from.size());
    for (std::size_t index = 0; index < next.from.size(); ++index) {
        if (next.from[index] != kNobody) move_unit(next, index);
    }
    next.supervisor->adopt(*table_.supervisor, next.from);
    for (std::size_t index = 0; index < next.to.size(); ++index) {
        if (next.to[index] != kNobody) continue;
        forget(next, *table_.units[index], now);
    }
    std::swap(*table_.supervisor, *next.supervisor);
    table_.units.swap(next.units);
    table_.booted.loaded.services.swap(next.loaded.services);
    if (next.settings) {
        std::swap(table_.booted.settings, *next.settings);
        table_.journal.set_console_enabled(table_.booted.settings.console);
    }
    for (std::size_t index = 0; index < next.wanted.size(); ++index) {
        if (next.wanted[index]) table_.supervisor->want(index, now);
    }
    table_.supervisor->settle_all(now);
    if (next.report) {
        table_.journal.info("reload: {}", next.report->summary);
        last_report_ = std::move(next.report);
    }
}

void Roster::forget(const Next& next, Unit& unit, Time now) {
    unit.flush_log(now);
    table_.journal.info("service {} is forgotten", unit.name());
    // A program that is run again under its old name has the same group.
    const bool reused = std::any_of(next.units.begin(), next.units.end(), [&](const auto& other) {
        return other->cgroup() == unit.cgroup();
    });
    if (!reused) remove_cgroup(unit.cgroup());
}

void Roster::move_unit(Next& next, std::size_t index) {
    const std::size_t from = next.from[index];
    LoadedService& old_one = table_.booted.loaded.services[from];
    LoadedService& new_one = next.loaded.services[index];
    if (next.keeps_settings) new_one = std::move(old_one);
    next.units[index] = std::move(table_.units[from]);
    Unit& unit = *next.units[index];
    unit.set_index(index);
    const Change change = next.changes[index];
    if (change == Change::kept) return;
    unit.set_console(new_one.settings.console);
    if (change == Change::restarted) unit.equip(std::move(next.equipment[index]));
    try {
        make_real(new_one, old_one.settings.group_limits, unit, table_.booted, table_.journal);
    } catch (const std::bad_alloc&) {
        table_.journal.error("service {}: out of memory for its limits", unit.name());
    }
}

}  // namespace initd
