#!/bin/sh
# Services that never stop printing take nothing from the others: a quiet one's lines are read as
# soon as they are printed, requests are answered, and a noisy one is stopped in time.
. "$(dirname "$0")/lib.sh"
printf 'heartbeat: off\nlog: {console: false}\n' | system
for number in 1 2 3 4 5 6; do
    service "noisy$number" <<'YAML'
exec: [/usr/bin/yes, '']
log: {ring: 16K}
YAML
done
script quiet <<'SH'
for line in 1 2 3 4 5 6 7 8 9 10; do
    date +'said %s%3N'
    sleep 0.1
done
exec sleep 1000
SH
service quiet <<'YAML'
exec: /quiet
YAML
start
wait_for_control
left=$((patience * 20))
until [ "$(ctl logs quiet | grep -c said)" -eq 10 ]; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || fail 'the quiet service is not heard'
    sleep 0.05
done
ctl ping -c 200 -i 1ms >"$tmp/ping" || fail 'ping'
cat "$tmp/ping"
[ "$(sed 's/.* //' "$tmp/ping")" -lt 500000 ] || fail 'an answer took too long'
# The time that initd gave a line, less the time in it, in milliseconds.
ctl logs quiet | sed -n 's/^\([^ ]*\) quiet out: said /\1 /p' | while read -r stamp said; do
    echo $(($(date -d "$stamp" +%s%3N) - said))
done | sort -n >"$tmp/delays"
echo "delays in ms: $(tr '\n' ' ' <"$tmp/delays")"
[ "$(tail -n 1 "$tmp/delays")" -lt 500 ] || fail 'a quiet line waited for noisy ones'
before=$(date +%s%N)
ctl stop noisy1 || fail 'stop'
took=$((($(date +%s%N) - before) / 1000000))
echo "stopped in $took ms"
[ "$took" -lt 1000 ] || fail 'a noisy service is not stopped in time'
ctl system poweroff || fail 'poweroff'
await
expect_status 0
