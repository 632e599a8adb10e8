#!/bin/sh
# From the marked line on the kernel gives PID 1 no more memory. Services crash, start again, leave lines
# unfinished and are asked about; nothing is lost but what the ring says, and the end is in order.
. "$(dirname "$0")/lib.sh"
inject=${INJECT:?the path of inject}
[ -x "$inject" ] || skip 'no tracer for this processor'
# Unfinished lines of forty services are held in memory; where there is none, in parts.
printf 'heartbeat: off\nlog: {ring: 1M}\n' | system
for number in $(seq 1 40); do
    service "half-$number" <<YAML
exec: [/bin/sh, -c, 'printf half; read -r _ </out/gate; echo .rest; exec sleep 100']
log: {ring: 64K}
stop: {timeout: 1s}
YAML
done
mkfifo "$root/out/gate"
exec 5<>"$root/out/gate"
service crash <<'YAML'
exec: [/bin/sh, -c, 'echo crashing; exit 3']
restart: always
backoff: {initial: 10ms, max: 10ms}
start_limit: {burst: 0}
YAML
namespaces="$inject --log $tmp/calls --fail brk:ENOMEM:1:1000000000 --fail mmap:ENOMEM:1:1000000000 -- $namespaces"
start
wait_for_control
halves() { [ "$(ctl list | grep -c '^half-[0-9]*  *running ')" -eq 40 ]; }
wait_until halves
passed 'services start without memory'
starts() { ctl status --json crash | sed -n 's/^ *"starts": \([0-9]*\),*$/\1/p'; }
has_crashed_on() { [ "$(starts)" -gt "$1" ]; }
wait_until has_crashed_on $(($(starts) + 5))
passed 'a crashing service is started again without memory'
for number in $(seq 1 40); do echo >&5; done
whole() { [ "$(ctl logs | grep -c '^[^ ]* half-[0-9]* out: \(half\)*\.rest$')" -eq 40 ]; }
wait_until whole
[ "$(ctl logs | grep -c '^[^ ]* half-[0-9]* out+*: half')" -eq 40 ] || fail 'halves of lines are missing'
passed 'unfinished lines are told in parts without memory'
for request in list ps tree 'system status' 'logs half-2'; do
    # shellcheck disable=SC2086  # several words
    ctl $request >/dev/null || fail "request $request"
done
passed 'requests are answered without memory'
ctl restart half-1 || fail 'restart'
passed 'a service is restarted by request without memory'
ctl system reboot || fail 'reboot'
await
expect 'initd: end reason=control action=reboot status=0'
expect_status 0
passed 'the end is in order without memory'
grep -E '^(brk|mmap) ' "$tmp/calls" || fail 'it never asked for memory: the test does not test'
