#!/bin/sh
# Five hundred services start, are listed, restarted and stopped, in bounded memory; what is above the
# limit of their number is named and not read.
. "$(dirname "$0")/lib.sh"
printf 'heartbeat: off\nlog: {console: false}\n' | system
for number in $(seq 1 500); do
    service "s$number" <<'YAML'
exec: [/bin/sleep, infinity]
YAML
done
start
wait_for_control
are_running() { [ "$(ctl list | grep -c '^s[0-9]*  *running ')" -eq 500 ]; }
wait_until are_running
passed 'five hundred services run'
resident=$(sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$(pid_of_init)/status")
echo "resident memory of PID 1: $resident kB"
[ "$resident" -lt $((2048 + 500 * 8)) ] || fail "$resident kB"
passed 'within 2 MiB, and 8 KiB for each'
[ "$(ctl list --json | grep -c '"state": "running"')" -eq 500 ] || fail 'the list is not whole'
[ "$(ctl ps | grep -c '  s[0-9]*  *')" -ge 500 ] || fail 'not all processes are told'
passed 'lists are whole'
ctl restart s250 || fail restart
passed 'one of them is restarted'
began=$(date +%s%N)
ctl system poweroff || fail poweroff
await
took=$((($(date +%s%N) - began) / 1000000))
expect_status 0
[ "$(grep -c 'initd info: service s[0-9]* stopped: was killed by SIGTERM' "$console")" -eq 501 ] || fail "not all were stopped, and the restarted one twice"
echo "stopped within $took ms"
passed 'all are stopped by their signal'

for number in $(seq 501 1100); do cp "$root/etc/enclavebox/services/s1.yaml" "$root/etc/enclavebox/services/s$number.yaml"; done
start
wait_for_control
expect 'initd warning: more than 1024 services, /etc/enclavebox/services/s[0-9]*.yaml is not read'
[ "$(ctl list | grep -c '^s[0-9]* ')" -eq 1024 ] || fail "$(ctl list | grep -c '^s[0-9]* ') services"
passed 'more than a thousand and twenty-four are refused by name'
ctl system poweroff || fail poweroff
await
expect_status 0
