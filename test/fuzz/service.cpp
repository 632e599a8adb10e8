// Whatever stands in a configuration file, initd's readers accept it or name a place.
#include <cstdlib>

#include "accounts.h"
#include "environment.h"
#include "seccomp.h"
#include "service_file.h"
#include "system_file.h"

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto service = initd::parse_service("x", text, "f");
    if (service.ok()) {
        require(!service->command.empty() && !service->command[0].empty());
        require(service->folder.starts_with('/'));
        require(service->policy.backoff.initial <= service->policy.backoff.maximum);
        (void)initd::resolve_account(service.value(), text, text);
    } else {
        require(service.error().message.starts_with("f:"));
    }
    const auto system = initd::parse_system(text, "f");
    require(system.ok() || system.error().message.starts_with("f:"));
    const auto environment = initd::parse_environment_file(text, "f");
    require(environment.ok() || environment.error().message.starts_with("f:"));
    const auto calls = initd::parse_call_rules(text, "f");
    if (calls.ok())
        require(initd::compile_filter(calls.value()).size() <= 4096);
    else
        require(calls.error().message.starts_with("f:"));
    (void)initd::legacy_service(text, text);
    return 0;
}
