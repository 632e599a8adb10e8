#!/bin/sh
# Every kind of system call that PID 1 makes while it runs fails once, one life for each: amid crashes,
# orphans, output, readers and requests, after which PID 1 answers, has its services up again and stops
# them in order; and where nothing else happens that would make good what was missed.
#
#   FAILING_CALLS=all      every plausible error at the first FAILING_OCCURRENCES (12) calls of each kind
#   FAILING_CALLS=CALL     every plausible error of this one
#   FAILING_CALLS=sample   one error, at the first call of each kind (the default)
. "$(dirname "$0")/lib.sh"
need socat
inject=${INJECT:?the path of inject}
[ -x "$inject" ] || skip 'no tracer for this processor'
extent=${FAILING_CALLS:-sample}
occurrences=${FAILING_OCCURRENCES:-12}
plain=$namespaces
PATIENCE=20
patience=20

mkdir "$root/out/ports"
printf 'heartbeat: off\nlog: {ring: 64K}\nlog_port: unix:/out/ports/log\nstatus_port: unix:/out/ports/status\nlinger: 3s\n' | system
script steady.sh <<'SH'
trap 'echo $1 >>/out/order; exit 0' TERM
(sleep 0.02 &)
echo up
echo up >&2
echo ready >&5
while :; do sleep 100 & wait; done
SH
service base <<'YAML'
exec: [/steady.sh, base]
type: ready-fd
ready: {fd: 5, timeout: 2s}
stop: {timeout: 3s}
restart: always
backoff: {initial: 10ms, max: 20ms}
YAML
service follower <<'YAML'
exec: [/steady.sh, follower]
type: ready-fd
ready: {fd: 5, timeout: 2s}
requires: [base]
stop: {timeout: 3s}
restart: always
backoff: {initial: 10ms, max: 20ms}
YAML
service crash <<'YAML'
exec: [/bin/sh, -c, 'echo crashing; sleep 0.05; exit 3']
restart: always
backoff: {initial: 20ms, max: 20ms}
start_limit: {burst: 0}
log: {file: /out/crash.log, max_size: 64K, files: 2}
YAML
service deaf <<'YAML'
exec: [/bin/sh, -c, 'trap "" TERM; while :; do sleep 100; done']
stop: {timeout: 50ms}
restart: always
backoff: {initial: 10ms, max: 20ms}
YAML
# Ready in every way there is, each within a second or it starts again.
ready() {
    service "$1" <<YAML
exec: [/bin/sh, -c, '$2']
type: $3
ready: {timeout: 1s$4}
restart: always
backoff: {initial: 10ms, max: 20ms}
start_limit: {burst: 0}
stop: {timeout: 500ms}
YAML
}
ready by-line 'echo >&5; exec sleep 100' ready-fd ', fd: 5'
ready by-message 'printf READY=1 | socat - "UNIX-SENDTO:$NOTIFY_SOCKET"; exec sleep 100' notify ''
ready by-file 'sleep 0.05; touch /out/ready; exec sleep 100' simple ', file: /out/ready'
ready by-socket 'exec socat UNIX-LISTEN:/run/by-socket,fork,unlink-early -' simple ', unix: /run/by-socket'
service missing <<'YAML'
exec: [/no/such/program]
YAML

state() { ctl status --json "$1" | sed -n 's/^ *"state": "\(.*\)",*$/\1/p'; }
starts() { ctl status --json "$1" | sed -n 's/^ *"starts": \([0-9]*\),*$/\1/p'; }
pid() { ctl status --json "$1" | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p'; }
is_running() { [ "$(state "$1")" = running ]; }
# Asked again, as the request to start it may be the one that failed.
crashes_on() { [ "$(starts crash)" -gt "$1" ] || { ctl --timeout 1s start crash; false; }; }
is_up_again() { [ "$(starts base)" -gt "$count" ] && is_running base && is_running follower; }

# One busy life. Requests may fail, as one of the calls does; what counts is checked.
busy() {
    readers=
    start
    wait_until ctl ping
    socket=/proc/$(pid_of_init)/root/run/initd.sock
    socat -u "UNIX-CONNECT:$root/out/ports/log" - >/dev/null 2>&1 &
    readers=$!
    socat -u "UNIX-CONNECT:$root/out/ports/status" - >/dev/null 2>&1 &
    readers="$readers $!"
    for words_of_client in 'events' 'logs -f' 'logs -f base'; do
        # shellcheck disable=SC2086
        "$INITCTL" --socket "$socket" $words_of_client >/dev/null 2>&1 &
        readers="$readers $!"
    done
    for words_of_client in list 'status base' ps 'logs -n 2' 'system status' 'restart base' 'stop crash' 'start crash' \
        'start missing' 'status nobody'; do
        # shellcheck disable=SC2086
        "$INITCTL" --socket "$socket" --timeout 2s $words_of_client >/dev/null 2>&1
    done
    kill -HUP "$(pid_of_init)"
    # Whatever failed by now, it works again.
    for name in base follower deaf by-line by-message by-file by-socket; do wait_until is_running "$name"; done
    count=$(starts crash)
    wait_until crashes_on "${count:-0}"
    count=$(starts base)
    ctl --timeout 2s signal "$(pid base)" KILL >/dev/null 2>&1 || count=0
    wait_until is_up_again
    : >"$root/out/order"
    ctl --timeout 2s system poweroff >/dev/null 2>&1 || kill -TERM "$(pid_of_init)" 2>/dev/null
    await
    # shellcheck disable=SC2086
    kill $readers 2>/dev/null
    [ "$status" -eq 0 ] || fail "PID 1 ended with $status"
    # Whoever was not told by the signal that failed was killed later, in the same order.
    order=$(tr '\n' ' ' <"$root/out/order")
    [ "$order" != 'base follower ' ] || fail "order of the stop: $order"
}

# One quiet life: a service fails three times, a tenth of a second apart, and that is the end. Nothing
# else wakes PID 1, so nothing else makes good what was missed.
quiet() {
    readers=
    rm -f "$root/out/lives"
    run
    # A start that failed counts as well, and may be the last.
    case $status in 1 | 126) ;; *) fail "PID 1 ended with $status" ;; esac
    [ "$(wc -l <"$root/out/lives")" -ge 2 ] || fail "$(wc -l <"$root/out/lives") starts"
}

# fail_each LIFE: first one in which nothing fails, which tells the calls there are.
runs=0
failures=0
fail_each() {
    namespaces="$inject --log $tmp/calls -- $plain"
    began=$(date +%s%N)
    "$1"
    took=$((($(date +%s%N) - began) / 1000000))
    ! grep unknown "$tmp/calls" || fail 'calls.h does not know these calls'
    [ "$(wc -l <"$tmp/calls")" -ge 15 ] || fail "too few calls to be true: $(cat "$tmp/calls")"
    echo "a $1 life takes $took ms and makes $(awk '{ sum += $2 } END { print sum }' "$tmp/calls") calls of $(wc -l <"$tmp/calls") kinds"
    while read -r call count <&3; do
        errors=$("$inject" --errors "$call")
        [ -n "$errors" ] || { echo "$call cannot fail"; continue; }
        most=$count
        case $extent in
        sample) most=1 errors=${errors%% *} ;;
        all | "$call") ;;
        *) continue ;;
        esac
        [ "$most" -le "$occurrences" ] || most=$occurrences
        for error in $errors; do
            before=$failures
            for number in $(seq 1 "$most"); do fail_one "$1"; done
            [ "$failures" -gt "$before" ] || passed "a $1 life: $call fails with $error, at $most of its calls"
        done
    done 3<"$tmp/calls"
}
fail_one() {
    namespaces="$inject --fail $call:$error:$number -- $plain"
    doing="$call fails with $error at call $number"
    if ! (
        trap 'kill $readers 2>/dev/null; wind_up' EXIT
        "$1"
    ); then
        failures=$((failures + 1))
        tail -n 20 "$console"
    fi
    runs=$((runs + 1))
    doing=
}

fail_each busy
rm "$root"/etc/enclavebox/services/*
printf 'heartbeat: off\n' | system
service lonely <<'YAML'
exec: [/bin/sh, -c, 'echo one >>/out/lives; exit 1']
backoff: {initial: 100ms, max: 100ms}
start_limit: {burst: 3, interval: 60s}
YAML
fail_each quiet
echo "$runs lives with one failure each"
[ "$failures" -eq 0 ] || fail "$failures of $runs lives"
