#!/bin/sh
# Clients that are too many, talk nonsense, stop in the middle or never read: each is refused or
# dropped, and a good client is answered all the while.
. "$(dirname "$0")/lib.sh"
need socat
printf 'heartbeat: off\nlog: {ring: 1M, console: false}\n' | system
service talker <<'YAML'
exec: [/bin/sh, -c, 'seq 1 100000; exec sleep 1000']
YAML
start
wait_for_control
socket=/proc/$(pid_of_init)/root/run/initd.sock
clients() { ctl system status | sed -n 's/^clients *//p'; }
is_number_of_clients() { [ "$(clients)" = "$1" ]; }
await_clients() { wait_until is_number_of_clients "$1"; }
answers_soon() {
    before=$(date +%s%N)
    ctl ping || fail "no answer while $1"
    took=$((($(date +%s%N) - before) / 1000000))
    # The program's start is in it, on a machine that may be busy.
    [ "$took" -lt 500 ] || fail "an answer took $took ms while $1"
    echo "answered in $took ms while $1"
}

# Garbage is answered by failed (kind 66) and the end.
kind_of_answer() { socat -t 5 - "UNIX-CONNECT:$socket" | od -A n -t u1 -j 4 -N 1 | tr -d ' '; }
garbage=$( { head -c 4096 /dev/urandom | tr '\000' '\377'; sleep 1; } | kind_of_answer)
[ "$garbage" = 66 ] || fail "garbage is answered by '$garbage'"
# A frame that is no hello.
early=$( { printf '\000\000\000\000\002\000\000\000'; sleep 1; } | kind_of_answer)
[ "$early" = 66 ] || fail "a ping before hello is answered by '$early'"

# Half a frame, and then nothing: closed after five seconds.
half_started=$(date +%s)
{ printf '\000\000\000'; sleep 30; } | socat -u - "UNIX-CONNECT:$socket" &
half=$!
# Reads nothing after its hello and its request for the whole log.
hello='\000\000\000\026\001\000\000\000\001\000\010\000\000\000\000\000\000\000\001\002\000\010\000\000\000\000\000\000\000\001'
# shellcheck disable=SC2059
{ printf "$hello"'\000\000\000\000\013\000\000\000'; sleep 30; } | socat -u - "UNIX-CONNECT:$socket" &
deaf=$!
await_clients 3
answers_soon 'a client sent half a frame and another does not read'

await_clients 1
echo "both were dropped within $(($(date +%s) - half_started)) s"
expect 'control: a client of user 0 did not read and is dropped'

# Sixteen at a time. A follower may itself be the one too many while a ping is answered.
followers=
count=0
while ctl ping 2>/dev/null; do
    count=$((count + 1))
    [ "$count" -lt 100 ] || fail 'no client is ever too many'
    "$INITCTL" --socket "$socket" events >/dev/null 2>&1 &
    followers="$followers $!"
done
[ "$count" -ge 16 ] || fail "a client is refused beside $count"
ctl ping 2>"$tmp/said"
code=$?
[ "$code" -eq 75 ] || fail "the seventeenth client is refused with $code: $(cat "$tmp/said")"
grep -q 'too many clients' "$tmp/said" || fail "it is told: $(cat "$tmp/said")"
# shellcheck disable=SC2086
kill $followers 2>/dev/null
wait_for_control
answers_soon 'the others are gone'
ctl system reboot || fail 'reboot'
await
kill "$half" "$deaf" 2>/dev/null
expect 'initd: end reason=control action=reboot status=0'
expect_status 0
