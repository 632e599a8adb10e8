#!/bin/sh
# When the kernel gives PID 1 no more memory, a reload and a program to run are refused with that reason,
# nothing changes, and PID 1 goes on.
. "$(dirname "$0")/lib.sh"
inject=${INJECT:?the path of inject}
[ -x "$inject" ] || skip 'no tracer for this processor'
many() {
    for number in $(seq 1 200); do
        service "s$number" <<YAML
exec: [/bin/sleep, 1000]
env: {$1: "$number"}
YAML
    done
}
many OLD
namespaces="$inject --log $tmp/calls --fail brk:ENOMEM:1:1000000000 --fail mmap:ENOMEM:1:1000000000 -- $namespaces"
start
wait_for_control
up() { [ "$(ctl list | grep -c ' running ')" -eq 200 ]; }
wait_until up
before=$(ctl list --json | grep '"pid"')
many NEW
for attempt in 1 2 3; do
    ctl reload >"$tmp/said" 2>&1
    code=$?
    [ "$code" -eq 75 ] || fail "reload $attempt gives $code: $(cat "$tmp/said")"
    grep -q 'memory.*; nothing has changed' "$tmp/said" || fail "reload says: $(cat "$tmp/said")"
done
[ "$(ctl list --json | grep '"pid"')" = "$before" ] || fail 'a refused reload touched a process'
passed 'a reload without memory is refused and changes nothing'
ctl ps run -- /bin/true >"$tmp/said" 2>&1
code=$?
[ "$code" -eq 75 ] || fail "run gives $code: $(cat "$tmp/said")"
[ "$(ctl list --json | grep '"pid"')" = "$before" ] || fail 'a refused run touched a process'
passed 'a program to run without memory is refused'
ctl restart s7 || fail 'restart'
ctl system poweroff || fail 'poweroff'
await
expect_status 0
grep -qE '^(brk|mmap) ' "$tmp/calls" || fail 'it never asked for memory: the test does not test'
