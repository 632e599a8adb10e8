// vcat's command line.
#include "vcat.h"

namespace vcat {

namespace {

constexpr base::Option kOptions[] = {
    {'l', "listen", "", "", "Accept a connection instead of making one"},
    {'k', "keep", "", "", "With --listen: run the command for every connection, until ended"},
    {'m', "max-connections", "N", "256",
     "With --keep: serve at most N connections at once; others wait"},
    {'t', "connect-timeout", "TIME", "10s", "Try to connect for at most TIME; 0 tries only once"},
    {'i', "idle", "TIME", "0", "Give up after TIME without a byte; 0 never does"},
    {'w', "write-size", "SIZE", "64K", "Write at most SIZE bytes at a time"},
    {'\0', "no-splice", "", "", "Copy through a buffer even where the kernel can splice"},
    {'\0', "ready-fd", "N", "", "With --listen: write a newline to descriptor N once listening"},
};

}  // namespace

constexpr base::Tool kTool{
    "vcat",
    "ADDRESS [-- COMMAND [ARGUMENT]...]",
    "Connect standard input and output, or a command, to a vsock, TCP or Unix address.",
    kOptions,
    {}};

base::Result<Settings> parse_settings(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(1, 4096));
    Settings settings;
    settings.address = TRY(vsockio::parse_address(arguments.operands[0]));
    for (std::size_t index = 1; index < arguments.operands.size(); ++index) {
        settings.command.emplace_back(arguments.operands[index]);
    }
    settings.listen = arguments.has("listen");
    settings.keep = arguments.has("keep");
    settings.max_connections =
        static_cast<std::size_t>(TRY(arguments.number("max-connections", 1, 65536)));
    settings.connect_timeout = TRY(arguments.duration("connect-timeout"));
    settings.relay.idle_limit = TRY(arguments.duration("idle"));
    settings.relay.write_bytes = static_cast<std::size_t>(TRY(arguments.size("write-size")));
    settings.relay.splice = !arguments.has("no-splice");
    settings.ready_fd = arguments.value("ready-fd");
    if (settings.relay.write_bytes == 0) return base::Error::usage("--write-size: 0 moves nothing");
    if (settings.keep && (!settings.listen || settings.command.empty())) {
        return base::Error::usage("--keep needs --listen and a command");
    }
    if (!settings.listen && !settings.ready_fd.empty()) {
        return base::Error::usage("--ready-fd needs --listen");
    }
    return settings;
}

}  // namespace vcat
