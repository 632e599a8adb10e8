#!/bin/sh
# The end, asked for at every moment and met by every kind of service: it comes, within its time-outs, with
# everybody told once, and with the status that belongs to it.
. "$(dirname "$0")/lib.sh"
kept() {
    cat >"$root/$1.sh"
    service "$1" <<YAML
exec: [/bin/sh, /$1.sh]
${2-}
YAML
}
forget() { rm -f "$root"/etc/enclavebox/services/* "$root"/out/*; }
end_by_term() {
    kill -TERM "$(pid_of_init)"
    began=$(date +%s%N)
    await
    took=$((($(date +%s%N) - began) / 1000000))
    expect_status 0
}

# Each of these is told to stop in its own way; all at once.
kept int 'stop: {signal: INT}' <<'SH'
trap 'echo got INT; exit 0' INT
echo up
while :; do sleep 100 & wait; done
SH
kept usr1 'stop: {signal: SIGUSR1}' <<'SH'
trap 'echo got USR1; exit 0' USR1
echo up
while :; do sleep 100 & wait; done
SH
kept number 'stop: {signal: 12}' <<'SH'
trap 'echo got 12; exit 0' USR2
echo up
while :; do sleep 100 & wait; done
SH
kept kill 'stop: {signal: KILL}' <<'SH'
trap 'echo got TERM' TERM
echo up
while :; do sleep 100 & wait; done
SH
kept failing <<'SH'
trap 'exit 5' TERM
echo up
while :; do sleep 100 & wait; done
SH
kept restarting 'restart: always' <<'SH'
trap 'echo bye; exit 0' TERM
echo up
while :; do sleep 100 & wait; done
SH
kept forking 'stop: {timeout: 300ms}' <<'SH'
trap 'for more in 1 2 3 4 5 6 7 8 9; do (trap "" TERM; sleep 100) & done' TERM
echo up
while :; do sleep 100 & wait; done
SH
kept immediate 'stop: {timeout: 0s}' <<'SH'
trap '' TERM
echo up
while :; do sleep 100 & wait; done
SH
kept crashing 'backoff: {initial: 1h, max: 1h}' <<'SH'
exit 1
SH
kept blocked 'after: [endless]' <<'SH'
echo never
SH
kept endless 'type: oneshot' <<'SH'
echo up
exec sleep 1000
SH
start
for name in int usr1 number kill failing restarting forking immediate endless; do wait_for "$name out: up"; done
wait_for 'service crashing exited with code 1, next start in 3600000 ms'
end_by_term
expect 'int out: got INT'
passed 'a service is stopped by INT'
expect 'usr1 out: got USR1'
passed 'a service is stopped by USR1, spelled with SIG'
expect 'number out: got 12'
passed 'a service is stopped by a number'
expect 'service kill stopped: was killed by SIGKILL'
expect_not 'kill out: got TERM'
passed 'a service is stopped by KILL at once'
expect 'service failing stopped: exited with code 5'
passed 'a failure while stopping is no failure of the enclave'
[ "$(grep -c 'restarting out: up' "$console")" -eq 1 ] || fail 'it was started again while stopping'
[ "$(grep -c 'restarting out: bye' "$console")" -eq 1 ] || fail 'it was told more than once'
passed 'restart: always ends with the enclave'
expect 'service forking did not stop in time and is killed'
passed 'a service that forks on TERM is killed after its time-out'
expect 'service immediate did not stop in time and is killed'
passed 'a time-out of nothing kills at once'
expect 'service crashing stopped'
passed 'who waits for a next start is stopped'
expect_not 'blocked out: never'
expect 'service blocked stopped'
passed 'who waits for another is stopped'
expect 'service endless stopped: was killed by SIGTERM'
passed 'a oneshot at work is stopped'
[ "$took" -lt 5000 ] || fail "the stop took $took ms"
passed 'all that goes at once'

# Its moment: before anything runs, while services start, when the work is done just then.
forget
for number in $(seq 1 50); do
    service "many-$number" <<'YAML'
exec: [/bin/sleep, infinity]
YAML
done
start
wait_until pid_of_init
has_a_child() { [ -n "$(cat "/proc/$(pid_of_init)/task/$(pid_of_init)/children")" ]; }
wait_until has_a_child
end_by_term
expect 'initd: end reason=signal action=poweroff status=0 detail="SIGTERM"'
passed 'a stop amid the start of fifty'
forget
service only <<'YAML'
exec: [/bin/sh, -c, 'echo up; kill -TERM 1; exit 3']
critical: true
restart: never
YAML
run
expect 'initd: end reason='
[ "$(grep -c '^initd: end ' "$console")" -eq 1 ] || fail 'it ended twice'
passed 'a service that asks for the end and ends itself ends it once'

# Time-outs of the whole.
forget
printf 'heartbeat: off\nshutdown_timeout: 200ms\n' | system
for name in a b c; do
    kept "$name" 'stop: {timeout: 1h}' <<'SH'
trap '' TERM
echo up
while :; do sleep 100 & wait; done
SH
done
sed -i '$a after: [a]' "$root/etc/enclavebox/services/b.yaml"
sed -i '$a after: [b]' "$root/etc/enclavebox/services/c.yaml"
start
for name in a b c; do wait_for "$name out: up"; done
end_by_term
expect 'services took too long to stop; killing what is left'
[ "$took" -lt 3000 ] || fail "it took $took ms"
passed 'a chain of the deaf ends with the time-out of the whole'

# What to do at the end is the configuration's.
forget
for action in poweroff reboot halt; do
    printf 'heartbeat: off\non_exit: %s\n' "$action" | system
    service only <<'YAML'
exec: [/bin/true]
type: oneshot
YAML
    run
    expect "initd: end reason=workload-done action=$action status=0"
    passed "on_exit: $action"
done
printf 'heartbeat: off\non_exit: stay\n' | system
start
wait_for 'the workload is done; staying as on_exit says'
ctl ping || fail 'it does not stay'
ctl start only || fail 'a service cannot be started any more'
passed 'on_exit: stay stays, and takes requests'
ctl system halt || fail halt
await
expect 'initd: end reason=control action=halt status=0'
