#!/bin/sh
# A log reader that stops reading loses lines, is told how many, and holds nobody up.
. "$(dirname "$0")/lib.sh"
need socat
mkdir "$root/out/ports"
printf 'heartbeat: off\nlog: {ring: 16K, console: false}\nlog_port: unix:/out/ports/log\nlinger: 20s\n' | system
mkfifo "$root/out/gate" "$tmp/hold"
service flood <<'YAML'
exec: [/bin/sh, -c, 'read line </out/gate; seq 1 200000; echo flood is over >&2']
type: oneshot
YAML
start
wait_for 'service flood started'
socat -u "UNIX-CONNECT:$root/out/ports/log,retry=100,interval=0.05" - >"$tmp/hold" &
reader=$!
exec 5<"$tmp/hold"
# Once it has a line it is connected; then it stops reading.
read -r first <&5
echo go >"$root/out/gate"
wait_for 'service flood exited with code 0'
{ echo "$first"; cat <&5; } >"$tmp/log"
await
wait "$reader"
lost=$(sed -n 's/.* initd lost: \([0-9]*\) lines, [0-9]* bytes$/\1/p' "$tmp/log" | awk '{ sum += $1 } END { print sum + 0 }')
[ "$lost" -gt 0 ] || fail 'nothing was lost: the test does not test'
seen=$(grep -c 'flood out: [0-9]*$' "$tmp/log")
# Lost lines may be initd's own; those seen and lost are at least the numbers, at most some more.
total=$((seen + lost))
if [ "$total" -lt 200000 ] || [ "$total" -gt 200010 ]; then fail "$seen seen, $lost lost"; fi
grep -q 'flood err: flood is over' "$tmp/log" || fail 'the tail is missing'
expect_status 0
