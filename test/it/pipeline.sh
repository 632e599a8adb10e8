# Shared by the scenarios of pipeline: an emulated module, the user's key, servers on Unix sockets.
# Sources lib.sh. Everything a scenario writes is in $tmp, its configuration too.
# shellcheck shell=sh disable=SC2154  # $tmp is of scenario.sh
. "$(dirname "$0")/lib.sh"

unset XDG_CONFIG_HOME ENCLAVEBOX_VSOCK_DIR PIPELINE_ORIGINAL_COMMAND
HOME=$tmp
export HOME
module=$tmp/module
address=unix:$tmp/socket
trust="--root=$module/root.pem --allow-debug"

nsm --device "emulator:$module" describe >"$tmp/out" 2>"$tmp/err" || {
    grep -qF "this build has no NSM emulator" "$tmp/err" && skip "this build has no NSM emulator"
    fail "describe: $(cat "$tmp/err")"
}

# new_key NAME: makes $tmp/NAME.key and prints its fingerprint.
new_key() {
    pipeline keygen -o "$tmp/$1.key" -C "$1" >"$tmp/keygen.out" 2>&1 || fail "keygen: $(cat "$tmp/keygen.out")"
    cut -d ' ' -f 1 "$tmp/$1.key.pub"
}

# serve NAME KEYS [OPTION...]: a server on unix:$tmp/NAME, its audit log in NAME.audit, its process
# in $started.
serve() {
    serve_name=$1
    serve_keys=$2
    shift 2
    start "$serve_name" pipeline serve -a "$serve_keys" -m "emulator:$module" --audit "$tmp/$serve_name.audit" \
        --jobs "$tmp/$serve_name.jobs" "$@" "unix:$tmp/$serve_name"
    wait_for 10 grep -q 'listening' "$tmp/$serve_name.log"
}

# at NAME: further calls go to that server.
at() { address=unix:$tmp/$1; }

# call COMMAND...: that command of pipeline, with trust in the emulator, at the server.
call() {
    call_command=$1
    shift
    # shellcheck disable=SC2086  # several options
    pipeline "$call_command" $trust ${key:+--key "$key"} "$@"
}

# run_there PROGRAM...
run_there() { call run "$address" -- "$@"; }

# gone PID...: none of them runs any more.
gone() {
    for gone_pid in "$@"; do
        ! kill -0 "$gone_pid" 2>/dev/null || return 1
    done
}
