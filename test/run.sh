#!/bin/sh
# Runs every test and closes with one line: N passed, N failed, N skipped.
#
#   test/run.sh [BUILD_FOLDER]
#
# A scenario of several named cases says `ok - NAME` for each, and each counts.
#
# First the unit tests and scenarios that need nothing but the build, then the end-to-end
# scenarios in an emulated enclave. What is skipped says why.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build}
build=$(cd "$build" && pwd) || exit 66
cd "$top" || exit 66

passed=0
failed=0
skipped=0

echo "== unit tests and scenarios"
meson test -C "$build" --no-rebuild --print-errorlogs
log=$build/meson-logs/testlog.json
if [ ! -s "$log" ]; then
    echo "test: meson left no results" >&2
    failed=1
else
    counts=$(python3 - "$log" <<'PYTHON'
import collections
import json
import sys

results = collections.Counter()
for line in open(sys.argv[1]):
    test = json.loads(line)
    said = (test.get("stdout") or "").splitlines()
    cases = sum(text.startswith("ok - ") for text in said)
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    results["OK"] += max(cases, 1) if good else cases
    if not good:
        results[test["result"]] += 1
    if test["result"] == "SKIP":
        print("skipped:", test["name"], "-", said[-1] if said else "no reason given", file=sys.stderr)
good = results.pop("OK", 0)
skip = results.pop("SKIP", 0)
print(good, sum(results.values()), skip)
PYTHON
    )
    # shellcheck disable=SC2086  # three numbers
    set -- $counts
    passed=$1
    failed=$2
    skipped=$3
fi

if [ -x test/e2e/run.sh ]; then
    echo "== end to end, in an emulated enclave"
    closing=$(mktemp)
    { test/e2e/run.sh "$build"; echo "status $?"; } 2>&1 | tee "$closing"
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$closing" | tail -n 1)
    status=$(sed -n 's/^status //p' "$closing" | tail -n 1)
    rm -f "$closing"
    if [ -n "$line" ]; then
        passed=$((passed + $(echo "$line" | awk '{print $1}')))
        failed=$((failed + $(echo "$line" | awk '{print $3}')))
        skipped=$((skipped + $(echo "$line" | awk '{print $5 + 0}')))
    elif [ "$status" != 0 ]; then
        failed=$((failed + 1))
    fi
fi

echo
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
