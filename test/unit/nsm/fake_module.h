// A module that remembers: 32 registers, the first 16 locked. Extending appends to the log and
// fills the register with the data's first byte, so that a test sees who was extended with what.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "nsm/nsm.h"

namespace nsm_test {

struct State {
    std::array<nsm::Register, 32> registers;
    std::vector<std::string> log;
    nsm::AttestationRequest request;
    std::size_t random_calls = 0;
    std::size_t random_bytes = 256;  // for each call
};

inline State fresh_state() {
    State state;
    for (std::size_t index = 0; index < state.registers.size(); ++index) {
        state.registers[index] = {index < 16, std::vector<std::byte>(48, std::byte(index))};
    }
    return state;
}

class FakeModule : public nsm::Module {
  public:
    // Borrows `state`, which outlives the tool's command.
    explicit FakeModule(State& state) : state_(state) {}

    base::Result<nsm::Description> describe() override {
        nsm::Description description{1, 2, 3, "i-1-enc2", 32, {}, "SHA384"};
        for (std::uint16_t index = 0; index < 32; ++index) {
            if (state_.registers[index].locked) description.locked_registers.push_back(index);
        }
        return description;
    }
    base::Result<std::vector<std::byte>> random() override {
        ++state_.random_calls;
        return std::vector<std::byte>(state_.random_bytes, std::byte(state_.random_calls));
    }
    base::Result<nsm::Register> describe_pcr(std::uint16_t index) override {
        if (index >= 32) return no_register();
        return state_.registers[index];
    }
    base::Result<std::vector<std::byte>> extend_pcr(std::uint16_t index,
                                                    std::span<const std::byte> data) override {
        if (index >= 32) return no_register();
        nsm::Register& target = state_.registers[index];
        if (target.locked) return base::Error(base::ExitCode::refused, "the register is locked");
        std::ranges::fill(target.value, data.empty() ? std::byte{0} : data[0]);
        state_.log.push_back("extend " + std::to_string(index) + " by " +
                             std::to_string(data.size()));
        return target.value;
    }
    base::Result<void> lock_pcr(std::uint16_t index) override {
        if (index >= 32) return no_register();
        state_.registers[index].locked = true;
        state_.log.push_back("lock " + std::to_string(index));
        return {};
    }
    base::Result<void> lock_pcrs(std::uint16_t range) override {
        if (range > 32) return no_register();
        for (std::uint16_t index = 0; index < range; ++index)
            state_.registers[index].locked = true;
        state_.log.push_back("lock below " + std::to_string(range));
        return {};
    }
    base::Result<std::vector<std::byte>> attest(const nsm::AttestationRequest& request) override {
        state_.request = request;
        return std::vector<std::byte>{std::byte{0x84}, std::byte{0}, std::byte{0x0A}};
    }

  private:
    static base::Error no_register() {
        return base::Error(base::ExitCode::usage, "there is no such register");
    }

    State& state_;
};

}  // namespace nsm_test
