#!/bin/sh
# A fault of PID 1's own is told with the state of the services, on the console and to whoever reads the status port; the
# same signals sent by others are ignored.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip 'only root may write into the memory of another'
need socat
mkdir "$root/out/ports"
printf 'heartbeat: off\nstatus_port: unix:/out/ports/status\n' | system
service failed <<'YAML'
exec: [/bin/sh, -c, 'echo broken; exit 3']
restart: never
YAML
service lives <<'YAML'
exec: [/bin/sleep, "1000"]
YAML
start
wait_for 'service failed failed'
wait_for_control
init=$(pid_of_init)
for signal in SEGV BUS FPE ILL TRAP ABRT SYS; do
    kill -s "$signal" "$init"
    ctl ping || fail "SIG$signal by someone else was not ignored"
done
socat -u "UNIX-CONNECT:$root/out/ports/status" - >"$tmp/status" &
reader=$!
wait_until grep -q running "$tmp/status"
# An instruction that is none, where PID 1 will go on when it wakes up. It is asleep when the kernel tells where.
left=100
until instruction=$(awk 'NF == 9 { print $9 }' "/proc/$init/syscall") && [ -n "$instruction" ]; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || fail 'PID 1 never sleeps'
    sleep 0.05
done
printf '\017\013' | dd of="/proc/$init/mem" bs=1 seek=$((instruction)) conv=notrunc 2>"$tmp/dd" ||
    skip "$(cat "$tmp/dd")"
kill -HUP "$init"
await
wait "$reader"
expect_status 132
expect_order '-----BEGIN ENCLAVEBOX POST-MORTEM-----' 'reason=fatal action=reboot status=132 .*detail="PID 1 caught SIGILL at address 0x[0-9a-f]*, instruction initd+0x'
expect_order 'reason=fatal' 'service=failed state=failed'
expect_order '^| .*failed out: broken' '-----END ENCLAVEBOX POST-MORTEM-----'
grep -q '{ "status": "fatal", "error": "PID 1 caught SIGILL .*", "post_mortem": \["time=' "$tmp/status" || fail "status: $(cat "$tmp/status")"
