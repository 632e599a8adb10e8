#!/bin/sh
# Logs over the control socket: all, the last lines, one service, and a follower that stops reading
# and is told exactly what it lost.
. "$(dirname "$0")/lib.sh"
printf 'heartbeat: off\nlog: {console: false}\n' | system
mkfifo "$root/out/gate" "$tmp/hold"
service flood <<'YAML'
exec: [/bin/sh, -c, 'seq 1 20; read line </out/gate; seq 21 400000; echo flood is over >&2; read line </out/gate']
log: {ring: 16K}
YAML
service quiet <<'YAML'
exec: [/bin/sh, -c, 'echo quiet here; exec sleep 1000']
YAML
start
exec 7<>"$root/out/gate" # held open, see log_file.sh
wait_for_control
wait_for 'service quiet started'
until_logged flood 'flood out: 20$'
until_logged quiet 'quiet out: quiet here$'
[ "$(ctl logs quiet | wc -l)" -eq 1 ] || fail 'the log of quiet has lines of others'
ctl logs flood -n 3 >"$tmp/last" || fail 'logs -n'
[ "$(sed 's/.*: //' "$tmp/last" | tr '\n' ' ')" = '18 19 20 ' ] || fail "logs -n 3: $(cat "$tmp/last")"
ctl logs | grep -q 'initd info: service quiet started' || fail 'the journal lacks lines of initd'
ctl logs | grep -q 'quiet out: quiet here' || fail 'the journal lacks lines of services'
ctl logs flood --json -n 1 | grep -q '^{"text":".* flood out: 20"}$' || fail 'logs --json'
ctl logs nobody 2>/dev/null
[ $? -eq 66 ] || fail 'a log of nobody'

socket=/proc/$(pid_of_init)/root/run/initd.sock
# One follower that stops reading, and one that reads.
"$INITCTL" --socket "$socket" logs -f flood >"$tmp/hold" &
slow=$!
exec 5<"$tmp/hold"
read -r first <&5
"$INITCTL" --socket "$socket" logs -f flood >"$tmp/live" &
live=$!
has_clients() { ctl system status | grep -q "^clients *$1\$"; }
wait_until has_clients 3
wait_until grep -q 'flood out: 20$' "$tmp/live"
before=$(date +%s%N)
echo go >&7
until_logged flood 'flood err: flood is over$'
echo "the flood took $((($(date +%s%N) - before) / 1000000)) ms"
ctl ping || fail 'ping'

# Whether it was fast or slow: what it saw and what it lost are all there was.
{ echo "$first"; cat <&5; } >"$tmp/log" &
reader=$!
account() {
    seen=$(grep -c 'flood out: [0-9]*$' "$1")
    lost=$(sed -n 's/^initctl lost: \([0-9]*\) lines, [0-9]* bytes$/\1/p' "$1" | awk '{ sum += $1 } END { print sum + 0 }')
    total=$((seen + lost))
}
for file in log live; do
    wait_until grep -q 'flood err: flood is over$' "$tmp/$file"
    account "$tmp/$file"
    [ "$total" -eq 400000 ] || fail "$file: $seen seen, $lost lost"
done
account "$tmp/log"
[ "$lost" -gt 0 ] || fail 'the slow reader lost nothing: the test does not test'
kill "$slow" "$live" 2>/dev/null
wait "$slow" "$live" "$reader" 2>/dev/null
ctl system poweroff || fail 'poweroff'
await
expect_status 0
