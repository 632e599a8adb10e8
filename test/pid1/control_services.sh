#!/bin/sh
# initctl starts, stops and restarts services with those that require them, shows them and their
# processes, and powers off.
. "$(dirname "$0")/lib.sh"
script base.sh <<'SH'
trap 'exit 0' TERM
sleep 1000 & wait
SH
service base <<'YAML'
exec: [/base.sh]
YAML
service web <<'YAML'
exec: [/base.sh]
requires: [base]
YAML
service other <<'YAML'
exec: [/base.sh]
YAML
service off <<'YAML'
exec: [/base.sh]
enabled: false
YAML
service broken <<'YAML'
exec: [/base.sh]
requires: [missing]
YAML
pid() { ctl status --json "$1" | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p'; }
state() { ctl status --json "$1" | sed -n 's/^ *"state": "\(.*\)",*$/\1/p'; }
expect_state() { [ "$(state "$1")" = "$2" ] || fail "$1 is $(state "$1"), not $2"; }
expect_code() {
    code=$1
    shift
    "$@" >"$tmp/said" 2>&1
    got=$?
    [ "$got" -eq "$code" ] || fail "'$*' gives $got, not $code: $(cat "$tmp/said")"
}
start
wait_for_control
wait_for 'service web started'
wait_for 'service other started'
base=$(pid base) web=$(pid web) other=$(pid other)
for one in "$base" "$web" "$other"; do
    [ -n "$one" ] || fail "pids: '$base' '$web' '$other'"
done
ctl list >"$tmp/list" || fail 'list'
grep -q "^web  *running  *$web " "$tmp/list" || fail "list says: $(cat "$tmp/list")"
grep -q '^off  *idle  *- ' "$tmp/list" || fail "list says: $(cat "$tmp/list")"
grep -q '^broken  *failed  *- ' "$tmp/list" || fail "list says: $(cat "$tmp/list")"
ctl tree >"$tmp/tree" || fail 'tree'
grep -A 1 '^web (running)$' "$tmp/tree" | grep -q '^`-- base (running)$' || fail "tree says: $(cat "$tmp/tree")"

ctl events >"$tmp/events" &
events=$!
has_two_clients() { ctl system status | grep -q '^clients *2$'; }
wait_until has_two_clients

ctl restart base || fail 'restart'
[ "$(pid other)" = "$other" ] || fail 'a restart of base touched other'
[ "$(pid base)" != "$base" ] || fail 'base was not restarted'
ctl start web || fail 'start of what comes back by itself'
[ "$(pid web)" != "$web" ] || fail 'web was not restarted with base'
expect_order 'service web stopped' 'service base is being stopped'

ctl stop base || fail 'stop'
expect_state base stopped
expect_state web stopped
expect_state other running
ctl start web || fail 'start'
expect_state base running
expect_state web running

ctl disable base || fail 'disable'
expect_state web stopped
expect_code 77 ctl start web
grep -q 'service base is disabled' "$tmp/said" || fail "start says: $(cat "$tmp/said")"
ctl enable base || fail 'enable'
expect_state base running
expect_code 77 ctl enable off
expect_code 78 ctl start broken
grep -q missing "$tmp/said" || fail "start says: $(cat "$tmp/said")"
expect_code 66 ctl start nobody
expect_code 66 ctl status nobody
expect_code 66 ctl signal 999999 TERM
expect_code 77 ctl signal 1 TERM
expect_code 64 ctl signal 2 NONSENSE

ctl ps >"$tmp/ps" || fail 'ps'
grep -q "^ *$(pid other)  *1  .*  other  *.*base.sh$" "$tmp/ps" || fail "ps says: $(cat "$tmp/ps")"
[ "$(grep -c '  other  ' "$tmp/ps")" -ge 2 ] || fail "the child of other is missing: $(cat "$tmp/ps")"
ctl ps "$(pid other)" >"$tmp/ps" || fail 'ps PID'
[ "$(wc -l <"$tmp/ps")" -eq 2 ] || fail "ps PID says: $(cat "$tmp/ps")"
expect_code 66 ctl ps 999999

other=$(pid other)
ctl signal "$other" KILL || fail 'signal'
wait_for 'service other was killed by SIGKILL, next start'
ctl start other || fail 'start waits for the next start'
[ "$(pid other)" != "$other" ] || fail 'other has its old pid'

# Everything is stopped by request: the enclave stays.
ctl stop other base || fail 'stop of several'
ctl ping || fail 'ping'
ctl start base || fail 'start after all were stopped'
grep -q ' base stopping (stop-requested)$' "$tmp/events" || fail "events: $(cat "$tmp/events")"
grep -q ' other backing-off (restarting): was killed by SIGKILL$' "$tmp/events" || fail "events: $(cat "$tmp/events")"
ctl system status --json | grep -q '"phase": "running"' || fail 'system status'
ctl system poweroff || fail 'poweroff'
await
wait "$events" || fail "the events' client fails when the enclave ends"
expect 'initd: end reason=control action=poweroff status=0 detail="poweroff"'
expect_status 0
code=0
"$INITCTL" --socket "$tmp/none" ping 2>/dev/null || code=$?
[ "$code" -eq 69 ] || fail "without a socket initctl gives $code"
