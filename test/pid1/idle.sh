#!/bin/sh
# With nothing to do PID 1 does nothing: not one system call, with services running, one waiting for a
# far-off start, a client that follows and readers at both ports.
#
#   IDLE_SECONDS=60   how long (3)
. "$(dirname "$0")/lib.sh"
need socat strace
mkdir "$root/out/ports"
printf 'heartbeat: off\nlog_port: unix:/out/ports/log\nstatus_port: unix:/out/ports/status\n' | system
for number in 1 2 3 4 5; do
    service "quiet-$number" <<'YAML'
exec: [/bin/sleep, infinity]
YAML
done
service waiting <<'YAML'
exec: [/bin/false]
backoff: {initial: 1h, max: 1h}
YAML
start
wait_for_control
wait_for 'service waiting exited with code 1, next start in'
for port in log status; do socat -u "UNIX-CONNECT:$root/out/ports/$port" - >"$tmp/$port" & done
ctl logs -f >"$tmp/followed" &
wait_until grep -q running "$tmp/status"
wait_until grep -q 'service waiting' "$tmp/log"
wait_until grep -q 'service waiting' "$tmp/followed"
init=$(pid_of_init)
# A client that only connected has a minute to ask; none is connected.
switches() { awk '/ctxt_switches/ { sum += $2 } END { print sum }' "/proc/$init/status"; }
# The last client's leaving is still an event.
settled() {
    before=$(switches)
    sleep 0.2
    [ "$(switches)" -eq "$before" ]
}
wait_until settled
before=$(switches)
sleep "${IDLE_SECONDS:-3}"
after=$(switches)
[ "$after" -eq "$before" ] || fail "$((after - before)) wake-ups in ${IDLE_SECONDS:-3} s"
passed "no wake-up in ${IDLE_SECONDS:-3} s"
timeout -s INT "${IDLE_SECONDS:-3}" strace -p "$init" -o "$tmp/calls" 2>"$tmp/strace"
grep -q attached "$tmp/strace" || skip "strace may not attach: $(cat "$tmp/strace")"
# The one that it was in when strace came and went.
calls=$(grep -vc 'detached\|resuming\|resumed' "$tmp/calls")
[ "$calls" -eq 0 ] || fail "$calls calls: $(head -n 5 "$tmp/calls")"
passed "no system call in ${IDLE_SECONDS:-3} s"
ctl system poweroff || fail poweroff
await
expect_status 0
