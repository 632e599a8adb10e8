// authorized_keys(5): whatever the text, it is refused with a place, or every key in it decides
// every operation the same way twice and within its rights.
#include "authorized_keys.h"

#include <cstdint>
#include <cstdlib>

#include "decision.h"
#include "fingerprint.h"

namespace {

void require(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pipeline;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto keys = parse_authorized_keys(text, "keys");
    if (!keys.ok()) {
        require(keys.error().message.starts_with("keys:"));
        return 0;
    }
    for (const AuthorizedKey& key : keys.value()) {
        require(is_fingerprint(key.fingerprint));
        require(find_key(keys.value(), key.fingerprint) == &key);
        for (const Operation operation : kOperations) {
            Asked asked;
            asked.operation = operation;
            asked.address = vsockio::parse_address("unix:/run/initd.sock").value();
            const Decision decision = decide(key, asked, {*parse_instant("2026-06-01"), 3U, 0});
            const Granted* granted = std::get_if<Granted>(&decision);
            if (granted == nullptr) continue;
            // What a key holds back is held back.
            require(key.folders.empty() ||
                    (operation != Operation::run && operation != Operation::shell &&
                     operation != Operation::control));
            require(!key.command || operation == Operation::jobs || operation == Operation::info ||
                    granted->command == key.command);
            require(key.user.empty() || granted->user == key.user);
            require(operation != Operation::forward || !key.may_open.empty());
        }
    }
    return 0;
}
