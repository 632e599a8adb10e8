// Answers, composed piece by piece into a client's output: at most one buffer a turn.
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "control.h"
#include "outcome.h"
#include "processes.h"

namespace initd {

namespace {

using base::ExitCode;
using proto::kFieldHeaderBytes;
using proto::control::FieldId;
using proto::control::FrameWriter;
using proto::control::kHeaderBytes;
using Clock = std::chrono::steady_clock;

// Left free by records, so that the frame that ends an answer always fits.
constexpr std::size_t kEndBytes = 640;
constexpr std::size_t kLongestText = 512;
constexpr int kProcessesPerTurn = 64;  // each costs some system calls

}  // namespace

FrameWriter Control::frame(ControlClient& client, Kind kind) const {
    auto room = client.output_.subspan(client.output_used_);
    const bool ends = kind == Kind::done || kind == Kind::failed || kind == Kind::welcome;
    if (!ends) room = room.first(room.size() - std::min(room.size(), kEndBytes));
    return FrameWriter(room, kind);
}

bool Control::put(ControlClient& client, FrameWriter& writer) {
    if (!writer.ok()) return false;
    client.output_used_ += writer.finish().size();
    return true;
}

void Control::done(ControlClient& client, std::string_view text) {
    client.task_ = ControlClient::Task::none;
    client.more_now_ = false;
    FrameWriter writer = frame(client, Kind::done);
    if (!text.empty()) writer.text(FieldId::text, text.substr(0, kLongestText));
    put(client, writer);
}

void Control::failed(ControlClient& client, ExitCode code, std::string_view text) {
    client.task_ = ControlClient::Task::none;
    client.more_now_ = false;
    FrameWriter writer = frame(client, Kind::failed);
    writer.number(FieldId::code, static_cast<std::uint64_t>(code));
    writer.text(FieldId::text, text.substr(0, kLongestText));
    put(client, writer);
}

void Control::note_event(std::string_view service, State state, Reason reason,
                         std::string_view text) {
    const auto now = std::chrono::duration_cast<milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    std::array<char, 512> line;
    const auto end = fmt::format_to_n(line.data(), line.size() - 1, "{} {} {} {} {}", now.count(),
                                      service, name_of(state), name_of(reason), text);
    std::size_t length = std::min(end.size, line.size() - 1);
    std::replace(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(length), '\n', ' ');
    line[length++] = '\n';
    events_.append({line.data(), length});
}

void Control::fill(ControlClient& client) {
    client.more_now_ = false;
    switch (client.task_) {
        case ControlClient::Task::none: break;
        case ControlClient::Task::services: fill_services(client); break;
        case ControlClient::Task::log: fill_log(client); break;
        case ControlClient::Task::events: fill_events(client); break;
        case ControlClient::Task::processes: fill_processes(client); break;
        case ControlClient::Task::settle: fill_settle(client); break;
        case ControlClient::Task::reload: fill_reload(client); break;
        case ControlClient::Task::run: fill_run(client); break;
    }
}

void Control::fill_services(ControlClient& client) {
    for (; client.index_ < client.end_index_; ++client.index_) {
        FrameWriter writer = frame(client, Kind::service);
        describe_service(writer, client.index_);
        if (put(client, writer)) continue;
        client.more_now_ = true;
        return;
    }
    done(client);
}

// Tells a reader that fell off the ring what it lost. False when it did not fit.
bool Control::put_loss(ControlClient& client, Kind kind, const Ring& ring) {
    Ring::Cursor moved = client.cursor_;
    const Ring::Loss loss = ring.catch_up(moved);
    if (loss.bytes == 0) return true;
    FrameWriter writer = frame(client, kind);
    writer.number(FieldId::lost_lines, loss.lines).number(FieldId::lost_bytes, loss.bytes);
    if (!put(client, writer)) return false;
    client.cursor_ = moved;
    return true;
}

void Control::fill_log(ControlClient& client) {
    const Ring& ring = *client.ring_;
    if (!put_loss(client, Kind::log, ring)) return void(client.more_now_ = true);
    FrameWriter writer = frame(client, Kind::log);
    const std::size_t most = std::min(writer.room(), scratch_.size());
    Ring::Cursor ahead = client.cursor_;
    std::size_t length = 0;
    while (length < most && (client.follow_ || ahead.offset < client.end_offset_)) {
        std::string_view piece = ring.peek(ahead).substr(0, most - length);
        if (!client.follow_) piece = piece.substr(0, client.end_offset_ - ahead.offset);
        if (piece.empty()) break;
        length += piece.copy(scratch_.data() + length, piece.size());
        ring.advance(ahead, piece.size());
    }
    // Whole lines only; the longest is far shorter than a frame.
    const std::size_t newline = std::string_view(scratch_.data(), length).rfind('\n');
    if (newline != std::string_view::npos) {
        writer.text(FieldId::text, {scratch_.data(), newline + 1});
        if (put(client, writer)) ring.advance(client.cursor_, newline + 1);
    }
    if (!client.follow_ && client.cursor_.offset >= client.end_offset_) return done(client);
    client.more_now_ =
        newline != std::string_view::npos && client.cursor_.offset < ring.newest().offset;
}

void Control::fill_events(ControlClient& client) {
    if (!put_loss(client, Kind::event, events_)) return void(client.more_now_ = true);
    while (client.cursor_.offset < events_.newest().offset) {
        Ring::Cursor ahead = client.cursor_;
        std::size_t length = 0;
        std::size_t newline = std::string_view::npos;
        // A line may go round the end of the ring: two pieces at most.
        while (newline == std::string_view::npos && length < scratch_.size()) {
            const std::string_view piece = events_.peek(ahead).substr(0, scratch_.size() - length);
            if (piece.empty()) break;
            length +=
                piece.copy(scratch_.data() + length, std::min<std::size_t>(piece.size(), 512));
            events_.advance(ahead, std::min<std::size_t>(piece.size(), 512));
            newline = std::string_view(scratch_.data(), length).find('\n');
        }
        if (newline == std::string_view::npos) return;
        std::string_view rest(scratch_.data(), newline);
        const auto word = [&rest] {
            const std::size_t blank = std::min(rest.find(' '), rest.size());
            const std::string_view front = rest.substr(0, blank);
            rest.remove_prefix(std::min(blank + 1, rest.size()));
            return front;
        };
        std::uint64_t time = 0;
        for (const char digit : word())
            time = time * 10 + static_cast<unsigned>(digit - '0');
        FrameWriter writer = frame(client, Kind::event);
        writer.number(FieldId::time_ms, time).text(FieldId::name, word());
        writer.text(FieldId::state, word());
        writer.text(FieldId::reason, word());
        if (!rest.empty()) writer.text(FieldId::text, rest);
        if (!put(client, writer)) return void(client.more_now_ = true);
        events_.advance(client.cursor_, newline + 1);
    }
}

std::string_view Control::service_of(pid_t pid, pid_t session) const {
    for (const auto& unit : *subjects_.units) {
        if (unit->pid() > 0 && (unit->pid() == pid || unit->pid() == session)) return unit->name();
    }
    return {};
}

void Control::fill_processes(ControlClient& client) {
    // Adds one process; false when there is no room for it.
    const auto add = [&](pid_t pid) {
        ProcessFacts facts;
        if (!read_process(client.folder_.get(), pid, facts)) return true;
        std::string_view group = facts.group_text();
        // A health check has a group below its service's.
        if (group.ends_with(".service/health")) group.remove_suffix(7);
        group = group.substr(std::min(group.rfind('/') + 1, group.size()));
        std::string_view service = service_of(pid, facts.session);
        if (group.ends_with(".service")) service = group.substr(0, group.size() - 8);
        FrameWriter writer = frame(client, Kind::process);
        writer.number(FieldId::pid, static_cast<std::uint64_t>(pid));
        writer.number(FieldId::parent_pid, static_cast<std::uint64_t>(facts.parent));
        writer.number(FieldId::user_id, facts.user_id);
        writer.text(FieldId::process_state, {&facts.state, 1});
        writer.number(FieldId::resident_bytes, facts.resident_bytes);
        writer.text(FieldId::text, facts.command_bytes > 0 ? facts.command_text()
                                                           : std::string_view(facts.name.data()));
        if (!service.empty()) writer.text(FieldId::service_name, service);
        return put(client, writer);
    };
    if (client.only_pid_ != 0) {
        constexpr std::uint64_t kLastProcess = 1 << 22;
        if (client.only_pid_ <= kLastProcess) add(static_cast<pid_t>(client.only_pid_));
        const bool found = client.output_used_ > 0;
        client.folder_.reset();
        if (found) return done(client);
        return failed(client, ExitCode::no_input, "there is no such process");
    }
    int seen = 0;
    std::array<char, 512> memory;  // some twenty entries
    off_t position = ::lseek(client.folder_.get(), 0, SEEK_CUR);
    while (true) {
        const ssize_t bytes = ::getdents64(client.folder_.get(), memory.data(), memory.size());
        if (bytes <= 0) break;
        for (ssize_t at = 0; at < bytes;) {
            struct dirent64 entry {};
            const char* start = memory.data() + at;
            std::memcpy(&entry, start, offsetof(struct dirent64, d_name));
            const char* name = start + offsetof(struct dirent64, d_name);
            pid_t pid = 0;
            for (; *name >= '0' && *name <= '9'; ++name)
                pid = pid * 10 + (*name - '0');
            if (*name == '\0' && pid > 0 && (++seen > kProcessesPerTurn || !add(pid))) {
                // The next turn goes on with this entry.
                client.more_now_ = ::lseek(client.folder_.get(), position, SEEK_SET) >= 0;
                if (!client.more_now_) failed(client, ExitCode::os, "cannot read '/proc'");
                return;
            }
            at += entry.d_reclen;
            position = entry.d_off;
        }
    }
    client.folder_.reset();
    done(client);
}

void Control::fill_settle(ControlClient& client) {
    const Supervisor& supervisor = *subjects_.supervisor;
    const Service& service = supervisor.service(client.index_);
    if (supervisor.moving(client.index_)) return;
    const bool goes_down = client.asked_ == Kind::stop || client.asked_ == Kind::disable;
    const bool is_down = supervisor.down(client.index_);
    if (goes_down && is_down && service.state() != State::failed) return done(client);
    if (!goes_down && service.ready()) return done(client);
    std::array<char, 192> how =
        describe(service.ending(), subjects_.booted->loaded.services[client.index_]);
    if (goes_down && !is_down) {
        return failed(client, ExitCode::no, "somebody else started the service again");
    }
    // A service that had failed before is down, which is what was asked for.
    if (goes_down && (*subjects_.units)[client.index_]->pid() <= 0) return done(client);
    if (goes_down) return failed(client, ExitCode::no, "the service survives SIGKILL");
    if (is_down && service.ending().how == Ending::How::none) {
        return failed(client, ExitCode::no, "what the service requires failed, or it was stopped");
    }
    if (is_down) failed(client, ExitCode::no, how.data());
}

}  // namespace initd
