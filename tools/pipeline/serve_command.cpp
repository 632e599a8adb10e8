// pipeline serve: the words of the command line as settings of the listener.
#include "audit_log.h"
#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/main.h"
#include "commands.h"
#include "serve.h"

namespace pipeline {

using base::Result;

namespace {

constexpr unsigned kMostSessions = 4096;

Result<unsigned> count(const base::Arguments& arguments, std::string_view name) {
    return static_cast<unsigned>(TRY(arguments.number(name, 1, kMostSessions)));
}

}  // namespace

Result<int> serve_command(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(0, 1));
    ServeSettings settings;
    const std::uint64_t port = TRY(arguments.number("port", 1, 0xFFFFFFFF));
    const std::string address = arguments.operands.empty() ? fmt::format("vsock:any:{}", port)
                                                           : std::string(arguments.operands[0]);
    settings.address = TRY(vsockio::parse_address(address));
    const std::string keys_file(arguments.value("authorized-keys"));
    const std::string keys = TRY(base::read_file(keys_file, kMaxKeysFileBytes));
    settings.keys = TRY(parse_authorized_keys(keys, keys_file));
    if (arguments.has("check")) {
        TRY(base::print(fmt::format("{}: {} keys\n", keys_file, settings.keys.size())));
        return 0;
    }
    if (settings.keys.empty()) {
        base::log::warning("no key is authorised, nobody will be served", {{"file", keys_file}});
    }
    settings.module = arguments.value("module");
    settings.audit_file = arguments.value("audit");
    settings.jobs_folder = arguments.value("jobs");
    settings.control_socket = arguments.value("control-socket");
    settings.max_sessions = TRY(count(arguments, "max-sessions"));
    settings.max_greetings = TRY(count(arguments, "max-greetings"));
    settings.max_output = TRY(arguments.size("max-output"));
    settings.max_copy = TRY(arguments.size("max-copy"));
    settings.greeting_limit = TRY(arguments.duration("greeting-timeout"));
    settings.idle_limit = TRY(arguments.duration("idle-timeout"));
    return serve(settings, arguments.value("ready-fd"));
}

Result<int> audit_command(const base::Arguments& arguments) {
    TRY(arguments.expect_operands(1, 1));
    return audit_command(std::string(arguments.operands[0]));
}

}  // namespace pipeline
