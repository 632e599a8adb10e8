#!/bin/sh
# Children that stop, go on, detach, leave orphans or close what they were given: PID 1 takes none for
# another, waits for none that is not its own, and leaves no zombie.
. "$(dirname "$0")/lib.sh"
pid() { ctl status --json "$1" | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p'; }
starts() { ctl status --json "$1" | sed -n 's/^ *"starts": \([0-9]*\),*$/\1/p'; }
state() { ctl status --json "$1" | sed -n 's/^ *"state": "\(.*\)",*$/\1/p'; }
is_state() { [ "$(state "$1")" = "$2" ]; }
# How a process of the enclave is, by its id there.
process_state() { sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$(pid_of_init)/root/proc/$1/status" 2>/dev/null; }
is_process() { [ "$(process_state "$1")" = "$2" ]; }
mkfifo "$root/out/gate" "$root/out/detached"

service still <<'YAML'
exec: [/bin/sleep, infinity]
restart: always
stop: {timeout: 200ms}
YAML
service daemon <<'YAML'
exec: [/bin/sh, -c, 'setsid sh -c "echo detached; exec sleep infinity" & read -r _ </out/detached; exit 0']
restart: never
YAML
script breeder.sh <<'SH'
count=0
while [ "$count" -lt 2500 ]; do
    count=$((count + 1))
    ( : & )
done
echo bred
read -r _ </out/gate
exit 0
SH
service breeder <<'YAML'
exec: [/breeder.sh]
restart: never
YAML
service silent <<'YAML'
exec: [/bin/sh, -c, 'exec >&- 2>&- <&-; exec sleep infinity']
YAML
service deafened <<'YAML'
exec: [/bin/sh, -c, 'exec >/dev/null 2>&1; sleep 0.05; exit 9']
restart: never
YAML
start
wait_for_control

# Stopping and continuing are no ends.
wait_until is_state still running
still=$(pid still)
ctl signal "$still" STOP
wait_until is_process "$still" T
[ "$(state still)" = running ] || fail "a stopped child is $(state still)"
passed 'a stopped child has not ended'
ctl signal "$still" CONT
wait_until is_process "$still" S
[ "$(pid still) $(starts still)" = "$still 1" ] || fail 'a continued child was started again'
passed 'a continued child is the same'
for name in TSTP TTIN TTOU; do
    ctl signal "$still" $name
    ctl signal "$still" CONT
done
[ "$(pid still)" = "$still" ] || fail 'signals of terminals ended the child'
passed 'terminal stops are no ends'
ctl signal "$still" STOP
wait_until is_process "$still" T
ctl restart still || fail 'restart of a stopped child'
[ "$(starts still)" -eq 2 ] || fail "$(starts still) starts"
expect 'service still did not stop in time and is killed'
passed 'a stopped child is killed after its stop time-out'
still=$(pid still)
ctl signal "$still" STOP
wait_until is_process "$still" T
ctl signal "$still" KILL
wait_for 'service still was killed by SIGKILL'
passed 'a stopped child can be killed and that is told'

# Orphans.
wait_for 'breeder out: bred'
no_zombies() { ! ctl ps | grep -q '  Z  '; }
wait_until no_zombies
[ "$(state breeder)" = running ] || fail "breeder is $(state breeder)"
passed 'thousands of orphans are reaped and their service goes on'
echo go >"$root/out/gate"
wait_for 'service breeder exited with code 0'
passed 'the service that bred them ends as itself'
wait_for 'daemon out: detached'
echo go >"$root/out/detached"
wait_for 'service daemon exited with code 0'
passed 'a service that detaches has ended'

# Descriptors that the child closed.
is_state silent running || fail "silent is $(state silent)"
passed 'a service that closes its output runs on'
wait_for 'service deafened failed: exited with code 9'
passed 'the end of output before the end of the process is no end'
ctl stop silent || fail 'stop of a silent service'
passed 'a silent service stops'

# Nothing adds up over many lives.
fds() { find "/proc/$(pid_of_init)/fd" -type l | wc -l; }
before=$(fds)
count=0
while [ "$count" -lt 50 ]; do
    ctl restart still || fail "restart $count"
    count=$((count + 1))
done
after=$(fds)
[ "$after" -le "$((before + 2))" ] || fail "descriptors of PID 1: $before, after 50 restarts $after"
passed 'restarts leave no descriptors'
wait_until no_zombies
passed 'restarts leave no zombies'
ctl system poweroff || fail poweroff
await
expect_status 0
