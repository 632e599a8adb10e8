// Tries whether a service is ready: connects to a TCP or Unix socket, or looks for a file, without
// ever waiting. When to try is decided in probe.h.
#pragma once

#include <sys/stat.h>

#include "base/fd.h"
#include "probe.h"
#include "reactor.h"
#include "settings.h"

namespace initd {

class Unit;

class Prober : public Watcher {
  public:
    Prober(Unit& unit, Reactor& reactor) : unit_(unit), reactor_(reactor) {}
    ~Prober() override { end(); }
    Prober(const Prober&) = delete;
    Prober& operator=(const Prober&) = delete;

    // What to try from the next begin() on. The target must outlive that.
    void aim(const ReadyProbe& probe);
    // Before the program starts: a file that is already there tells nothing.
    void note_start();
    void begin(Time now) { schedule_.begin(now); }
    void end();
    std::optional<Time> due() const { return schedule_.due(); }
    void on_due(Time now);

    void on_ready(std::uint32_t events) override;

  private:
    void attempt(Time now);
    bool file_is_new() const;
    void drop();
    void settle(bool succeeded);

    Unit& unit_;
    Reactor& reactor_;
    ReadyProbe::Kind kind_ = ReadyProbe::Kind::none;
    const char* path_ = "";
    SocketAddress address_;
    struct stat before_ {};  // of the file, when the program was started
    ProbeSchedule schedule_;
    base::Fd fd_;
};

}  // namespace initd
