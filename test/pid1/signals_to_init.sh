#!/bin/sh
# No signal kills PID 1 or stops it, from inside or from outside; none is lost in a storm; and those that
# end the enclave do so once, in order, whatever comes after them.
. "$(dirname "$0")/lib.sh"
script sender.sh <<'SH'
read -r _ </out/gate
signal=1
while [ "$signal" -le 64 ]; do
    case $signal in 2 | 10 | 12 | 15 | 30) ;; *) kill "-$signal" 1 ;; esac
    signal=$((signal + 1))
done
echo all were sent
read -r _ </out/gate
SH
mkfifo "$root/out/gate"
service sender <<'YAML'
exec: [/sender.sh]
YAML
start
wait_for_control
init=$(pid_of_init)

# From inside: all but those that end the enclave (INT, USR1, USR2, TERM, PWR).
echo go >"$root/out/gate"
wait_for 'sender out: all were sent'
ctl ping || fail 'PID 1 does not answer after signals from inside'
[ "$(pid_of_init)" = "$init" ] || fail 'PID 1 is another'
for name in QUIT ALRM VTALRM RTMIN 'RTMIN+30'; do wait_for "initd info: SIG$name is ignored"; done
passed 'signals 1 to 64 from inside kill nothing, KILL and STOP included'

# From outside, where KILL and STOP have power over any process.
: >"$console"
for signal in $(seq 1 64); do
    case $signal in 2 | 9 | 10 | 12 | 15 | 19 | 30) ;; *) kill "-$signal" "$init" ;; esac
done
ctl ping || fail 'PID 1 does not answer after signals from outside'
for name in QUIT 'RTMIN+30'; do wait_for "initd info: SIG$name is ignored"; done
passed 'signals 1 to 64 from outside kill nothing'
grep -q '^State:.*[SR] ' "/proc/$init/status" || fail "state: $(grep State "/proc/$init/status")"
passed 'stop signals do not stop PID 1'

# Stopped and continued by force it goes on where it was.
kill -STOP "$init"
is_stopped() { grep -q '^State:.*T ' "/proc/$init/status"; }
wait_until is_stopped
"$INITCTL" --socket "/proc/$init/root/run/initd.sock" --timeout 200ms ping 2>/dev/null && fail 'a stopped PID 1 answers'
kill -CONT "$init"
wait_for_control
passed 'stopped from outside and continued it goes on'

# A storm: they are merged or queued, and PID 1 has time for others.
count=0
while [ "$count" -lt 3000 ]; do
    kill -QUIT "$init"
    kill -40 "$init"
    kill -CHLD "$init"
    count=$((count + 1))
done
ctl ping || fail 'no answer in a storm of signals'
passed 'a storm of 9000 signals is survived'
echo go >"$root/out/gate"
wait_for 'service sender exited with code 0'
passed 'no child is missed in it'
await
expect_status 0

# Which signal means what is signals.sh; here: the first one counts, and no second shutdown begins.
script slow.sh <<'SH'
trap 'echo going; read -r _ </out/gate; exit 0' TERM
echo up
while :; do sleep 100 & wait; done
SH
service sender <<'YAML'
exec: [/slow.sh]
stop: {timeout: 1h}
YAML
printf 'heartbeat: off\nshutdown_timeout: 1h\n' | system
start
wait_for 'sender out: up'
kill -INT "$(pid_of_init)"
wait_for 'sender out: going'
kill -TERM "$(pid_of_init)"
kill -USR1 "$(pid_of_init)"
ctl ping || fail 'no answer while it is stopping'
"$INITCTL" --socket "/proc/$(pid_of_init)/root/run/initd.sock" system poweroff 2>/dev/null
[ $? -eq 75 ] || fail 'a second end is not refused'
passed 'a second shutdown by request is refused with 75'
"$INITCTL" --socket "/proc/$(pid_of_init)/root/run/initd.sock" start sender 2>/dev/null
[ $? -eq 75 ] || fail 'a start while stopping is not refused'
passed 'a start while everything stops is refused with 75'
echo go >"$root/out/gate"
await
expect 'initd: end reason=signal action=reboot status=0 detail="SIGINT"'
[ "$(grep -c 'stopping all services' "$console")" -eq 1 ] || fail 'it was stopped twice'
[ "$(grep -c 'sender out: going' "$console")" -eq 1 ] || fail 'the service was told twice'
passed 'of several ending signals the first counts'
