#!/bin/sh
# Runs every rule over the tree and closes with one line: N passed, N failed.
#
#   test/lint/run.sh [BUILD_FOLDER]
#
# A rule is one script here; it prints what it found and exits 0 or 1. A line is let through by a
# comment on it, or for a whole file anywhere in it: "lint: allow RULE: reason".
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
build=${1:-$top/build}
build=$(cd "$build" 2>/dev/null && pwd) || { echo "lint: no build folder '${1:-build}'" >&2; exit 66; }
cd "$top" || exit 66
passed=0
failed=0
for rule in format.sh shell.sh manual.sh includes.py types.py words.py size.py help.py options.py; do
    if found=$("$here/$rule" "$build" 2>&1); then
        passed=$((passed + 1))
        echo "ok    ${rule%.*}${found:+  ($found)}"
    else
        failed=$((failed + 1))
        printf 'FAIL  %s\n%s\n' "${rule%.*}" "$found"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
