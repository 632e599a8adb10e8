#!/bin/sh
# The whole matrix of restart policies and ways to end: who is started again, how often, and in which
# state it stays. Start limits and delays at their edges.
. "$(dirname "$0")/lib.sh"
service keeper <<'YAML'
exec: [/bin/sleep, infinity]
YAML
# ends NAME POLICY TYPE COMMAND: at most three starts, ten milliseconds apart.
ends() {
    service "$1" <<YAML
exec: [/bin/sh, -c, '$4']
type: $3
restart: $2
backoff: {initial: 10ms, max: 10ms}
start_limit: {burst: 3, interval: 60s}
log: {ring: 4K}
limits: {core: 0}
YAML
}
for policy in never on-failure on-success always; do
    ends "success-$policy" $policy simple 'exit 0'
    ends "failure-$policy" $policy simple 'exit 1'
    ends "signal-$policy" $policy simple 'kill -TERM $$'
    ends "crash-$policy" $policy simple 'kill -SEGV $$'
    service "absent-$policy" <<YAML
exec: [/no/such/program]
restart: $policy
backoff: {initial: 10ms, max: 10ms}
start_limit: {burst: 3, interval: 60s}
YAML
done
for policy in never on-failure; do
    ends "oneshot-success-$policy" $policy oneshot 'exit 0'
    ends "oneshot-failure-$policy" $policy oneshot 'exit 1'
done
# Limits: one start only; none at all, so it goes on; one that is never reached in its interval.
service once <<'YAML'
exec: [/bin/false]
restart: always
backoff: {initial: 1ms, max: 1ms}
start_limit: {burst: 1, interval: 60s}
YAML
service boundless <<'YAML'
exec: [/bin/false]
restart: always
backoff: {initial: 5ms, max: 5ms}
start_limit: {burst: 0}
YAML
service slow <<'YAML'
exec: [/bin/false]
restart: always
backoff: {initial: 30ms, max: 30ms}
start_limit: {burst: 3, interval: 50ms}
YAML
# Delays: a success by 1 stays the same, the longest is kept, a life long enough starts anew.
service growing <<'YAML'
exec: [/bin/false]
backoff: {initial: 5ms, max: 100ms, factor: 3}
start_limit: {burst: 6, interval: 60s}
YAML
service constant <<'YAML'
exec: [/bin/false]
backoff: {initial: 7ms, max: 100ms, factor: 1}
start_limit: {burst: 4, interval: 60s}
YAML
service lasting <<'YAML'
exec: [/bin/sh, -c, 'sleep 0.06; exit 1']
backoff: {initial: 6ms, max: 100ms, factor: 4, reset_after: 50ms}
start_limit: {burst: 4, interval: 60s}
YAML
start
wait_for_control
starts() { ctl status --json "$1" | sed -n 's/^ *"starts": \([0-9]*\),*$/\1/p'; }
has_starts() { [ "$(starts "$1")" -ge "$2" ]; }
# is NAME STATE STARTS
settled() { ctl list | grep -q "^$1  *$2  *-  *[^ ]*  *$3  "; }
is() {
    wait_until settled "$1" "$2" "$3"
    passed "$1: $3 starts, then $2"
}
is success-never finished 1
is success-on-failure finished 1
is success-on-success failed 3
is success-always failed 3
for how in failure signal crash; do
    is $how-never failed 1
    is $how-on-failure failed 3
    is $how-on-success failed 1
    is $how-always failed 3
done
for policy in never on-failure on-success always; do is absent-$policy failed 1; done
is oneshot-success-never finished 1
is oneshot-success-on-failure finished 1
is oneshot-failure-never failed 1
is oneshot-failure-on-failure failed 3
is once failed 1
wait_until has_starts boundless 12
passed 'without a limit it goes on'
wait_until has_starts slow 5
passed 'starts older than the interval do not count'
is growing failed 6
delays() { sed -n "s/.*service $1 exited with code 1, next start in \([0-9]*\) ms\$/\1/p" "$console" | tr '\n' ' '; }
[ "$(delays growing)" = '5 15 45 100 100 ' ] || fail "delays of growing: $(delays growing)"
passed 'delays grow by the factor up to the longest'
is constant failed 4
[ "$(delays constant)" = '7 7 7 ' ] || fail "delays of constant: $(delays constant)"
passed 'a factor of 1 keeps the delay'
is lasting failed 4
[ "$(delays lasting)" = '6 6 6 ' ] || fail "delays of lasting: $(delays lasting)"
passed 'a life long enough resets the delay'
# A limit that was reached is forgotten when somebody asks.
"$INITCTL" --socket "/proc/$(pid_of_init)/root/run/initd.sock" start growing 2>/dev/null
is growing failed 12
passed 'a start by request begins to count anew'
ctl system poweroff || fail poweroff
await
expect_status 0
