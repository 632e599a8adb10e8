# Shared by every scenario (it, pid1, e2e): a folder of its own, verdicts, waiting for facts, comparisons.
# The lib.sh of each folder sources this and adds what its kind needs. Exit 0 passed, 77 skipped, 99 broken.
# With KEEP set the folder stays.
# shellcheck shell=sh

set -u
LC_ALL=C
export LC_ALL

tmp=$(mktemp -d "${TMPDIR:-/tmp}/ebtest.XXXXXX") || exit 99
jobs_started=
mounts_made=

# For a lib.sh to replace: what else has to end, and which files tell why a scenario failed.
wind_up() { :; }
telling_files() { ls "$tmp"/*.log 2>/dev/null; }

cleanup() {
    status=$?
    trap - EXIT HUP INT TERM
    # shellcheck disable=SC2086  # several words
    [ -z "$jobs_started" ] || kill $jobs_started 2>/dev/null
    wind_up
    for mount in $mounts_made; do umount "$mount" 2>/dev/null; done
    if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
        for file in $(telling_files); do
            [ -s "$file" ] || continue
            echo "---- ${file##*/}"
            tail -n "${TELLING_LINES:-40}" "$file"
        done
    fi
    [ -n "${KEEP-}" ] || rm -rf "$tmp"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 99' HUP INT TERM

# $doing, where it is set, says in the midst of what.
doing=
fail() {
    echo "FAILED: $*${doing:+ ($doing)}"
    exit 1
}

skip() {
    echo "skipped: $*"
    exit 77
}

need() {
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 || skip "$program is not installed"
    done
}

# passed NAME: one of several named cases of a scenario holds. test/run.sh counts them.
passed() { echo "ok - $*"; }

# holds SECONDS COMMAND...: whether the command succeeds within that time.
holds() {
    wait_end=$(($(date +%s) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$wait_end" ] || return 1
        sleep 0.02
    done
}

# expect_text FILE TEXT
expect_text() {
    grep -qF -- "$2" "$1" || fail "${1##*/} does not say '$2' but: $(head -c 500 "$1")"
}

expect_same() {
    cmp "$1" "$2" || fail "$1 and $2 differ"
}

# expect_equal WHAT ONE OTHER
expect_equal() {
    [ "$2" = "$3" ] || fail "$1: '$2' and '$3'"
}
