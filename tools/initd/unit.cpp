// Children, their pipes and their ends.
#include "unit.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "cgroup.h"
#include "processes.h"

namespace initd {

namespace {

// All units share it: one thread, and nothing is kept in it between reads. What is read in a turn
// bounds how long the turn takes, even if every byte is a line of its own.
constexpr std::size_t kReadBytes = 64 * 1024;
char read_buffer[kReadBytes];

// Of a child that ended, before the end is told; what is beyond a pipe's usual size can wait.
constexpr std::size_t kLastWordsBytes = 128 * 1024;

}  // namespace

void OutputPipe::on_ready(std::uint32_t) {
    read_once(kReadBytes);
}

// Not until the pipe is empty: something else may hold it and fill it for ever.
void OutputPipe::drain(std::size_t most_bytes) {
    int waiting = 0;
    if (!fd_.valid() || ::ioctl(fd_.get(), FIONREAD, &waiting) != 0) return;
    std::size_t left = std::min(static_cast<std::size_t>(waiting), most_bytes);
    while (left > 0) {
        const std::size_t most = std::min(left, kReadBytes);
        if (!read_once(most)) return;
        left -= most;
    }
    read_once(kReadBytes);  // the end, if it is there
}

bool OutputPipe::read_once(std::size_t most_bytes) {
    ssize_t count;
    do {
        count = ::read(fd_.get(), read_buffer, most_bytes);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN) return false;
    Journal& journal = unit_.journal_;
    const auto sink = [&journal](std::string_view text, bool ended) {
        journal.add_line(text, ended);
    };
    journal.begin_lines({unit_.name_, is_error_, &unit_.ring_, unit_.equipment_.console});
    if (count > 0)
        cutter_.feed({read_buffer, static_cast<std::size_t>(count)}, sink);
    else
        cutter_.finish(sink);
    journal.end_lines();
    if (count > 0) return true;
    // A child between fork and exec may hold a copy, so closing alone would not unwatch.
    unit_.reactor_.forget(fd_.get());
    fd_.reset();
    return false;
}

void ReportPipe::on_ready(std::uint32_t) {
    unit_.take_report();
}

void ReadyPipe::on_ready(std::uint32_t) {
    unit_.take_ready();
}

Unit::Unit(std::size_t index, std::string name, std::size_t ring_bytes, Equipment equipment,
           Journal& journal, Reactor& reactor, UnitObserver& observer)
    : index_(index),
      name_(std::move(name)),
      equipment_(std::move(equipment)),
      journal_(journal),
      reactor_(reactor),
      observer_(observer),
      report_(*this),
      ready_(*this),
      prober_(*this, reactor) {
    auto ring = Ring::create(ring_bytes);
    if (ring.ok())
        ring_ = std::move(ring).value();
    else
        journal.warning("service {}: {}", name_, ring.error().message);
    pipes_.reserve(4);
    if (!equipment_.log_target.path.empty())
        file_log_.emplace(equipment_.log_target, name_, ring_, journal, reactor);
    prober_.aim(equipment_.probe);
    if (equipment_.notify_socket) equipment_.notify_socket->attach(*this, reactor);
    if (equipment_.health) equipment_.health->attach(*this, reactor);
}

Unit::~Unit() {
    for (const auto& pipe : pipes_) {
        if (!pipe->done()) reactor_.forget(pipe->fd());
    }
    drop_report();
    drop_ready();
}

void Unit::set_socket(std::unique_ptr<NotifySocket> socket) {
    equipment_.notify_socket = std::move(socket);
    if (equipment_.notify_socket) equipment_.notify_socket->attach(*this, reactor_);
}

void Unit::equip(Equipment equipment) {
    if (equipment.notifies) equipment.notify_socket = std::move(equipment_.notify_socket);
    equipment.group_is_new = equipment_.group_is_new;
    equipment_ = std::move(equipment);
    prober_.aim(equipment_.probe);
    if (equipment_.health) equipment_.health->attach(*this, reactor_);
}

std::optional<Ending> Unit::spawn() {
    const auto cannot = [](Step step, int errno_value) {
        return Ending{Ending::How::cannot_start, errno_value, step};
    };
    auto out = base::make_pipe();
    auto err = base::make_pipe();
    if (!out.ok()) return cannot(Step::pipes, out.error().errno_value);
    if (!err.ok()) return cannot(Step::pipes, err.error().errno_value);
    for (base::Fd* fd : {&out->read, &err->read}) {
        // A pipe that could block PID 1 is worse than a service that does not run.
        if (::fcntl(fd->get(), F_SETFL, O_NONBLOCK) != 0) return cannot(Step::pipes, errno);
    }
    auto out_pipe = std::make_unique<OutputPipe>(*this, std::move(out->read), false);
    auto err_pipe = std::make_unique<OutputPipe>(*this, std::move(err->read), true);
    pipes_.reserve(pipes_.size() + 2);
    base::Fd ready_write;
    if (equipment_.announces_by_descriptor) {
        auto ready = base::make_pipe();
        if (!ready.ok()) return cannot(Step::pipes, ready.error().errno_value);
        if (::fcntl(ready->read.get(), F_SETFL, O_NONBLOCK) != 0) return cannot(Step::pipes, errno);
        ready_.fd_ = std::move(ready->read);
        ready_write = std::move(ready->write);
    }
    if (equipment_.notify_socket) equipment_.notify_socket->reset();
    prober_.note_start();
    failure_ = {};
    Program::Started started = equipment_.program->start(out->write, err->write, ready_write,
                                                         equipment_.group_is_new, failure_);
    if (started.pid < 0) {
        ready_.fd_.reset();
        return cannot(failure_.step, failure_.errno_value);
    }
    for (OutputPipe* pipe : {out_pipe.get(), err_pipe.get()}) {
        const auto watched = reactor_.watch_bulk(pipe->fd(), *pipe);
        if (!watched.ok()) journal_.error("service {}: {}", name_, watched.error().message);
    }
    pid_ = session_ = started.pid;
    pipes_.push_back(std::move(out_pipe));
    pipes_.push_back(std::move(err_pipe));
    report_.fd_ = std::move(started.report);
    // Unwatched, the report is read when the child ends: late, but nothing is lost.
    (void)reactor_.watch(report_.fd_.get(), EPOLLIN, report_);
    if (ready_.fd_.valid()) (void)reactor_.watch(ready_.fd_.get(), EPOLLIN, ready_);
    return std::nullopt;
}

void Unit::take_report() {
    if (!report_.fd_.valid() || !read_report(report_.fd_.get(), failure_)) return;
    drop_report();
    if (failure_.step == Step::none) tell({Event::Kind::executed});
}

void Unit::drop_report() {
    if (!report_.fd_.valid()) return;
    reactor_.forget(report_.fd_.get());
    report_.fd_.reset();
}

void Unit::take_ready() {
    if (!ready_.fd_.valid()) return;
    std::array<char, 256> text;
    const ssize_t count = ::read(ready_.fd_.get(), text.data(), text.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const char* const begin = text.data();
    const char* const end = begin + std::max<ssize_t>(count, 0);
    const bool ready = std::find(begin, end, '\n') != end;
    if (count > 0 && !ready) return;  // s6 passes over what comes before the newline
    drop_ready();
    take_report();  // the program runs, whichever pipe was read first
    tell({ready ? Event::Kind::ready : Event::Kind::never_ready});
}

void Unit::drop_ready() {
    if (!ready_.fd_.valid()) return;
    reactor_.forget(ready_.fd_.get());
    ready_.fd_.reset();
}

void Unit::take_announcements() {
    if (equipment_.notify_socket) {
        take_report();  // a program that speaks runs, whatever was read first
        equipment_.notify_socket->drain();
    }
}

void Unit::on_state(State state, Time now) {
    if (state == State::starting && equipment_.probe.kind != ReadyProbe::Kind::none)
        prober_.begin(now);
    else
        prober_.end();
    if (!equipment_.health) return;
    if (state == State::running)
        equipment_.health->begin(now);
    else
        equipment_.health->end();
}

void Unit::note(std::string_view what) {
    journal_.info("service {}: {}", name_, what);
}

void Unit::warn_of_health(std::string_view how, unsigned failures, unsigned most) {
    journal_.warning("service {}: its health check {}, failure {} of {}", name_, how, failures,
                     most);
}

void Unit::warn(std::string_view what, std::string_view detail) {
    journal_.warning("service {}: {}{}{}", name_, what, detail.empty() ? "" : ": ", detail);
}

bool Unit::owns(pid_t pid) const {
    if (pid <= 1 || pid_ <= 0) return false;
    if (pid == pid_ || pid == session_) return true;
    ProcessFacts facts;
    const base::Fd folder(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.valid() || !read_process(folder.get(), pid, facts)) return false;
    if (equipment_.cgroup.empty()) return facts.session == session_;
    return is_in_group_of(facts, name_);
}

bool Unit::follow(pid_t pid) {
    if (pid == pid_) return true;
    if (!owns(pid)) return false;
    journal_.info("service {}: its main process is {} instead of {}", name_, pid, pid_);
    pid_ = pid;
    return true;
}

std::string_view Unit::status_text() const {
    return equipment_.notify_socket ? equipment_.notify_socket->status() : std::string_view();
}

std::optional<Time> Unit::next_deadline() const {
    std::optional<Time> soonest = prober_.due();
    const auto consider = [&soonest](const std::optional<Time>& other) {
        if (other && (!soonest || *other < *soonest)) soonest = other;
    };
    if (equipment_.notify_socket) consider(equipment_.notify_socket->due());
    if (file_log_) consider(file_log_->next_deadline());
    if (equipment_.health) consider(equipment_.health->due());
    return soonest;
}

void Unit::flush_log(Time now) {
    if (file_log_) file_log_->flush(now);
}

void Unit::on_alarm(Time now) {
    if (const auto due = prober_.due(); due && *due <= now) prober_.on_due(now);
    NotifySocket* socket = equipment_.notify_socket.get();
    if (socket != nullptr && socket->due() && *socket->due() <= now) socket->on_due();
    HealthChecker* health = equipment_.health.get();
    if (health != nullptr && health->due() && *health->due() <= now) health->on_due(now);
}

void Unit::send_signal(int signal) {
    if (pid_ <= 0) return;
    // Before the child made its own session there is no such group.
    if (::kill(-pid_, signal) != 0) ::kill(pid_, signal);
}

void Unit::kill_group() {
    const GroupKill killed = kill_cgroup(equipment_.cgroup);
    if (killed != GroupKill::done)
        send_signal(SIGKILL);
    else
        equipment_.group_is_new = false;
}

Ending Unit::collect(int code, int status) {
    take_report();
    // The dead child still holds its process id, so the group's number cannot be another's yet.
    kill_group();
    ::waitpid(pid_, nullptr, WNOHANG);
    pid_ = -1;
    drop_report();
    drop_ready();
    prober_.end();
    drain_pipes(kLastWordsBytes);
    if (failure_.step != Step::none) {
        return {Ending::How::cannot_start, failure_.errno_value, failure_.step};
    }
    return {code == CLD_EXITED ? Ending::How::exited : Ending::How::signaled, status, Step::none};
}

void Unit::drain_pipes(std::size_t most_bytes_each) {
    for (const auto& pipe : pipes_)
        pipe->drain(most_bytes_each);
}

void Unit::drop_finished_pipes() {
    std::erase_if(pipes_, [](const auto& pipe) { return pipe->done(); });
}

void Unit::show_tail(std::size_t lines) {
    if (equipment_.console && journal_.console_enabled()) return;
    Ring::Cursor cursor = ring_.last_lines(lines);
    for (std::string_view text = ring_.peek(cursor); !text.empty(); text = ring_.peek(cursor)) {
        journal_.console().append(text);
        ring_.advance(cursor, text.size());
    }
}

}  // namespace initd
