#!/bin/sh
# Two guests on one switch: they cannot reach each other, and one killed in mid transfer gives its peer the end of the
# stream while the other's transfer goes on.
. "$(dirname "$0")/lib.sh"
test_image

start_switch 16 17
start_guest 16 "$image"
victim=$started
start_guest 17 "$image"
wait_for 180 guest_answers 16
wait_for 180 guest_answers 17

in_guest 16 'echo 17 | vcat --connect-timeout 0 vsock:17:7000 2>&1; echo "status $?"' >"$tmp/out"
expect_equal "a guest connecting to a guest" "$(tail -n 1 "$tmp/out")" "status 69"
in_guest 17 'echo 16 | vcat --connect-timeout 0 vsock:16:7000 2>&1; echo "status $?"' >"$tmp/out"
expect_equal "a guest connecting to a guest" "$(tail -n 1 "$tmp/out")" "status 69"

# Endless streams from the victim, both ways; a measured one from the other.
start from_victim sh -c 'printf "cat /dev/zero\n" | ENCLAVEBOX_VSOCK_DIR=$1 vcat vsock:16:7000 | head -c 100000000000 >/dev/null; echo ended' sh "$vsock"
parent_listens 8001 wc -c
in_guest 16 'vcat vsock:3:8001 </dev/zero >/dev/null 2>&1 & sleep 1; echo started' >"$tmp/out" 
expect_equal "the stream of the victim" "$(cat "$tmp/out")" started
printf 'head -c 100000000 /dev/zero\n' | to_guest 17 7000 2>"$tmp/other.log" | wc -c >"$tmp/count" &
other=$!
kill -KILL "$victim"
wait_for 20 grep -q ended "$tmp/from_victim.log"
wait "$other"
expect_equal "bytes of the guest that lives" "$(cat "$tmp/count")" 100000000
guest_answers 17 || fail "the other guest no longer answers"

# The dead guest's place can be taken again.
start_guest 16 "$image"
wait_for 180 guest_answers 16
