// Owns the memory of the post-mortem and says it: on the status port after the last line, or on
// the console when nobody read that.
#pragma once

#include <memory>
#include <vector>

#include "boot.h"
#include "journal.h"
#include "post_mortem.h"
#include "supervisor.h"
#include "unit.h"

namespace initd {

class Farewell {
  public:
    // All the memory it will need. Without it nothing is ever said.
    base::Result<void> prepare();

    // Composes the text from how everything is now; a good end has none.
    void compose(const End& end, const Booted& booted, const Supervisor* supervisor,
                 const std::vector<std::unique_ptr<Unit>>& units);
    // The same without looking at anything that may be damaged.
    void compose_plainly(const End& end);

    // `line` of the status port with the text in it, or nothing. Borrowed until the next call.
    std::string_view as_status(std::string_view line);
    // The marked block, in up to three pieces through `write(text)`.
    template <typename Write>
    void as_block(Write write) const {
        if (text_.empty()) return;
        for (const std::string_view part : {kPostMortemBegin, text_, kPostMortemEnd})
            write(part);
    }

  private:
    std::unique_ptr<char[]> memory_;
    std::string_view text_;
};

}  // namespace initd
