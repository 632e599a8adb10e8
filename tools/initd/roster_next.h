// A table of services built aside, until it takes the place of the running one. Part of roster.h.
#pragma once

#include "roster.h"

namespace initd {

struct Roster::Next {
    LoadedServices loaded;
    std::optional<SystemSettings> settings;    // of a reload
    bool keeps_settings = false;               // those of kept services are moved over, too
    std::vector<std::size_t> from;             // per service its old number, or kNobody
    std::vector<std::size_t> to;               // per old service its number, or kNobody
    std::vector<Change> changes;               // per service
    std::vector<bool> wanted;                  // per service: to be started after the exchange
    std::vector<Equipment> equipment;          // per service, of those that start anew
    std::vector<std::unique_ptr<Unit>> units;  // per service, of those that are new
    std::optional<Supervisor> supervisor;
    std::shared_ptr<ReloadReport> report;  // of a reload
};

}  // namespace initd
