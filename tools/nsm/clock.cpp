// nsm clock: a service that keeps the kernel's clock with the module's.
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/main.h"
#include "base/text.h"
#include "clock_rule.h"
#include "commands.h"
#include "nsm/timestamp.h"

namespace nsm_tool {

using base::Error;
using base::Result;
using std::chrono::seconds;

namespace {

constexpr nanoseconds kSecond = seconds(1);

struct Settings {
    milliseconds interval;
    milliseconds step_from;
    std::string floor_path;
    bool once;
    bool dry_run;
};

nanoseconds clock_now(clockid_t clock) {
    struct timespec now {};
    ::clock_gettime(clock, &now);
    return seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

Result<void> step(nanoseconds change) {
    struct timex request {};
    request.modes = ADJ_SETOFFSET | ADJ_NANO;
    request.time.tv_sec = change / kSecond;
    request.time.tv_usec = (change % kSecond).count();  // nanoseconds with ADJ_NANO
    if (request.time.tv_usec < 0) {
        request.time.tv_sec -= 1;
        request.time.tv_usec += kSecond.count();
    }
    if (::adjtimex(&request) < 0) return Error::system("step the clock", "");
    return {};
}

// The kernel takes about half a millisecond a second.
Result<void> slew(nanoseconds change) {
    struct timex request {};
    request.modes = ADJ_OFFSET_SINGLESHOT;
    request.offset = change / std::chrono::microseconds(1);
    if (::adjtimex(&request) < 0) return Error::system("slew the clock", "");
    return {};
}

// The latest time ever told, kept in a file so that a restart does not forget it.
class Floor {
  public:
    explicit Floor(std::string path) : path_(std::move(path)) {
        const auto text = base::read_file(path_, 64);
        if (!text.ok()) return;
        const auto number = base::parse_number(
            base::trim(text.value()), static_cast<std::uint64_t>(nsm::kEarliestTime.count()),
            static_cast<std::uint64_t>(nsm::kLatestTime.count()));
        if (number.ok())
            time_ = milliseconds(static_cast<std::int64_t>(number.value()));
        else
            base::log::warning("no floor", {{"file", path_}, {"error", number.error().message}});
    }

    milliseconds time() const { return time_; }

    void raise(milliseconds time, bool keep) {
        if (time <= time_) return;
        time_ = time;
        if (!keep) return;
        const auto written = write();
        if (!written.ok())
            base::log::warning("floor not kept", {{"error", written.error().message}});
    }

  private:
    Result<void> write() const {
        base::OutputFile file = TRY(base::OutputFile::create(path_));
        TRY(base::write_all(file.fd(), base::as_bytes(fmt::format("{}\n", time_.count())), path_));
        return file.commit();
    }

    std::string path_;
    milliseconds time_{};
};

Result<Reading> read_module(nsm::Module& module) {
    const nanoseconds before = clock_now(CLOCK_MONOTONIC);
    const std::vector<std::byte> document = TRY(module.attest({}));
    const nanoseconds kernel = clock_now(CLOCK_REALTIME);
    const nanoseconds after = clock_now(CLOCK_MONOTONIC);
    const milliseconds time = TRY(nsm::document_time(document));
    return Reading{time, kernel, after - before};
}

std::string in_milliseconds(nanoseconds time) {
    return fmt::format("{:.3f}", static_cast<double>(time.count()) / 1e6);
}

// One look, and what follows from it; says what was done.
Result<std::string> look(nsm::Module& module, Floor& floor, const Settings& settings) {
    const Reading reading = TRY(read_module(module));
    const Verdict verdict = judge(reading, floor.time(), settings.step_from);
    if (verdict.kind == Verdict::Kind::refused) {
        return Error(base::ExitCode::refused,
                     fmt::format("the NSM's time, {} ms, is before its own of earlier, {} ms",
                                 reading.module.count(), floor.time().count()));
    }
    floor.raise(reading.module, !settings.dry_run);
    if (verdict.kind == Verdict::Kind::in_step) {
        base::log::debug("in step", {{"took_ms", in_milliseconds(reading.took)}});
        return std::string("in step");
    }
    const bool steps = verdict.kind == Verdict::Kind::step;
    if (!settings.dry_run) TRY(steps ? step(verdict.change) : slew(verdict.change));
    const std::string change = in_milliseconds(verdict.change);
    const char* const word = steps ? "step" : "slew";
    if (!settings.once) {
        base::log::write(steps ? base::log::Level::warning : base::log::Level::info, word,
                         {{"change_ms", change},
                          {"from_ms", reading.kernel / milliseconds(1)},
                          {"to_ms", (reading.kernel + verdict.change) / milliseconds(1)},
                          {"dry_run", settings.dry_run ? "yes" : "no"}});
    }
    return fmt::format("{} by {} ms", word, change);
}

void sleep_for(milliseconds time) {
    struct timespec rest {};
    rest.tv_sec = time / seconds(1);
    rest.tv_nsec = time.count() % 1'000 * 1'000'000;
    while (::clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, &rest) == EINTR)
        continue;
}

}  // namespace

Result<std::string> clock(const base::Arguments& arguments, const Opener& open) {
    TRY(arguments.expect_operands(0, 0));
    Settings settings{};
    settings.interval = TRY(arguments.duration("interval"));
    settings.step_from = TRY(arguments.duration("step"));
    settings.floor_path = arguments.value("floor");
    settings.once = arguments.has("once");
    settings.dry_run = arguments.has("dry-run");
    if (settings.interval < seconds(1)) return Error::usage("--interval: at least one second");
    const auto module = TRY(open());
    Floor floor(settings.floor_path);
    // What does not work the first time is told at once: a supervisor knows what to do then.
    std::string first = TRY(look(*module, floor, settings));
    if (settings.once) return first + "\n";
    base::log::info("looking after the clock", {{"first", first}});
    TRY(base::announce_ready(arguments.value("ready-fd")));
    while (true) {
        sleep_for(settings.interval);
        const auto looked = look(*module, floor, settings);
        if (!looked.ok()) base::log::error("not looked", {{"error", looked.error().message}});
    }
}

}  // namespace nsm_tool
