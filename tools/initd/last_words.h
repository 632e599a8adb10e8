// What PID 1 says when it has itself crashed, from the boot to the end: the state of the services
// as far as there are any, on the status port and on the console. Page: initd(8), POST-MORTEM.
#pragma once

#include <memory>
#include <vector>

#include "crash.h"
#include "farewell.h"
#include "readers.h"

namespace initd {

class LastWords : public LastWitness {
  public:
    // Of the running part, while it lives.
    struct Running {
        const Booted* booted;
        const Supervisor* supervisor;
        const std::vector<std::unique_ptr<Unit>>* units;
        Readers* status;
        Readers* log;
    };

    explicit LastWords(Journal& journal) : journal_(journal) {}

    // Gets all memory it will need and waits for crashes from then on.
    base::Result<void> prepare();
    void attach(const Running& running) { running_ = running; }
    void detach() { running_.reset(); }

    void tell_crash(int signal, const void* address, std::size_t instruction,
                    bool plainly) override;

  private:
    Journal& journal_;
    std::optional<Running> running_;
    Farewell farewell_;
    End end_;  // its strings have room: a crash must not ask for memory
};

}  // namespace initd
