#!/bin/sh
# The status listener tells running and then the end; the log listener gives the ring and then
# what follows, and both readers have everything before PID 1 ends.
. "$(dirname "$0")/lib.sh"
need socat
mkdir "$root/out/ports"
printf 'heartbeat: off\nlog_port: unix:/out/ports/log\nstatus_port: unix:/out/ports/status\nlinger: 20s\n' | system
mkfifo "$root/out/gate"
service app <<'YAML'
exec: [/bin/sh, -c, 'echo first words; read line </out/gate; echo last words; kill -KILL $$']
restart: never
critical: true
YAML
start
wait_for 'app out: first words'
socat -u "UNIX-CONNECT:$root/out/ports/log" - >"$tmp/log" &
log_reader=$!
socat -u "UNIX-CONNECT:$root/out/ports/status" - >"$tmp/status" &
status_reader=$!
wait_until grep -q running "$tmp/status"
wait_until grep -q 'first words' "$tmp/log"
[ "$(cat "$tmp/status")" = '{ "status": "running" }' ] || fail "status: $(cat "$tmp/status")"
echo go >"$root/out/gate"
await
wait "$log_reader" "$status_reader"
printf '{ "status": "running" }\n{ "status": "signaled", "signal": 9, "name": "SIGKILL" }\n' >"$tmp/expected"
head -n 2 "$tmp/status" | cmp - "$tmp/expected" || fail "status: $(cat "$tmp/status")"
for line in 'app out: first words' 'app out: last words' 'initd: end reason=critical-failed'; do
    grep -q "$line" "$tmp/log" || fail "the log lacks '$line'"
done
expect_not 'readers did not take the rest'
expect_status 137
