#!/bin/sh
# Twenty services in an enclave: one crashes, one ignores its end and has grandchildren, one takes more memory than it may,
# one is never ready, and one that is critical exits with 42, which is what the host's run command returns.
. "$(dirname "$0")/lib.sh"
test_image
command -v jq >/dev/null || skip "jq is not installed"

services=$tmp/more/etc/enclavebox/services
mkdir -p "$services"
# service NAME: its file from standard input.
service() { cat >"$services/$1.yaml"; }
# stays NAME KEY...: a service that does nothing, with further lines of its file.
stays() {
    stays_name=$1
    shift
    {
        echo "exec: [/bin/sleep, infinity]"
        for key; do echo "$key"; done
    } | service "$stays_name"
}

# A tree: everything needs prepare, the workers need the queue, web needs all of the middle.
service prepare <<'END'
exec: [/bin/sh, -c, 'echo prepared; touch /run/prepared']
type: oneshot
END
service store <<'END'
exec: [/bin/sh, -c, 'test -e /run/prepared || exit 1; echo store opened; exec sleep infinity']
requires: [prepare]
END
stays cache 'requires: [store]'
stays queue 'requires: [store]'
stays api 'requires: [cache, queue]'
stays web 'requires: [api]' 'wants: [cache]'
for number in 1 2 3 4 5 6; do stays worker-$number 'requires: [queue]' 'after: [web]'; done
service crashing <<'END'
exec: [/bin/sh, -c, 'echo attempt; exit 1']
after: [prepare]
backoff: {initial: 300ms, max: 10s, factor: 2}
start_limit: {burst: 4, interval: 60s}
END
service stubborn <<'END'
exec: [/bin/bash, -c, 'trap "" TERM; (trap "" TERM; (trap "" TERM; echo $BASHPID >/run/grandchild; while :; do sleep 1000; done) & wait) & echo $$ >/run/stubborn; while :; do wait; done']
stop: {timeout: 1s}
END
service leaking <<'END'
exec: [/usr/bin/tail, /dev/zero]
restart: never
limits: {memory: 32M}
after: [bystander]
END
stays bystander 'limits: {memory: 32M}'
service job <<'END'
exec: [/bin/bash, -c, 'seq -f "step %g" 1 30; until [ -e /run/go ]; do sleep 0.1; done; echo the last words >&2; exit 42']
critical: true
restart: never
requires: [web]
END
stays never-ready 'type: notify' 'ready: {timeout: 1s}' 'restart: never'
stays waits-in-vain 'requires: [never-ready]'

eif cpio -o "$tmp/more.cpio" --prefix rootfs "$tmp/more" 2>"$tmp/more.log" || fail "eif cpio"
build_image services --cmdline-file "$top/rbuilds/kernel/cmdline" --ramdisk "$tmp/more.cpio"
start run "$top/rbuilds/rbuilds.sh" --memory 768 --wait --tail 12 --cmd "run_eif_image $tmp/services.eif"
run=$started
vsock=$RBUILDS_STATE/vsock
wait_for 150 guest_answers 16
in_guest 16 'ls /etc/enclavebox/services | wc -l' >"$tmp/count"
expect_equal "services of this image" "$(cat "$tmp/count")" 20

# ctl WORD...: initctl in the enclave.
ctl() { in_guest 16 "initctl $* 2>&1"; }
# state_is NAME STATE
state_is() { [ "$(ctl status --json "$1" | jq -r '.[0].state')" = "$2" ]; }
# value NAME KEY
value() { ctl status --json "$1" | jq -r ".[0].$2"; }

# Who needs whom: a service started only once what it requires was ready.
wait_for 60 state_is job running
ctl logs >"$tmp/log"
line_of() { grep -n -m 1 "$1" "$tmp/log" | cut -d: -f1; }
before() { [ "$(line_of "$1")" -lt "$(line_of "$2")" ] || fail "'$1' did not come before '$2'"; }
before 'service prepare exited with code 0' 'service store started'
before 'service store started' 'service queue started'
before 'service api started' 'service web started'
before 'service web started' 'service worker-6 started'

# The crashing one: pauses double, and the limit ends it.
wait_for 30 state_is crashing failed
ctl logs crashing | awk '/ out: attempt/ { split(substr($1, 12), t, "[:Z]"); printf "%.3f\n", (t[1] * 60 + t[2]) * 60 + t[3] }' >"$tmp/attempts"
expect_equal "starts of the crashing service" "$(wc -l <"$tmp/attempts")" 4
awk '{ at[NR] = $1 } END { exit !(at[2] - at[1] >= 0.3 && at[3] - at[2] >= 0.6 && at[4] - at[3] >= 1.2 && at[4] - at[1] < 10) }' "$tmp/attempts" ||
    fail "the pauses between $(tr '\n' ' ' <"$tmp/attempts")"

# The one that is never ready times out by name, and with it what requires it.
wait_for 30 state_is never-ready failed
state_is waits-in-vain failed || fail "waits-in-vain is $(value waits-in-vain state)"
ctl logs >"$tmp/log"
expect_text "$tmp/log" 'service never-ready is stopped: ready timeout, it was not ready within 1000 ms'
expect_text "$tmp/log" 'service waits-in-vain is not started'

# The leaking one is killed at its limit, and nobody else.
wait_for 60 state_is leaking failed
expect_equal "its end" "$(value leaking ending) $(value leaking ending_value)" "signaled 9"
bystander=$(value bystander pid)
in_guest 16 "kill -0 $bystander && echo lives" >"$tmp/out"
expect_equal "the bystander" "$(cat "$tmp/out")" lives
expect_equal "starts of the bystander" "$(value bystander starts)" 1
expect_equal "starts of web" "$(value web starts)" 1

# The stubborn one is killed with its grandchildren once its time is over.
has_grandchild() { in_guest 16 'cat /run/grandchild' | grep -q '[0-9]'; }
wait_for 20 has_grandchild
expect_equal "the stubborn one before" "$(in_guest 16 'kill -0 $(cat /run/stubborn) $(cat /run/grandchild) && echo lives')" lives
ctl stop stubborn >"$tmp/out"
state_is stubborn stopped || fail "stubborn is $(value stubborn state)"
expect_equal "its grandchild" "$(in_guest 16 'kill -0 $(cat /run/grandchild) 2>/dev/null || echo gone')" gone
ctl logs >"$tmp/log"
expect_text "$tmp/log" "service stubborn did not stop in time and is killed"

# The critical one: its status, the last lines and the post-mortem reach the host.
in_guest 16 'touch /run/go' >"$tmp/out"
wait "$run"
expect_equal "exit status of the run" "$?" 42
for text in 'last lines of the log' '  | 20' 'job err: the last words' 'reason=critical-failed action=poweroff status=42 service=job' \
    'service=job state=failed starts=1 last="exited with code 42"' 'service=crashing state=failed starts=4' \
    'service=never-ready state=failed starts=1' \
    'service=leaking state=failed starts=1 last="was killed by SIGKILL"' 'the workload of services exited with code 42'; do
    expect_text "$tmp/run.log" "$text"
done
expect_equal "lines before the post-mortem" "$(sed -n '/last lines of the log/,/post-mortem of/p' "$tmp/run.log" | grep -c '^  | ')" 12
expect_equal "the enclave's traces" "$(find "$RBUILDS_STATE/enclaves" "$vsock" -mindepth 1)" ""
