// The commands of nsm(1): each checks its words, opens the module, asks, and returns what standard
// output shall have. Nothing here writes; a test hands in a module of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/options.h"
#include "nsm/nsm.h"

namespace nsm_tool {

// Called once the words are known to be right, so that a mistake is told on any machine.
using Opener = std::function<base::Result<std::unique_ptr<nsm::Module>>()>;

base::Result<std::string> describe(const base::Arguments& arguments, const Opener& open);
base::Result<std::string> random(const base::Arguments& arguments, const Opener& open);
base::Result<std::string> pcr(const base::Arguments& arguments, const Opener& open);
// The document's bytes.
base::Result<std::string> attest(const base::Arguments& arguments, const Opener& open);
// Returns only with --once, or with an Error before the first look is done.
base::Result<std::string> clock(const base::Arguments& arguments, const Opener& open);

// The one named by arguments.command.
base::Result<std::string> run_command(const base::Arguments& arguments, const Opener& open);

// DATA as the command line spells it: hexadecimal digits, @FILE, or - for standard input.
base::Result<std::vector<std::byte>> read_data(std::string_view text);

// {"Measurements": {"HashAlgorithm": ..., "PCRn": ...}}, the object that eif(1) prints.
struct Measurement {
    std::uint16_t index;
    std::vector<std::byte> value;
};
std::string measurements_json(std::string_view digest, std::span<const Measurement> registers);

}  // namespace nsm_tool
