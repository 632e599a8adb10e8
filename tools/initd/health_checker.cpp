// Children that look after another one.
#include "health_checker.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "cgroup.h"
#include "unit.h"

namespace initd {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostLines = 8;

}  // namespace

HealthChecker::HealthChecker(const HealthRule& rule, Program program, std::string group)
    : program_(std::move(program)), group_(std::move(group)) {
    schedule_.set_rule(rule);
}

HealthChecker::~HealthChecker() {
    kill();
    drop_output();
}

void HealthChecker::attach(Unit& unit, Reactor& reactor) {
    unit_ = &unit;
    reactor_ = &reactor;
}

void HealthChecker::end() {
    schedule_.end();
    kill();
}

void HealthChecker::kill() {
    if (pid_ <= 0) return;
    (void)kill_cgroup(group_);
    if (::kill(-pid_, SIGKILL) != 0) ::kill(pid_, SIGKILL);
}

void HealthChecker::on_due(Time now) {
    if (schedule_.on_due(now) == HealthSchedule::Step::run) return run(now);
    timed_out_ = true;
    kill();
}

void HealthChecker::run(Time now) {
    // The one before cannot be killed, or is not reaped yet.
    if (pid_ > 0) return schedule_.on_skipped(now);
    Program::Failure failure;
    auto pipe = base::make_pipe();
    if (!pipe.ok()) return schedule_.on_skipped(now);
    ::fcntl(pipe->read.get(), F_SETFL, O_NONBLOCK);
    Program::Started started = program_.start(pipe->write, pipe->write, base::Fd(), false, failure);
    if (started.pid < 0) return schedule_.on_skipped(now);
    pid_ = started.pid;
    report_ = std::move(started.report);
    output_ = std::move(pipe->read);
    text_bytes_ = 0;
    timed_out_ = false;
    // Unwatched, a check that prints more than a pipe holds runs into its time-out.
    (void)reactor_->watch_bulk(output_.get(), *this);
}

void HealthChecker::on_ready(std::uint32_t) {
    read_output();
}

// What comes after the first kilobyte is read and thrown away.
void HealthChecker::read_output() {
    constexpr int kMostReads = 16;
    std::array<char, 4096> spare;
    for (int read = 0; read < kMostReads && output_.valid(); ++read) {
        const bool full = text_bytes_ == text_.size();
        const ssize_t count =
            full ? ::read(output_.get(), spare.data(), spare.size())
                 : ::read(output_.get(), text_.data() + text_bytes_, text_.size() - text_bytes_);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (count <= 0) return drop_output();
        if (!full) text_bytes_ += static_cast<std::size_t>(count);
    }
}

void HealthChecker::drop_output() {
    if (!output_.valid()) return;
    reactor_->forget(output_.get());
    output_.reset();
}

void HealthChecker::collect(int code, int status) {
    // The dead check still holds its process id, so its group's number cannot be another's yet.
    kill();
    ::waitpid(pid_, nullptr, WNOHANG);
    pid_ = -1;
    read_output();
    drop_output();
    Ending ending{code == CLD_EXITED ? Ending::How::exited : Ending::How::signaled, status,
                  Step::none};
    Program::Failure failure;
    if (read_report(report_.get(), failure) && failure.step != Step::none) {
        ending = {Ending::How::cannot_start, failure.errno_value, failure.step};
    }
    report_.reset();
    if (!schedule_.active()) return;
    const bool failed_before = schedule_.failures() > 0;
    const bool unhealthy = schedule_.on_ended(ending.success(), Clock::now());
    if (schedule_.failures() > 0)
        log_failure(ending);
    else if (failed_before)
        unit_->note("its health check succeeds again");
    if (unhealthy) unit_->tell({Event::Kind::unhealthy});
}

void HealthChecker::log_failure(const Ending& ending) {
    std::array<char, 160> how{};
    const auto put = [&](auto format, const auto&... values) {
        fmt::format_to_n(how.data(), how.size() - 1, format, values...);
    };
    if (timed_out_)
        put(FMT_STRING("took too long"));
    else if (ending.how == Ending::How::cannot_start)
        put(FMT_STRING("cannot start: errno {} (step {})"), ending.value, name_of(ending.step));
    else if (ending.how == Ending::How::signaled)
        put(FMT_STRING("was killed by signal {}"), ending.value);
    else
        put(FMT_STRING("exited with code {}"), ending.value);
    unit_->warn_of_health(how.data(), schedule_.failures(), schedule_.retries());
    std::string_view rest(text_.data(), text_bytes_);
    for (int line = 0; line < kMostLines && !rest.empty(); ++line) {
        const std::size_t newline = std::min(rest.find('\n'), rest.size());
        unit_->warn("its health check says", rest.substr(0, newline));
        rest.remove_prefix(std::min(newline + 1, rest.size()));
    }
}

}  // namespace initd
