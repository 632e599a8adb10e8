// What the command line of vsockd says. Manual: vsockd(8).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/options.h"
#include "base/result.h"

namespace vsockd {

inline constexpr std::uint32_t kHostCid = 2;
inline constexpr std::uint32_t kParentCid = 3;
inline constexpr std::uint32_t kFirstGuestCid = 4;
inline constexpr std::uint32_t kLastGuestCid = 0xFFFFFFFE;

struct Settings {
    std::string folder;
    std::vector<std::uint32_t> guests;
    bool heartbeat = false;
    bool allow_siblings = false;
    bool trace = false;
    std::uint32_t maximum_connections = 0;  // of one guest
    std::uint32_t buffer_bytes = 0;         // of one connection, towards the host
    std::chrono::milliseconds connect_timeout{0};
    std::string ready_descriptor;
    base::log::Format log_format = base::log::Format::logfmt;
};

extern const base::Tool kTool;

base::Result<Settings> parse_settings(const base::Arguments& arguments);

// DIR/CID.vhost and so on; `port` names a listener of the parent's.
std::string vhost_path(const Settings& settings, std::uint32_t cid);
std::string host_path(const Settings& settings, std::uint32_t cid);
std::string guest_port_path(const Settings& settings, std::uint32_t cid, std::uint32_t port);
std::string parent_port_path(const Settings& settings, std::uint32_t port);

}  // namespace vsockd
