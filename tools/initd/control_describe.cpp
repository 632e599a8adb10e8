// One service as a frame: all that is known of it.
#include <fcntl.h>

#include <algorithm>

#include "control.h"
#include "processes.h"

namespace initd {

namespace {

using proto::control::FieldId;
using proto::control::FrameWriter;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestText = 512;

std::uint64_t unsigned_of(milliseconds time) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
}

const char* type_name(ServiceKind kind) {
    switch (kind) {
        case ServiceKind::simple: return "simple";
        case ServiceKind::oneshot: return "oneshot";
        case ServiceKind::ready_fd: return "ready-fd";
        case ServiceKind::notify: return "notify";
    }
    return "simple";
}

// What makes the service ready, as in "tcp 127.0.0.1:80"; nothing where its start does.
void put_readiness(FrameWriter& writer, const ServiceSettings& settings) {
    std::array<char, 256> text;
    const auto put = [&](const char* how, const auto& what) {
        const auto end = fmt::format_to_n(text.data(), text.size(), "{}{}", how, what);
        writer.text(FieldId::ready_by, {text.data(), std::min(end.size, text.size())});
    };
    switch (settings.policy.kind) {
        case ServiceKind::oneshot: return put("end", "");
        case ServiceKind::ready_fd: return put("fd ", settings.ready_descriptor);
        case ServiceKind::notify: return put("notify", "");
        case ServiceKind::simple: break;
    }
    switch (settings.ready_probe.kind) {
        case ReadyProbe::Kind::none: return;
        case ReadyProbe::Kind::tcp: return put("tcp ", settings.ready_probe.target);
        case ReadyProbe::Kind::local: return put("unix ", settings.ready_probe.target);
        case ReadyProbe::Kind::file: return put("file ", settings.ready_probe.target);
    }
}

void put_health(FrameWriter& writer, const HealthSchedule& health) {
    std::array<char, 64> text;
    if (!health.active() || !health.checked()) {
        writer.text(FieldId::health, "not checked");
    } else if (health.failures() == 0) {
        writer.text(FieldId::health, "healthy");
    } else {
        const auto end = fmt::format_to_n(text.data(), text.size(), "failing, {} of {}",
                                          health.failures(), health.retries());
        writer.text(FieldId::health, {text.data(), std::min(end.size, text.size())});
    }
}

const char* restart_name(Restart restart) {
    switch (restart) {
        case Restart::never: return "never";
        case Restart::on_failure: return "on-failure";
        case Restart::on_success: return "on-success";
        case Restart::always: return "always";
    }
    return "never";
}

const char* ending_name(Ending::How how) {
    switch (how) {
        case Ending::How::none: return "none";
        case Ending::How::exited: return "exited";
        case Ending::How::signaled: return "signaled";
        case Ending::How::cannot_start: return "cannot start";
    }
    return "none";
}

// A list of names, as far as there is room.
void put_names(FrameWriter& writer, FieldId id, const std::vector<std::string>& names) {
    constexpr std::size_t kRoom = 256;
    for (const std::string& name : names) {
        if (writer.room() > kRoom) writer.text(id, name);
    }
}

// The number in a file of a cgroup, after `key` if there is one.
void put_group_number(FrameWriter& writer, FieldId id, const std::string& folder, const char* file,
                      std::string_view key) {
    std::array<char, 320> path{};
    fmt::format_to_n(path.data(), path.size() - 1, "{}/{}", folder, file);
    std::array<char, 512> memory;
    std::string_view text = read_small(AT_FDCWD, path.data(), memory);
    const std::size_t found = text.find(key);
    if (text.empty() || found == std::string_view::npos) return;
    text.remove_prefix(found + key.size());
    std::uint64_t number = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9') break;
        number = number * 10 + static_cast<unsigned>(digit - '0');
    }
    writer.number(id, number);
}

}  // namespace

void Control::describe_service(FrameWriter& writer, std::size_t index) const {
    const Supervisor& supervisor = *subjects_.supervisor;
    const Service& service = supervisor.service(index);
    const Unit& unit = *(*subjects_.units)[index];
    const LoadedService& loaded = subjects_.booted->loaded.services[index];
    const ServiceSettings& settings = loaded.settings;
    const Time now = Clock::now();
    const Time since = unit.since == Time{} ? subjects_.started : unit.since;
    const auto passed = std::chrono::duration_cast<milliseconds>(now - since);

    writer.text(FieldId::name, settings.name).text(FieldId::state, name_of(service.state()));
    writer.text(FieldId::type, type_name(settings.policy.kind));
    writer.number(FieldId::enabled, supervisor.enabled(index) ? 1 : 0);
    writer.number(FieldId::critical, settings.critical ? 1 : 0);
    if (loaded.origin == Origin::transient) writer.number(FieldId::transient, 1);
    if (settings.sidecar) writer.number(FieldId::sidecar, 1);
    writer.number(FieldId::starts, service.starts());
    writer.number(FieldId::since_ms, unsigned_of(passed));
    writer.text(FieldId::restart_policy, restart_name(settings.policy.restart));
    if (unit.pid() > 0) writer.number(FieldId::pid, static_cast<std::uint64_t>(unit.pid()));
    const Ending& ending = service.ending();
    if (ending.how != Ending::How::none) {
        writer.text(FieldId::ending, ending_name(ending.how));
        writer.number(FieldId::ending_value, static_cast<std::uint64_t>(ending.value));
        if (ending.step != Step::none) writer.text(FieldId::ending_step, name_of(ending.step));
    }
    if (service.state() == State::backing_off && unit.deadline) {
        const auto left = std::chrono::duration_cast<milliseconds>(*unit.deadline - now);
        writer.number(FieldId::next_start_ms, unsigned_of(left));
    }
    writer.number(FieldId::ready, service.ready() ? 1 : 0);
    put_readiness(writer, settings);
    if (unit.health() != nullptr) put_health(writer, *unit.health());
    if (!unit.status_text().empty()) writer.text(FieldId::status_text, unit.status_text());
    if (ending.cause != Reason::none) writer.text(FieldId::ending_cause, name_of(ending.cause));
    if (!loaded.problem.empty()) {
        writer.text(FieldId::reason, std::string_view(loaded.problem).substr(0, kLongestText));
    }
    if (service.live() && !unit.cgroup().empty()) {
        put_group_number(writer, FieldId::memory_bytes, unit.cgroup(), "memory.current", "");
        put_group_number(writer, FieldId::cpu_us, unit.cgroup(), "cpu.stat", "usage_usec ");
        put_group_number(writer, FieldId::tasks, unit.cgroup(), "pids.current", "");
    }
    put_names(writer, FieldId::after, settings.links.after);
    put_names(writer, FieldId::before, settings.links.before);
    put_names(writer, FieldId::needed, settings.links.requirements);
    put_names(writer, FieldId::wanted, settings.links.wants);
}

}  // namespace initd
