// Requests: decoded, permitted or refused, and carried out or begun as a task.
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/main.h"
#include "control.h"

namespace initd {

namespace {

using base::ExitCode;
using proto::control::decode;
using proto::control::Decoded;
using proto::control::EndHow;
using proto::control::FieldId;
using proto::control::Frame;
using proto::control::FrameWriter;
using proto::control::kCurrentVersion;
using proto::control::kMinimumVersion;
using Clock = std::chrono::steady_clock;

bool changes_nothing(proto::control::Kind kind) {
    using proto::control::Kind;
    switch (kind) {
        case Kind::ping:
        case Kind::list:
        case Kind::status:
        case Kind::logs:
        case Kind::events:
        case Kind::processes:
        case Kind::system: return true;
        default: return false;
    }
}

}  // namespace

void Control::take_request(ControlClient& client) {
    if (client.input_used_ == 0) return;
    const Decoded decoded = decode(client.input_.first(client.input_used_));
    if (decoded.outcome == Decoded::Outcome::need_more) {
        if (client.input_used_ < client.input_.size()) return;
        failed(client, ExitCode::protocol, "the request is too long");
        client.closing_ = true;
        return;
    }
    if (decoded.outcome == Decoded::Outcome::bad) {
        failed(client, ExitCode::protocol, decoded.bad_because);
        client.closing_ = true;
        return;
    }
    if (client.greeted_)
        carry_out(client, decoded.frame);
    else
        greet(client, decoded.frame);
    // The frame borrows the input until here.
    client.input_used_ -= decoded.used_bytes;
    std::memmove(client.input_.data(), client.input_.data() + decoded.used_bytes,
                 client.input_used_);
}

void Control::greet(ControlClient& client, const Frame& asked) {
    const auto minimum = asked.number(FieldId::minimum_version);
    const auto current = asked.number(FieldId::current_version);
    const bool is_hello = asked.kind() == Kind::hello && minimum && current;
    if (!is_hello || *minimum > kCurrentVersion || *current < kMinimumVersion) {
        failed(client, ExitCode::protocol,
               is_hello ? "no version in common" : "the first frame is no hello");
        client.closing_ = true;
        return;
    }
    client.greeted_ = true;
    FrameWriter writer = frame(client, Kind::welcome);
    writer.number(FieldId::minimum_version, kMinimumVersion);
    writer.number(FieldId::current_version, kCurrentVersion);
    put(client, writer);
}

void Control::carry_out(ControlClient& client, const Frame& asked) {
    if (!client.may_change_ && !changes_nothing(asked.kind())) {
        return failed(client, ExitCode::refused, "only the user who runs initd may do that");
    }
    switch (asked.kind()) {
        case Kind::ping: return done(client);
        case Kind::list:
        case Kind::status: return begin_services(client, asked);
        case Kind::start:
        case Kind::stop:
        case Kind::restart:
        case Kind::enable:
        case Kind::disable: return change_service(client, asked);
        case Kind::reload: return reload(client);
        case Kind::logs: return begin_log(client, asked);
        case Kind::events: return begin_events(client);
        case Kind::processes: return begin_processes(client, asked);
        case Kind::signal: return send_signal(client, asked);
        case Kind::run: return run(client, asked);
        case Kind::system: return tell_system(client);
        case Kind::end_system: return end_system(client, asked);
        default:
            failed(client, ExitCode::protocol, "the request is unknown");
            client.closing_ = true;
    }
}

std::optional<std::size_t> Control::find(ControlClient& client, const Frame& asked) {
    const std::string_view name = asked.text(FieldId::name).value_or("");
    const auto& units = *subjects_.units;
    const auto unit = std::find_if(units.begin(), units.end(), [&](const auto& candidate) {
        return candidate->name() == name;
    });
    if (unit != units.end()) return static_cast<std::size_t>(unit - units.begin());
    failed(client, ExitCode::no_input, "there is no such service");
    return std::nullopt;
}

bool Control::may_start(ControlClient& client, std::size_t index) {
    const std::optional<std::size_t> obstacle = subjects_.supervisor->obstacle(index);
    if (!obstacle) return true;
    const LoadedService& service = subjects_.booted->loaded.services[*obstacle];
    std::array<char, 512> text;
    if (subjects_.supervisor->withdrawn(*obstacle)) {
        failed(client, ExitCode::temporary, "a reload is under way");
        return false;
    }
    const bool broken = subjects_.supervisor->broken(*obstacle);
    const auto end =
        fmt::format_to_n(text.data(), text.size(), "service {}{}{}", service.settings.name,
                         broken ? ": " : " is disabled", broken ? service.problem.c_str() : "");
    failed(client, broken ? ExitCode::config : ExitCode::refused,
           {text.data(), std::min(end.size, text.size())});
    return false;
}

void Control::change_service(ControlClient& client, const Frame& asked) {
    const std::optional<std::size_t> index = find(client, asked);
    if (!index) return;
    if (phase_ != "running") return failed(client, ExitCode::temporary, "the enclave is ending");
    Supervisor& supervisor = *subjects_.supervisor;
    const Kind kind = asked.kind();
    const LoadedService& service = subjects_.booted->loaded.services[*index];
    if (kind == Kind::enable && !service.settings.enabled) {
        return failed(client, ExitCode::refused, "its file disables the service");
    }
    if (kind == Kind::enable) supervisor.allow(*index);
    const bool starts = kind == Kind::start || kind == Kind::restart || kind == Kind::enable;
    if (starts && !may_start(client, *index)) return;
    const Time now = Clock::now();
    const char* verb = "";
    switch (kind) {
        case Kind::start: supervisor.start(*index, now), verb = "start"; break;
        case Kind::restart: supervisor.restart(*index, now), verb = "restart"; break;
        case Kind::enable: supervisor.start(*index, now), verb = "enable"; break;
        case Kind::stop: supervisor.stop(*index, now), verb = "stop"; break;
        default: supervisor.disable(*index, now), verb = "disable"; break;
    }
    subjects_.journal->info("control: user {} asks to {} service {}", client.user_id_, verb,
                            service.settings.name);
    client.task_ = ControlClient::Task::settle;
    client.asked_ = kind;
    client.index_ = *index;
}

void Control::begin_services(ControlClient& client, const Frame& asked) {
    client.asked_ = asked.kind();
    client.index_ = 0;
    client.end_index_ = subjects_.units->size();
    if (asked.kind() == Kind::status) {
        const std::optional<std::size_t> index = find(client, asked);
        if (!index) return;
        client.index_ = *index;
        client.end_index_ = *index + 1;
    }
    client.task_ = ControlClient::Task::services;
}

void Control::begin_log(ControlClient& client, const Frame& asked) {
    client.ring_ = &subjects_.journal->ring();
    if (asked.text(FieldId::name)) {
        const std::optional<std::size_t> index = find(client, asked);
        if (!index) return;
        client.ring_ = &(*subjects_.units)[*index]->ring();
    }
    const std::uint64_t lines = asked.number(FieldId::lines).value_or(0);
    client.cursor_ = lines == 0 ? client.ring_->oldest() : client.ring_->last_lines(lines);
    client.end_offset_ = client.ring_->newest().offset;
    client.follow_ = asked.number(FieldId::follow).value_or(0) != 0;
    client.task_ = ControlClient::Task::log;
}

void Control::begin_events(ControlClient& client) {
    client.cursor_ = events_.newest();
    client.task_ = ControlClient::Task::events;
}

void Control::begin_processes(ControlClient& client, const Frame& asked) {
    client.only_pid_ = asked.number(FieldId::pid).value_or(0);
    client.folder_ = base::Fd(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!client.folder_.valid()) return failed(client, ExitCode::os, "cannot open '/proc'");
    client.task_ = ControlClient::Task::processes;
}

void Control::send_signal(ControlClient& client, const Frame& asked) {
    constexpr std::uint64_t kLastSignal = 64;
    constexpr std::uint64_t kLastProcess = 1 << 22;
    const std::uint64_t pid = asked.number(FieldId::pid).value_or(0);
    const std::uint64_t signal = asked.number(FieldId::signal).value_or(0);
    if (pid == 1) return failed(client, ExitCode::refused, "PID 1 takes its orders from requests");
    if (pid < 2 || pid > kLastProcess || signal < 1 || signal > kLastSignal) {
        return failed(client, ExitCode::usage, "no such process id or signal can be");
    }
    if (::kill(static_cast<pid_t>(pid), static_cast<int>(signal)) != 0) {
        return failed(client, errno == ESRCH ? ExitCode::no_input : ExitCode::os,
                      errno == ESRCH ? "there is no such process" : std::strerror(errno));
    }
    subjects_.journal->info("control: user {} sends signal {} to process {}", client.user_id_,
                            signal, pid);
    done(client);
}

void Control::tell_system(ControlClient& client) {
    const Supervisor& supervisor = *subjects_.supervisor;
    std::uint64_t up = 0;
    std::uint64_t failures = 0;
    for (std::size_t index = 0; index < supervisor.size(); ++index) {
        up += supervisor.service(index).ready() ? 1 : 0;
        failures += supervisor.service(index).state() == State::failed ? 1 : 0;
    }
    const auto clients = std::count_if(clients_.begin(), clients_.end(),
                                       [](const auto& other) { return other.fd_.valid(); });
    struct utsname names {};
    ::uname(&names);
    const auto uptime = std::chrono::duration_cast<milliseconds>(Clock::now() - subjects_.started);
    FrameWriter writer = frame(client, Kind::system_facts);
    writer.number(FieldId::uptime_ms, static_cast<std::uint64_t>(uptime.count()));
    writer.number(FieldId::services, supervisor.size()).number(FieldId::services_up, up);
    writer.number(FieldId::services_failed, failures);
    writer.number(FieldId::clients, static_cast<std::uint64_t>(clients));
    writer.number(FieldId::longest_turn_us,
                  static_cast<std::uint64_t>(reactor_->longest_turn().count()));
    writer.text(FieldId::version, base::kVersion).text(FieldId::hostname, names.nodename);
    writer.text(FieldId::phase, phase_);
    put(client, writer);
    done(client);
}

void Control::end_system(ControlClient& client, const Frame& asked) {
    if (phase_ != "running") return failed(client, ExitCode::temporary, "the enclave is ending");
    switch (static_cast<EndHow>(asked.number(FieldId::end_how).value_or(0))) {
        case EndHow::poweroff: wanted_end_ = EndAction::poweroff; break;
        case EndHow::reboot: wanted_end_ = EndAction::reboot; break;
        case EndHow::halt: wanted_end_ = EndAction::halt; break;
        default: return failed(client, ExitCode::usage, "end_how: neither 1, 2 nor 3");
    }
    done(client, "the enclave is ending");
}

}  // namespace initd
