# Shared by the scenarios: own folder, waiting on conditions, and judgements that say what differed.
# A scenario is a POSIX shell script that sources this file first. Exit 0 passed, 77 skipped, 99 broken.
# shellcheck shell=sh

set -u

: "${ENCLAVEBOX_BUILD:?the scenarios are run by meson test, or set ENCLAVEBOX_BUILD to the build folder}"
PATH=$ENCLAVEBOX_BUILD/tools/eif:$ENCLAVEBOX_BUILD/tools/vsockd:$ENCLAVEBOX_BUILD/tools/nsm:$PATH
PATH=$ENCLAVEBOX_BUILD/tools/vcat:$ENCLAVEBOX_BUILD/tools/initd:$PATH
export PATH
LC_ALL=C
export LC_ALL

tmp=$(mktemp -d "${TMPDIR:-/tmp}/enclavebox-it.XXXXXX") || exit 99
jobs_started=
mounts_made=

cleanup() {
    status=$?
    trap - EXIT HUP INT TERM
    for job in $jobs_started; do kill "$job" 2>/dev/null; done
    for mount in $mounts_made; do umount "$mount" 2>/dev/null; done
    if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
        for log in "$tmp"/*.log; do
            [ -s "$log" ] || continue
            echo "---- ${log##*/}"
            tail -n 40 "$log"
        done
    fi
    rm -rf "$tmp"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 99' HUP INT TERM

fail() {
    echo "FAILED: $*"
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

# wait_for SECONDS COMMAND...: until the command succeeds; the scenario fails after SECONDS.
wait_for() {
    wait_limit=$1
    shift
    wait_end=$(($(date +%s) + wait_limit))
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$wait_end" ] || fail "not within $wait_limit s: $*"
        sleep 0.02
    done
}

# start NAME COMMAND...: in the background, output in $tmp/NAME.log, its process id in $started.
start() {
    start_name=$1
    shift
    "$@" >"$tmp/$start_name.log" 2>&1 &
    started=$!
    jobs_started="$jobs_started $started"
}

# expect_status WANTED COMMAND...: output in $tmp/out and $tmp/err.
expect_status() {
    wanted=$1
    shift
    "$@" >"$tmp/out" 2>"$tmp/err"
    got=$?
    [ "$got" -eq "$wanted" ] || fail "exit status $got instead of $wanted: $* ($(head -c 300 "$tmp/err"))"
}

expect_text() {
    grep -qF -- "$2" "$1" || fail "${1##*/} does not say '$2' but: $(head -c 500 "$1")"
}

expect_same() {
    cmp "$1" "$2" || fail "$1 and $2 differ"
}

# small_disk SIZE: a tmpfs of that size in $tmp/disk; skips where mounting is not allowed.
small_disk() {
    mkdir -p "$tmp/disk"
    mount -t tmpfs -o "size=$1" tmpfs "$tmp/disk" 2>/dev/null || skip "mounting a tmpfs needs root"
    mounts_made="$mounts_made $tmp/disk"
}
