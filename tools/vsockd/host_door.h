// The door for the host: DIR/CID.sock, where a program says "CONNECT PORT\n" and, when the guest
// accepts, hears "OK HOSTPORT\n" and then talks to the guest. Who is refused is hung up on.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "loop/loop.h"
#include "router.h"
#include "settings.h"
#include "vsockio/listen.h"

namespace vsockd {

class HostDoor {
  public:
    static base::Result<std::unique_ptr<HostDoor>> create(loop::Loop& loop,
                                                          const Settings& settings, Router& router,
                                                          std::uint32_t cid);

  private:
    struct Caller {
        base::Fd socket;
        std::optional<loop::Poll> poll;
        std::optional<loop::Timer> timer;
        std::string line;  // as far as it has come
    };
    using Place = std::list<Caller>::iterator;

    HostDoor(loop::Loop& loop, const Settings& settings, Router& router, std::uint32_t cid,
             vsockio::Listener listener)
        : loop_(loop),
          settings_(settings),
          router_(router),
          cid_(cid),
          listener_(std::move(listener)) {}
    void on_caller();
    void listen_to(base::Fd socket);
    void on_readable(Place place);
    void hand_over(Place place, std::uint32_t port);
    void hang_up(Place place);
    void pause();

    loop::Loop& loop_;
    const Settings& settings_;
    Router& router_;
    const std::uint32_t cid_;
    vsockio::Listener listener_;
    std::optional<loop::Poll> poll_;
    std::optional<loop::Timer> pause_;
    std::list<Caller> callers_;  // have not said their line yet
};

}  // namespace vsockd
