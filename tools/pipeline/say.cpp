// Lines for people.
#include "say.h"

#include <unistd.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/text.h"

namespace pipeline {

void say(std::string_view line) {
    const std::string text = fmt::format("pipeline: {}\n", line);
    (void)base::write_all(STDERR_FILENO, base::as_bytes(text), "standard error");
}

}  // namespace pipeline
