// The options in front of a key in authorized_keys(5): one name and value at a time, and whether
// all of a line's options agree with each other. Pure; for authorized_keys.cpp alone.
#pragma once

#include <string>
#include <string_view>

#include "authorized_keys.h"

namespace pipeline {

// Takes one option into the key. `given` counts how often the option was there before. Returns
// what is wrong, or "".
std::string take_key_option(AuthorizedKey& key, std::string_view name, const std::string& value,
                            unsigned given);

// What is wrong with the options as a whole, or "". `rights_given` says that allow= was there;
// without it a key with path= gets what that option can hold: copy and info.
std::string settle_key_options(AuthorizedKey& key, bool rights_given);

}  // namespace pipeline
