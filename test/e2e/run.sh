#!/bin/sh
# Runs the end-to-end scenarios, each a script of its own here, and closes with one line:
# N passed, N failed, N skipped.
#
#   test/e2e/run.sh [BUILD_FOLDER [SCENARIO...]]
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../../build}
ENCLAVEBOX_BUILD=$(cd "$build" && pwd) || exit 66
export ENCLAVEBOX_BUILD
[ "$#" -eq 0 ] || shift

E2E_IMAGES=$(mktemp -d "${TMPDIR:-/tmp}/ebimages.XXXXXX") || exit 99
export E2E_IMAGES
output=$(mktemp) || exit 99
trap 'rm -rf "$E2E_IMAGES" "$output"' EXIT
trap 'exit 130' HUP INT TERM

if [ "$#" -eq 0 ]; then
    for scenario in "$here"/*.sh; do
        name=${scenario##*/}
        case $name in
        lib.sh | run.sh) ;;
        *) set -- "$@" "${name%.sh}" ;;
        esac
    done
fi

passed=0
failed=0
skipped=0
for name; do
    began=$(date +%s)
    timeout --kill-after 30 900 sh "$here/$name.sh" >"$output" 2>&1
    status=$?
    took=$(($(date +%s) - began))
    case $status in
    0)
        passed=$((passed + 1))
        echo "ok       $name ($took s)"
        ;;
    77)
        skipped=$((skipped + 1))
        echo "skipped  $name: $(sed -n 's/^skipped: //p' "$output")"
        ;;
    *)
        failed=$((failed + 1))
        echo "FAILED   $name (status $status, $took s)"
        sed 's/^/  | /' "$output"
        ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
