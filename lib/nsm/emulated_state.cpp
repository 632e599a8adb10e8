// The rules of registers, and reading and writing them.
#include "nsm/emulated_state.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "codec/json.h"
#include "crypto/digest.h"

namespace nsm::emulated {

using base::Error;
using base::Result;
using codec::json::Value;

namespace {

constexpr std::size_t kValueBytes = 48;       // SHA-384
constexpr std::uint16_t kBootRegisters = 16;  // measured and locked before an enclave starts

Error broken(std::string_view why) {
    return Error::data(fmt::format("not the registers of an emulator: {}", why));
}

Change refuse(Refusal refusal) {
    return {encode_refusal(refusal), false};
}

}  // namespace

Result<State> initial_state(std::string module_id,
                            const std::optional<attest::Expectations>& measurements) {
    State state;
    state.module_id = std::move(module_id);
    for (std::uint16_t index = 0; index < kRegisterCount; ++index)
        state.registers[index] = {index < kBootRegisters, Bytes(kValueBytes)};
    if (!measurements) return state;
    for (const auto& [index, value] : *measurements) {
        if (index >= kBootRegisters) {
            return Error::usage(
                fmt::format("PCR{} cannot be measured: it is zero at the start", index), "");
        }
        state.registers[index].value = value;
    }
    return state;
}

Result<void> check_measurements(const State& state, const attest::Expectations& measurements) {
    for (const auto& [index, value] : measurements) {
        if (index < kRegisterCount && state.registers[index].value == value) continue;
        return Error::usage(fmt::format("the emulator was made with another PCR{}", index),
                            "take another folder, or delete this one: that is the reboot");
    }
    return {};
}

std::string encode_state(const State& state) {
    codec::json::Array registers;
    for (const Register& each : state.registers) {
        Value value;
        value.set("value", base::to_hex(each.value)).set("locked", each.locked);
        registers.push_back(std::move(value));
    }
    Value whole;
    whole.set("module_id", state.module_id).set("registers", std::move(registers));
    return codec::json::write(whole, 1) + "\n";
}

Result<State> decode_state(std::string_view text) {
    const auto parsed = codec::json::parse(text);
    if (!parsed.ok()) return broken(parsed.error().message);
    const Value* module_id = parsed->find("module_id");
    const Value* registers = parsed->find("registers");
    const std::string_view id =
        module_id == nullptr ? "" : module_id->as_text().value_or(std::string_view());
    const auto* values = registers == nullptr ? nullptr : registers->as_array();
    State state;
    if (id.empty()) return broken("no module_id");
    if (values == nullptr || values->size() != state.registers.size()) {
        return broken(fmt::format("not {} registers", state.registers.size()));
    }
    state.module_id = id;
    for (std::size_t index = 0; index < state.registers.size(); ++index) {
        const Value* value = (*values)[index].find("value");
        const Value* locked = (*values)[index].find("locked");
        auto bytes = base::from_hex(value == nullptr ? "" : value->as_text().value_or(""));
        const auto flag = locked == nullptr ? std::nullopt : locked->as_bool();
        if (!bytes.ok() || bytes->size() != kValueBytes || !flag) {
            return broken(fmt::format("register {}", index));
        }
        state.registers[index] = {*flag, std::move(bytes).value()};
    }
    return state;
}

Description describe(const State& state) {
    Description description;
    description.version_major = 1;
    description.module_id = state.module_id;
    description.register_count = kRegisterCount;
    description.digest = "SHA384";
    for (std::uint16_t index = 0; index < kRegisterCount; ++index) {
        if (state.registers[index].locked) description.locked_registers.push_back(index);
    }
    return description;
}

Result<Change> apply(State& state, const ExtendPcr& request) {
    if (request.index >= kRegisterCount) return refuse(kInvalidIndex);
    Register& target = state.registers[request.index];
    if (target.locked) return refuse(kReadOnlyIndex);
    auto digest = TRY(crypto::Digest::create(crypto::HashAlgorithm::sha384));
    TRY(digest.update(target.value));
    TRY(digest.update(request.data));
    target.value = TRY(digest.finish());
    return Change{encode_extended(target.value), true};
}

Change apply(State& state, const LockPcr& request) {
    if (request.index >= kRegisterCount) return refuse(kInvalidIndex);
    Register& target = state.registers[request.index];
    if (target.locked) return refuse(kReadOnlyIndex);
    target.locked = true;
    return {encode_locked("LockPCR"), true};
}

Change apply(State& state, const LockPcrs& request) {
    if (request.range > kRegisterCount) return refuse(kInvalidIndex);
    for (std::uint16_t index = 0; index < request.range; ++index)
        state.registers[index].locked = true;
    return {encode_locked("LockPCRs"), true};
}

}  // namespace nsm::emulated
