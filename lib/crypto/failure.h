// The oldest entry of OpenSSL's error queue as an Error; for the files of this room only.
#pragma once

#include <string_view>

#include "base/result.h"

namespace crypto {

// Code internal: OpenSSL refused something that depends on us, not on input. Empties the queue.
base::Error failure(std::string_view operation);

// Code data: the input called `object` is not what it should be.
base::Error bad_input(std::string_view operation, std::string_view object);

}  // namespace crypto
