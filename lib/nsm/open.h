// A module by the words that a person says for it.
#pragma once

#include <memory>
#include <string_view>

#include "nsm/nsm.h"

namespace nsm {

// "PATH": the device there. "emulator:FOLDER[,rate=N][,measurements=FILE]": the emulator of
// emulator.h, with at most N documents a second, made with the registers of FILE when it is new;
// in a build without the emulator that is an Error (usage).
base::Result<std::unique_ptr<Module>> open_module(std::string_view text);

}  // namespace nsm
