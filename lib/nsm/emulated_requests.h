// The module's side of protocol.h: requests taken apart, replies put together. Pure; it serves the
// emulator.
#pragma once

#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "nsm/nsm.h"

namespace nsm::emulated {

using Bytes = std::vector<std::byte>;

struct Describe {};
struct Random {};
struct DescribePcr {
    std::uint16_t index = 0;
};
struct ExtendPcr {
    std::uint16_t index = 0;
    Bytes data;
};
struct LockPcr {
    std::uint16_t index = 0;
};
struct LockPcrs {
    std::uint16_t range = 0;
};
struct Attest {
    AttestationRequest fields;
};
// What the module answers instead, by its name on the wire.
struct Refusal {
    std::string_view reason;
};
inline constexpr Refusal kInvalidArgument{"InvalidArgument"};
inline constexpr Refusal kInvalidIndex{"InvalidIndex"};
inline constexpr Refusal kReadOnlyIndex{"ReadOnlyIndex"};
inline constexpr Refusal kInvalidOperation{"InvalidOperation"};
inline constexpr Refusal kInputTooLarge{"InputTooLarge"};

using Request =
    std::variant<Describe, Random, DescribePcr, ExtendPcr, LockPcr, LockPcrs, Attest, Refusal>;

// Total: what is no request becomes the Refusal that it deserves.
Request decode_request(std::span<const std::byte> request);

Bytes encode_refusal(Refusal refusal);
Bytes encode_description(const Description& description);
Bytes encode_random(std::span<const std::byte> random);
Bytes encode_register(const Register& value);
Bytes encode_extended(std::span<const std::byte> value);
Bytes encode_locked(std::string_view name);  // "LockPCR" or "LockPCRs"
Bytes encode_document(std::span<const std::byte> document);

}  // namespace nsm::emulated
