// The place of one guest: its two listening sockets, and the front end that is there now. When a
// front end has gone, the place serves the next one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "drain.h"
#include "host_door.h"
#include "loop/loop.h"
#include "router.h"
#include "session.h"
#include "settings.h"
#include "vsockio/listen.h"

namespace vsockd {

class Slot {
  public:
    // Binds DIR/CID.sock and DIR/CID.vhost. Error (temporary) when another vsockd serves them.
    static base::Result<std::unique_ptr<Slot>> create(loop::Loop& loop, const Settings& settings,
                                                      Router& router, std::uint32_t cid);
    ~Slot();

  private:
    Slot(loop::Loop& loop, const Settings& settings, Router& router, std::uint32_t cid,
         std::unique_ptr<HostDoor> door, vsockio::Listener listener);
    void on_front_end();
    void attach(base::Fd socket);
    void ended(std::string reason, bool violation);
    void detach();

    loop::Loop& loop_;
    const Settings& settings_;
    Router& router_;
    const std::uint32_t cid_;
    std::unique_ptr<HostDoor> door_;
    vsockio::Listener listener_;
    Drains drains_;
    std::optional<loop::Poll> poll_;
    std::optional<loop::Timer> pause_;   // after an accept that failed
    std::optional<loop::Timer> reaper_;  // destroys the session outside of its own calls
    std::unique_ptr<Session> session_;
    std::string reason_;  // of the session's end
    bool violation_ = false;
};

}  // namespace vsockd
