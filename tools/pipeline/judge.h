// Whether the evidence of a connection is good enough: the document itself, its bond to this very
// channel, and the measurements, against a file of expectations or what was seen before.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "vsockio/address.h"

namespace pipeline {

struct JudgeSettings {
    vsockio::Address address;       // under which it is remembered
    std::string expectations_file;  // "": compare with known_enclaves
    std::string root_file;          // "": the vendor's root
    std::string known_file;
    std::string verified_file;  // certificates that need not be verified again
    bool allow_emulated = false;
    bool allow_debug = false;
};

struct Accepted {
    std::string module_id;  // printable
    bool proven = false;    // signed by a key that the pinned root vouches for
    std::map<unsigned, std::vector<std::byte>> pcrs;
    std::string by;  // "expected", "known", "first seen"
};

// Errors of code refused name what was expected and what was seen. Says on standard error what is
// accepted without having been expected.
base::Result<Accepted> judge(std::span<const std::byte> document, std::span<const std::byte> nonce,
                             std::span<const std::byte> binding, const JudgeSettings& settings);

}  // namespace pipeline
