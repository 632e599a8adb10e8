// The clock that reproducible outputs use: SOURCE_DATE_EPOCH, or 1970.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace eif {

// Seconds since 1970; 0 when the variable is unset or empty. Nonsense in it is an Error (usage).
base::Result<std::int64_t> source_date_epoch();

}  // namespace eif
