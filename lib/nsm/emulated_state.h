// What the emulator remembers between calls: identity, registers and locks, and their JSON. Pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "attest/expectations.h"
#include "nsm/emulated_requests.h"
#include "nsm/nsm.h"

namespace nsm::emulated {

struct State {
    std::string module_id;
    std::array<Register, kRegisterCount> registers;
};

// Registers 0 to 15 as measured, else zero, and locked; the others zero and open. A measurement of
// one of the others is an Error (usage): an enclave boots with them at zero.
base::Result<State> initial_state(std::string module_id,
                                  const std::optional<attest::Expectations>& measurements);
// An Error (usage) when the registers do not have these values.
base::Result<void> check_measurements(const State& state, const attest::Expectations& measurements);

// {"module_id": text, "registers": [{"value": hexadecimal, "locked": bool}, ...]}
std::string encode_state(const State& state);
// What encode_state() did not write is an Error (data).
base::Result<State> decode_state(std::string_view text);

Description describe(const State& state);
// What the call answers, and whether it changed the state.
struct Change {
    Bytes reply;
    bool changed = false;
};
base::Result<Change> apply(State& state, const ExtendPcr& request);
Change apply(State& state, const LockPcr& request);
Change apply(State& state, const LockPcrs& request);

}  // namespace nsm::emulated
