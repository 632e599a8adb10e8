#!/bin/sh
# A service prints as fast as it can while a follower and a reader of the log port have stopped
# reading: PID 1 answers all the while, and both are told exactly how many lines they lost.
#
# FLOOD=full is the long form: 6 GB, and readers that pause for at least a minute.
. "$(dirname "$0")/lib.sh"
need socat
if [ "${FLOOD-}" = full ]; then
    lines=93750000
    pause=60
    patience=600
else
    lines=1562500 # 100 MB of 64 bytes each
    pause=0
fi
mkdir "$root/out/ports"
printf 'heartbeat: off\nlog: {ring: 1M, console: false}\nlog_port: unix:/out/ports/log\nlinger: 60s\n' | system
mkfifo "$root/out/gate" "$tmp/follower_hold" "$tmp/reader_hold"
text=$(printf '%063d' 0)
service flood <<YAML
exec: [/bin/sh, -c, 'echo first; read line </out/gate; yes $text | head -n $lines; echo flood is over >&2; read line </out/gate']
type: oneshot
log: {ring: 256K}
YAML
start
exec 7<>"$root/out/gate" # held open, see log_file.sh
wait_for_control
socket=/proc/$(pid_of_init)/root/run/initd.sock
"$INITCTL" --socket "$socket" logs -f flood >"$tmp/follower_hold" &
follower=$!
socat -u "UNIX-CONNECT:$root/out/ports/log,retry=100,interval=0.05" - >"$tmp/reader_hold" &
reader=$!
# Once they have a line they are connected; then they stop reading.
exec 5<"$tmp/follower_hold" 6<"$tmp/reader_hold"
read -r first_followed <&5
read -r first_read <&6

# The best way to see how long a turn of the loop takes is to be one of those who wait for it.
: >"$tmp/pings"
while [ ! -e "$tmp/over" ]; do
    ctl ping -c 200 -i 1ms >>"$tmp/pings" || echo failed >>"$tmp/pings"
done &
pinger=$!
# clock ticks of PID 1
ticks() { sed 's/.*) //' "/proc/$(pid_of_init)/stat" | awk '{ print $12 + $13 }'; }
ticks_before=$(ticks)
before=$(date +%s%N)
echo go >&7
until_logged flood 'flood err: flood is over$'
took=$((($(date +%s%N) - before) / 1000000))
processor=$(($(ticks) - ticks_before))
[ "$took" -ge $((pause * 1000)) ] || sleep $((pause - took / 1000))
: >"$tmp/over"
wait "$pinger"
echo "$((lines * 64 / 1000000)) MB in $took ms, $((lines * 64 / 1000 / took)) MB/s; PID 1 took $processor hundredths of a second"
awk '$1 == "answers" { count += $2; sum += $2 * $4; if ($8 > worst) worst = $8; next } { failed++ }
    END { printf "%d pings, median about %.0f us, worst %d us, %d failed\n", count, sum / count, worst, failed
          # 10 ms; times 100 for the worst, as others may want the few processors of a test machine.
          exit !(count > 0 && failed == 0 && sum / count < 10000 && worst < 100 * 10000) }' "$tmp/pings" ||
    fail 'a good client waited too long'
turn=$(ctl system status --json | sed -n 's/.*"longest_turn_us": \([0-9]*\).*/\1/p')
echo "the longest turn of the loop took $turn us of processor time"
[ "$turn" -lt 10000 ] || fail 'a turn of the loop took too long'

# lines of a file that are a service's or initd's, and those that a mark in it says were lost
account() {
    seen=$(grep -c ' flood \(out\|err\): \| initd [a-z]*: \|^initd: ' "$1")
    marks=$(grep -c 'initd\(ctl\)\? lost: ' "$1")
    lost=$(sed -n 's/^.*initd lost: \([0-9]*\) lines, .*/\1/p; s/^initctl lost: \([0-9]*\) lines, .*/\1/p' "$1" |
        awk '{ sum += $1 } END { print sum + 0 }')
    # The mark of the log port is itself a line of initd's kind.
    [ "$2" = follower ] || seen=$((seen - marks))
    echo "$2: $seen lines seen, $lost lost"
    [ "$lost" -gt 0 ] || fail "$2: nothing was lost: the test does not test"
    [ $((seen + lost)) -eq "$3" ] || fail "$2: $((seen + lost)) lines, not $3"
}
{ echo "$first_followed"; cat <&5; } >"$tmp/followed" &
follower_rest=$!
{ echo "$first_read"; cat <&6; } >"$tmp/read" &
reader_rest=$!
holds "$patience" grep -q 'flood err: flood is over$' "$tmp/followed" || fail 'the follower did not live to see the end'
kill "$follower"
wait "$follower_rest"
account "$tmp/followed" follower $((lines + 2))
echo go >&7
await
wait "$reader" "$reader_rest"
# What initd itself says is also on the console, and nothing else is.
account "$tmp/read" reader $((lines + 2 + $(grep -c . "$console")))
expect_status 0
