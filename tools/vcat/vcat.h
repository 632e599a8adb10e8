// vcat's parts: the option table, one connection's work, and the listening loop.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/options.h"
#include "base/result.h"
#include "vsockio/address.h"
#include "vsockio/relay.h"

namespace vcat {

extern const base::Tool kTool;

struct Settings {
    vsockio::Address address;
    std::vector<std::string> command;  // empty: relay standard input and output
    bool listen = false;
    bool keep = false;
    std::size_t max_connections = 0;
    std::chrono::milliseconds connect_timeout{};
    vsockio::RelayOptions relay;
    std::string ready_fd;
};

base::Result<Settings> parse_settings(const base::Arguments& arguments);

// Relays between standard input and output and the connection. Returns the exit code.
base::Result<int> relay_standard_streams(base::Fd connection, const vsockio::RelayOptions& options);

// Replaces this process by the command, with the connection as its standard input and output and
// VCAT_PEER in its environment. Returns only on failure.
base::Error run_command(base::Fd connection, const std::string& peer,
                        const std::vector<std::string>& command);

base::Result<int> serve(const Settings& settings);

}  // namespace vcat
