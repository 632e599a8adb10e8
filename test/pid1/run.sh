#!/bin/sh
# initctl ps run: a program once, as a service of its own: listed, logged, stopped, its end kept; with
# --wait its exit status is ours.
. "$(dirname "$0")/lib.sh"
printf 'app:x:0:0:app:/srv:/bin/sh\n' >>"$root/etc/passwd"
mkdir "$root/srv"
service main <<'YAML'
exec: [/bin/sleep, 1000]
YAML
expect_code() {
    code=$1
    shift
    "$@" >"$tmp/said" 2>&1
    got=$?
    [ "$got" -eq "$code" ] || fail "'$*' gives $got, not $code: $(cat "$tmp/said")"
}
start
wait_for_control
main=$(ctl status --json main | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p')
name=$(ctl ps run -- /bin/sh -c 'echo "in $(pwd) as $USER with $A and $1"' x y) || fail 'run'
[ "$name" = run-1 ] || fail "the name is $name"
wait_for 'run-1 out: in / as root with  and y'
expect_code 0 ctl ps run --wait --name job --env A=b --env 'B=c d' --cwd /srv --user app -- /bin/sh -c 'echo "in $(pwd) as $USER with $A and $B"'
expect 'job out: in /srv as app with b and c d'
for status in 0 1 42 255; do expect_code "$status" ctl ps run --wait -- /bin/sh -c "exit $status"; done
# shellcheck disable=SC2016
expect_code 137 ctl ps run -w -- /bin/sh -c 'kill -KILL $$'
expect_code 127 ctl ps run -- /no/such/program
expect_code 126 ctl ps run --wait -- /etc
expect_code 64 ctl ps run
expect_code 64 ctl ps --wait
expect_code 64 ctl ps run --name a/b -- true
expect_code 64 ctl ps run --env novalue -- true
expect_code 64 ctl ps run --cwd here -- true
expect_code 78 ctl ps run --user nobody-here -- true
expect_code 77 ctl ps run --name main -- true
[ "$(ctl status --json main | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p')" = "$main" ] || fail 'main was touched'

# Listed, followed, signalled, stopped; its name is free once it has ended.
expect_code 0 ctl ps run --name long -- sleep 1000
ctl status long | grep -q '^  state *starting' || fail "status says $(ctl status long)"
ctl status --json long | grep -q '"transient": true' || fail 'long is not told from services of files'
expect_code 77 ctl ps run --name long -- true
expect_code 0 ctl reload
ctl status long | grep -q '^  state *starting' || fail 'a reload touched a program that runs'
expect_code 0 ctl stop long
expect_code 0 ctl ps run -w --name long -- true

# A waiting client learns of a stop.
ctl ps run --wait --name stopped -- sleep 1000 >"$tmp/waits" 2>&1 &
waits=$!
wait_for 'service stopped started'
expect_code 0 ctl stop stopped
wait "$waits"
code=$?
[ "$code" -eq 143 ] || fail "a stopped program gives $code"

# Sixteen ends are kept, and sixteen may run.
for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do
    expect_code 0 ctl ps run -w --name "end-$number" -- true
done
ctl list >"$tmp/list"
[ "$(grep -c '^end-' "$tmp/list")" -eq 16 ] || fail "ends: $(cat "$tmp/list")"
[ "$(wc -l <"$tmp/list")" -eq 18 ] || fail "list: $(cat "$tmp/list")"
! grep -q '^end-1 ' "$tmp/list" || fail 'the oldest end is still there'
ctl logs end-17 >/dev/null || fail 'the log of an end'
for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do expect_code 0 ctl ps run -- sleep 1000; done
expect_code 75 ctl ps run -- true
expect_code 64 ctl ps run -- echo "$(head -c 9000 /dev/zero | tr '\0' x)"

ctl system poweroff
await
expect_status 0
