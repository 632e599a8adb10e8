// Platform configuration registers (PCRs) of an image, and the JSON object that states them.
//
// With H = SHA-384 and registers that start as 48 zero bytes, extended as H(register + data):
// PCR0 holds H(kernel + cmdline + all ramdisks), PCR1 H(kernel + cmdline + first ramdisk),
// PCR2 H(other ramdisks), PCR8 H(signing certificate, DER). Only payloads count.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/json.h"
#include "crypto/digest.h"

namespace eif {

using Pcr = std::array<std::byte, 48>;

// The register after extending its initial zeros with `data`.
base::Result<Pcr> extend_from_zero(std::span<const std::byte> data);
// The same with the digest of everything that was fed, which is finished by this.
base::Result<Pcr> extend_from_zero(crypto::Digest& digest);

struct Measurements {
    Pcr pcr0{};
    Pcr pcr1{};
    Pcr pcr2{};
    std::optional<Pcr> pcr8;  // only signed images have it

    bool operator==(const Measurements&) const = default;
};

// {"HashAlgorithm": "Sha384 { ... }", "PCR0": hex, ...}
codec::json::Value to_json(const Measurements& measurements);
// What build, measure and sign print: {"Measurements": {...}} and a newline.
std::string to_text(const Measurements& measurements);

struct Expectation {
    unsigned pcr_index;  // 0, 1, 2 or 8
    Pcr value;
};

// Reads what to_text() writes (attest/expectations.h). Other registers than those four are refused,
// because an image's file does not fix them.
base::Result<std::vector<Expectation>> parse_expectations(std::string_view text);

// Sentences on each register that is not as expected; empty when all are.
std::vector<std::string> compare(const Measurements& measurements,
                                 std::span<const Expectation> expectations);

}  // namespace eif
