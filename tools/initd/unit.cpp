// Children, their pipes and their ends.
#include "unit.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "cgroup.h"

namespace initd {

namespace {

// All units share it: one thread, and nothing is kept in it between reads.
constexpr std::size_t kReadBytes = 64 * 1024;
char read_buffer[kReadBytes];

// A dead child's pipe may be held by a chatterbox it left behind.
constexpr std::size_t kLastWordsBytes = 1024 * 1024;

}  // namespace

void OutputPipe::on_ready(std::uint32_t) {
    drain(kReadBytes);
}

void OutputPipe::drain(std::size_t most_bytes) {
    const auto sink = [this](std::string_view text, bool ended) { deliver(text, ended); };
    for (std::size_t total = 0; fd_.valid() && total < most_bytes;) {
        const ssize_t count = ::read(fd_.get(), read_buffer, kReadBytes);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0) {
            cutter_.finish(sink);
            // A child between fork and exec may hold a copy, so closing alone would not unwatch.
            unit_.reactor_.forget(fd_.get());
            fd_.reset();
            return;
        }
        cutter_.feed({read_buffer, static_cast<std::size_t>(count)}, sink);
        total += static_cast<std::size_t>(count);
    }
}

void OutputPipe::deliver(std::string_view text, bool ended) {
    unit_.journal_.service_line(unit_.name_, is_error_, text, ended, &unit_.ring_, unit_.console_);
}

void ReportPipe::on_ready(std::uint32_t) {
    unit_.take_report();
}

Unit::Unit(std::size_t index, std::string name, std::size_t ring_bytes, bool console,
           std::optional<Program> program, std::string cgroup, Journal& journal, Reactor& reactor,
           UnitObserver& observer)
    : index_(index),
      name_(std::move(name)),
      console_(console),
      program_(std::move(program)),
      cgroup_(std::move(cgroup)),
      journal_(journal),
      reactor_(reactor),
      observer_(observer),
      report_(*this) {
    auto ring = Ring::create(ring_bytes);
    if (ring.ok())
        ring_ = std::move(ring).value();
    else
        journal.warning("service {}: {}", name_, ring.error().message);
    pipes_.reserve(4);
}

std::optional<Ending> Unit::spawn() {
    const auto cannot = [](Step step, int errno_value) {
        return Ending{Ending::How::cannot_start, errno_value, step};
    };
    auto out = base::make_pipe();
    auto err = base::make_pipe();
    if (!out.ok()) return cannot(Step::pipes, out.error().errno_value);
    if (!err.ok()) return cannot(Step::pipes, err.error().errno_value);
    for (base::Fd* fd : {&out->read, &err->read})
        ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
    auto out_pipe = std::make_unique<OutputPipe>(*this, std::move(out->read), false);
    auto err_pipe = std::make_unique<OutputPipe>(*this, std::move(err->read), true);
    pipes_.reserve(pipes_.size() + 2);
    failure_ = {};
    Program::Started started = program_->start(out->write, err->write, failure_);
    if (started.pid < 0) return cannot(failure_.step, failure_.errno_value);
    for (OutputPipe* pipe : {out_pipe.get(), err_pipe.get()}) {
        const auto watched = reactor_.watch(pipe->fd(), EPOLLIN, *pipe);
        if (!watched.ok()) journal_.error("service {}: {}", name_, watched.error().message);
    }
    pid_ = started.pid;
    pipes_.push_back(std::move(out_pipe));
    pipes_.push_back(std::move(err_pipe));
    report_.fd_ = std::move(started.report);
    // Unwatched, the report is read when the child ends: late, but nothing is lost.
    (void)reactor_.watch(report_.fd_.get(), EPOLLIN, report_);
    return std::nullopt;
}

void Unit::take_report() {
    if (!report_.fd_.valid() || !read_report(report_.fd_.get(), failure_)) return;
    drop_report();
    if (failure_.step == Step::none) observer_.on_executed(index_);
}

void Unit::drop_report() {
    if (!report_.fd_.valid()) return;
    reactor_.forget(report_.fd_.get());
    report_.fd_.reset();
}

void Unit::send_signal(int signal) {
    if (pid_ <= 0) return;
    // Before the child made its own session there is no such group.
    if (::kill(-pid_, signal) != 0) ::kill(pid_, signal);
}

void Unit::kill_group() {
    if (kill_cgroup(cgroup_)) return;
    send_signal(SIGKILL);
}

Ending Unit::collect(int code, int status) {
    take_report();
    // The dead child still holds its process id, so the group's number cannot be another's yet.
    kill_group();
    ::waitpid(pid_, nullptr, WNOHANG);
    pid_ = -1;
    drop_report();
    drain_pipes();
    if (failure_.step != Step::none) {
        return {Ending::How::cannot_start, failure_.errno_value, failure_.step};
    }
    return {code == CLD_EXITED ? Ending::How::exited : Ending::How::signaled, status, Step::none};
}

void Unit::drain_pipes() {
    for (const auto& pipe : pipes_)
        pipe->drain(kLastWordsBytes);
}

void Unit::drop_finished_pipes() {
    std::erase_if(pipes_, [](const auto& pipe) { return pipe->done(); });
}

void Unit::show_tail(std::size_t lines) {
    if (console_ && journal_.console_enabled()) return;
    Ring::Cursor cursor = ring_.last_lines(lines);
    for (std::string_view text = ring_.peek(cursor); !text.empty(); text = ring_.peek(cursor)) {
        journal_.console().append(text);
        ring_.advance(cursor, text.size());
    }
}

}  // namespace initd
