// How large a terminal is.
#pragma once

namespace pipeline {

struct TerminalSize {
    unsigned short rows = 24;
    unsigned short columns = 80;

    bool operator==(const TerminalSize&) const = default;
};

}  // namespace pipeline
