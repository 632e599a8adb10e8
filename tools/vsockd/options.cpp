// The option table of vsockd and the names in its folder.
#include <sys/un.h>

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "settings.h"

namespace vsockd {

using base::Arguments;
using base::Error;
using base::Option;
using base::Result;

namespace {

// A guest that opens and drops connections must not use up the descriptors of the others.
constexpr std::uint64_t kConnectionsAtMost = 100'000;
constexpr std::uint64_t kBufferAtLeast = 64 * 1024;
constexpr std::uint64_t kBufferAtMost = 64 * 1024 * 1024;
constexpr std::size_t kGuestsAtMost = 64;

constexpr Option kOptions[] = {
    {'d', "dir", "DIR", "", "Folder of the sockets; made with mode 0700 when missing"},
    {'g', "guest", "CID", "", "Serve a guest with this CID; may be repeated"},
    {'\0', "heartbeat", "", "", "Answer the boot heartbeat on port 9000 when nobody listens there"},
    {'\0', "allow-siblings", "", "", "Let guests connect to each other"},
    {'\0', "max-connections", "N", "1024", "Connections of one guest at a time"},
    {'\0', "buffer", "SIZE", "256K", "Bytes held for one slow reader on the host"},
    {'\0', "connect-timeout", "TIME", "5s", "How long a connection may take to be accepted"},
    {'\0', "trace", "", "", "Log every packet"},
    {'\0', "ready-fd", "N", "", "Write a newline to descriptor N when the sockets are there"},
    {'\0', "log-format", "FORMAT", "logfmt", "logfmt or json"},
};

Result<std::vector<std::uint32_t>> parse_guests(const Arguments& arguments) {
    std::vector<std::uint32_t> guests;
    for (const std::string_view text : arguments.values("guest")) {
        const Result<std::uint64_t> cid = base::parse_number(text, kFirstGuestCid, kLastGuestCid);
        if (!cid.ok()) {
            return Error::usage(fmt::format("--guest: {} is no CID of a guest ({} to {})",
                                            base::quote(text), kFirstGuestCid, kLastGuestCid));
        }
        guests.push_back(static_cast<std::uint32_t>(cid.value()));
    }
    std::ranges::sort(guests);
    if (std::ranges::adjacent_find(guests) != guests.end()) {
        return Error::usage("--guest: the same CID twice");
    }
    if (guests.empty()) return Error::usage("expected --guest CID");
    if (guests.size() > kGuestsAtMost) {
        return Error::usage(fmt::format("--guest: at most {} guests", kGuestsAtMost));
    }
    return guests;
}

}  // namespace

const base::Tool kTool = {"vsockd",
                          "",
                          "Switch vsock connections between emulated enclaves and this host.",
                          kOptions,
                          {}};

Result<Settings> parse_settings(const Arguments& arguments) {
    TRY(arguments.expect_operands(0, 0));
    Settings settings;
    settings.folder = arguments.value("dir");
    if (settings.folder.empty()) return Error::usage("expected --dir DIR");
    settings.guests = TRY(parse_guests(arguments));
    settings.heartbeat = arguments.has("heartbeat");
    settings.allow_siblings = arguments.has("allow-siblings");
    settings.trace = arguments.has("trace");
    settings.maximum_connections =
        static_cast<std::uint32_t>(TRY(arguments.number("max-connections", 1, kConnectionsAtMost)));
    const std::uint64_t buffer_bytes = TRY(arguments.size("buffer"));
    if (buffer_bytes < kBufferAtLeast || buffer_bytes > kBufferAtMost) {
        return Error::usage("--buffer: from 64K to 64M");
    }
    settings.buffer_bytes = static_cast<std::uint32_t>(buffer_bytes);
    settings.connect_timeout = TRY(arguments.duration("connect-timeout"));
    settings.ready_descriptor = arguments.value("ready-fd");
    settings.log_format = TRY(base::log::parse_format(arguments.value("log-format")));
    const std::size_t longest = guest_port_path(settings, kLastGuestCid, 0xFFFFFFFF).size();
    if (longest >= sizeof(sockaddr_un::sun_path)) {
        return Error::usage(
            fmt::format("--dir: {} makes socket names longer than {} bytes",
                        base::quote(settings.folder), sizeof(sockaddr_un::sun_path) - 1),
            "choose a shorter path");
    }
    return settings;
}

std::string vhost_path(const Settings& settings, std::uint32_t cid) {
    return fmt::format("{}/{}.vhost", settings.folder, cid);
}

std::string host_path(const Settings& settings, std::uint32_t cid) {
    return fmt::format("{}/{}.sock", settings.folder, cid);
}

std::string guest_port_path(const Settings& settings, std::uint32_t cid, std::uint32_t port) {
    return fmt::format("{}/{}.sock_{}", settings.folder, cid, port);
}

std::string parent_port_path(const Settings& settings, std::uint32_t port) {
    return fmt::format("{}/parent_{}", settings.folder, port);
}

}  // namespace vsockd
