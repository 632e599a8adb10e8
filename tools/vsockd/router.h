// Where a guest's connection leads: a socket of the parent's in the folder, the heartbeat, or a
// sibling guest. It knows the attached devices by CID and connects; it holds no connection.
#pragma once

#include <cstdint>
#include <map>

#include "base/fd.h"
#include "heartbeat.h"
#include "packet.h"
#include "settings.h"

namespace vsockd {

class Device;

struct Dialed {
    enum class Outcome {
        connected,
        awaits_line,  // a sibling; "OK PORT" comes through the socket when it accepts
        busy,         // the listener's queue is full; try again
        refused,
    };
    Outcome outcome = Outcome::refused;
    base::Fd socket;          // non-blocking
    const char* reason = "";  // of a refusal, for the log
};

class Router {
  public:
    Router(loop::Loop& loop, const Settings& settings) : settings_(settings), heartbeat_(loop) {}

    // The device must take itself out before it dies.
    void attach(std::uint32_t cid, Device& device) { devices_[cid] = &device; }
    void detach(std::uint32_t cid) { devices_.erase(cid); }
    // Nothing when no guest with this CID is attached.
    Device* find(std::uint32_t cid) const;

    // For a request that `packet` makes. Errors of the system count as refusals.
    Dialed dial(const Header& request);

  private:
    Dialed dial_parent(std::uint32_t guest_cid, std::uint32_t port);
    Dialed dial_sibling(const Header& request);

    const Settings& settings_;
    std::map<std::uint32_t, Device*> devices_;
    Heartbeat heartbeat_;
};

}  // namespace vsockd
