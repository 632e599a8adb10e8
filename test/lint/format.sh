#!/bin/sh
# clang-format decides the layout of all C++ (.clang-format).
command -v clang-format >/dev/null || { echo "clang-format is missing (make deps)"; exit 1; }
found=$(find lib tools test bench \( -name '*.cpp' -o -name '*.h' \) -print0 2>/dev/null |
    xargs -0 clang-format --dry-run -Werror 2>&1)
status=$?
echo "$found" | grep -a ' error: ' | cut -d: -f1 | sort | uniq -c | awk '{print $2 ": " $1 " places"}'
exit "$status"
