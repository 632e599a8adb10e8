// What a client remembers of the enclaves that it connected to, by address: their measurements, as
// known_hosts remembers keys. Pure; the file is in known_enclaves_file.h. Whether evidence is good
// is decided before; this only tells whether it is the same as last time.
//
// One line an enclave, in hexadecimal, in this order:
//
//   ADDRESS pcr0=HEX pcr1=HEX pcr2=HEX [pcr8=HEX] [emulated]
//
// ADDRESS is as vsockio::to_string() spells it, with blanks, '%', '#' and bytes outside printable
// ASCII as %XX. Blank lines and lines that begin with '#' are skipped, but do not survive an
// update.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vsockio/address.h"

namespace pipeline {

using Register = std::array<std::byte, 48>;  // SHA-384

struct Measured {
    Register pcr0{};
    Register pcr1{};
    Register pcr2{};
    std::optional<Register> pcr8;  // nullopt when it is zero: the image is not signed
    bool emulated = false;         // the document proves nothing

    bool operator==(const Measured&) const = default;
};

struct KnownEnclave {
    vsockio::Address address;
    Measured measured;
};

inline constexpr std::size_t kMaxKnownBytes = std::size_t{1} << 20;

// Errors (config) read "FILE:LINE:COLUMN: reason"; an address may stand there once.
base::Result<std::vector<KnownEnclave>> parse_known(std::string_view text, std::string_view file);
std::string known_text(const std::vector<KnownEnclave>& known);

struct Change {
    std::string what;      // "PCR0", "PCR8", "emulated"
    std::string expected;  // hexadecimal, "none", "yes" or "no"
    std::string seen;
};

struct Recognition {
    enum class Answer { unknown, same, changed } answer = Answer::unknown;
    std::vector<Change> changes;
};

Recognition recognise(const std::vector<KnownEnclave>& known, const vsockio::Address& address,
                      const Measured& seen);

// With the enclave in it, in place of what was known of its address.
std::vector<KnownEnclave> remembered(std::vector<KnownEnclave> known,
                                     const vsockio::Address& address, const Measured& seen);

}  // namespace pipeline
