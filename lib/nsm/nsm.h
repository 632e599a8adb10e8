// The Nitro Secure Module as a set of calls. nsm::Module is the interface; device.h opens the one
// behind /dev/nsm. Requests and replies on the wire: protocol.h. No policy here: what a register
// means and who may extend it is the caller's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace nsm {

// Registers of the modules known so far; describe() tells the number of this one.
inline constexpr std::uint16_t kRegisterCount = 32;

// A module accepts at least this much; longer fields are refused before they are sent.
inline constexpr std::size_t kMaximumUserDataBytes = 512;
inline constexpr std::size_t kMaximumNonceBytes = 512;
inline constexpr std::size_t kMaximumPublicKeyBytes = 1024;

struct Description {
    std::uint16_t version_major = 0;
    std::uint16_t version_minor = 0;
    std::uint16_t version_patch = 0;
    std::string module_id;  // instance and enclave, such as i-...-enc...
    std::uint16_t register_count = 0;
    std::vector<std::uint16_t> locked_registers;
    std::string digest;  // "SHA384"
};

struct Register {
    bool locked = false;
    std::vector<std::byte> value;  // as long as the module's digest
};

// What the document shall carry; absent and empty differ.
struct AttestationRequest {
    std::optional<std::vector<std::byte>> user_data;
    std::optional<std::vector<std::byte>> nonce;
    std::optional<std::vector<std::byte>> public_key;
};

// Every call asks the module once and waits for the reply (the driver gives up after 120 s). What
// the module refuses is an Error: usage for a bad index or argument, refused for a locked
// register, protocol for a reply that is none.
class Module {
  public:
    virtual ~Module() = default;

    virtual base::Result<Description> describe() = 0;
    // As many bytes as the module likes to give, at least one.
    virtual base::Result<std::vector<std::byte>> random() = 0;
    virtual base::Result<Register> describe_pcr(std::uint16_t index) = 0;
    // The new value: H(old value || data). Data is not hashed before.
    virtual base::Result<std::vector<std::byte>> extend_pcr(std::uint16_t index,
                                                            std::span<const std::byte> data) = 0;
    virtual base::Result<void> lock_pcr(std::uint16_t index) = 0;
    // Locks the registers 0 to range - 1.
    virtual base::Result<void> lock_pcrs(std::uint16_t range) = 0;
    // A COSE_Sign1 document as the module made it.
    virtual base::Result<std::vector<std::byte>> attest(const AttestationRequest& request) = 0;
};

}  // namespace nsm
