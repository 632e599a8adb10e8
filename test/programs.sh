# Shared by the scenarios that run programs and judge what they say (it, e2e): in the background, until
# something holds, with an expected exit status. Sources scenario.sh, which has the rest.
# shellcheck shell=sh disable=SC2154  # $tmp is of scenario.sh
. "$(dirname "$0")/../scenario.sh"

# wait_for SECONDS COMMAND...: the scenario fails when it does not hold in time.
wait_for() {
    wait_limit=$1
    holds "$@" || { shift; fail "not within $wait_limit s: $*"; }
}

# start NAME COMMAND...: in the background, output in $tmp/NAME.log, its process id in $started.
start() {
    start_name=$1
    shift
    "$@" >"$tmp/$start_name.log" 2>&1 </dev/null &
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

# small_disk SIZE: a tmpfs of that size in $tmp/disk; skips where mounting is not allowed.
small_disk() {
    mkdir -p "$tmp/disk"
    mount -t tmpfs -o "size=$1" tmpfs "$tmp/disk" 2>/dev/null || skip "mounting a tmpfs needs root"
    mounts_made="$mounts_made $tmp/disk"
}
