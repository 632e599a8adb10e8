#!/bin/sh
# Every exit code and every deadly signal, told the same in three places: initctl, the status port and
# the end of the enclave (exit status of PID 1 and its last line).
. "$(dirname "$0")/lib.sh"
need socat
deadly=
for signal in $(seq 1 64); do
    case $signal in
    17 | 18 | 19 | 20 | 21 | 22 | 23 | 28) ;; # ignored, or the process only stops
    *) deadly="$deadly $signal" ;;
    esac
done
# The kernel's names, as signal(7) has them on x86_64 and arm64.
names='HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG
    XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'
name_of() {
    if [ "$1" -le 31 ]; then
        # shellcheck disable=SC2086  # several words
        echo "SIG$(echo $names | cut -d' ' -f"$1")"
    elif [ "$1" -eq 34 ]; then
        echo SIGRTMIN
    elif [ "$1" -gt 34 ]; then
        echo "SIGRTMIN+$(($1 - 34))"
    else
        echo "SIG$1"
    fi
}

# All of them at once as services of one enclave, and what initctl says of each.
ender() {
    service "$1" <<YAML
exec: [/bin/sh, -c, '$2']
restart: never
limits: {core: 0}
log: {ring: 4K, console: false}
${3-}
YAML
}
service keeper <<'YAML'
exec: [/bin/sleep, infinity]
YAML
for code in $(seq 0 255); do ender "code-$code" "exit $code"; done
for signal in $deadly; do ender "signal-$signal" "kill -$signal \$\$"; done
start
wait_for_control
are_all_down() { [ "$(ctl list | grep -c '^[cs][oi][dg][en].*-[0-9]*  *f')" -eq $((256 + $(echo "$deadly" | wc -w))) ]; }
wait_until are_all_down
ctl list >"$tmp/list" || fail list
for code in $(seq 0 255); do
    grep -q "^code-$code  *f[a-z]*  *- .*  exited $code\$" "$tmp/list" || fail "exit code $code: $(grep "^code-$code " "$tmp/list")"
done
passed 'initctl tells every exit code from 0 to 255'
grep -q '^code-0  *finished ' "$tmp/list" || fail "$(grep '^code-0' "$tmp/list")"
[ "$(grep -c '^code-[0-9]*  *failed ' "$tmp/list")" -eq 255 ] || fail 'a code other than 0 is no success'
passed 'only 0 is a success'
for signal in $deadly; do
    grep -q "^signal-$signal  *failed .*  signaled $signal\$" "$tmp/list" || fail "signal $signal: $(grep "^signal-$signal " "$tmp/list")"
    expect "service signal-$signal failed: was killed by $(name_of "$signal")\$"
done
passed 'initctl tells every deadly signal, the log its name'
ctl system poweroff || fail poweroff
await

# One after another as the critical service whose end is the enclave's.
rm "$root"/etc/enclavebox/services/*
mkdir "$root/out/ports"
printf 'heartbeat: off\nstatus_port: unix:/out/ports/status\nlinger: 20s\n' | system
end_by() {
    ender app "$1" 'critical: true'
    rm -f "$root/out/ports/status"
    socat -u "UNIX-CONNECT:$root/out/ports/status,retry=2000,interval=0.005" - >"$tmp/status" 2>/dev/null &
    reader=$!
    run
    wait "$reader"
}
# The last line of the status port begins so; a post-mortem may follow.
told() {
    case $(tail -n 1 "$tmp/status") in
    "$1 }" | "$1, "*) ;;
    *) return 1 ;;
    esac
}
for code in $(seq 1 255); do
    end_by "exit $code"
    [ "$status" -eq "$code" ] || fail "exit code $code: PID 1 ends with $status"
    expect "initd: end reason=critical-failed action=poweroff status=$code service=app detail=\"exited with code $code\""
    told "{ \"status\": \"exited\", \"code\": $code" || fail "exit code $code: $(cat "$tmp/status")"
done
passed 'the end of the enclave has the exit code, from 1 to 255'
passed 'the status port tells the exit code, from 1 to 255'
end_by 'exit 0'
expect 'initd: end reason=workload-done action=poweroff status=0'
told '{ "status": "exited", "code": 0' || fail "exit code 0: $(cat "$tmp/status")"
passed 'a success of the critical service is one of the enclave'
for signal in $deadly; do
    end_by "kill -$signal \$\$"
    [ "$status" -eq $((128 + signal)) ] || fail "signal $signal: PID 1 ends with $status"
    expect "initd: end reason=critical-failed action=poweroff status=$((128 + signal)) service=app"
    told "{ \"status\": \"signaled\", \"signal\": $signal, \"name\": \"$(name_of "$signal")\"" ||
        fail "signal $signal: $(cat "$tmp/status")"
done
passed 'the end of the enclave has 128 and the signal'
passed 'the status port tells number and name of the signal'
