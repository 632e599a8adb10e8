#!/bin/sh
# Connections through vsockd: CID 3 and CID 2 are the parent, 200 at once, half-close both ways, refusals.
. "$(dirname "$0")/lib.sh"
test_image

start_switch 16
start_guest 16 "$image"
wait_for 120 guest_answers 16
parent_listens 8001 cat

for cid in 3 2; do
    in_guest 16 "echo over $cid | vcat vsock:$cid:8001" >"$tmp/out"
    expect_equal "the parent at CID $cid" "$(cat "$tmp/out")" "over $cid"
done

# Half-close: the sum is told only once the sender has ended, on the same connection.
parent_listens 8002 sha256sum
in_guest 16 'printf abc | vcat vsock:3:8002' >"$tmp/out"
expect_text "$tmp/out" ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
printf 'printf abc | sha256sum\n' | to_guest 16 7000 >"$tmp/out"
expect_text "$tmp/out" ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad

# 200 at once, all open before the first may end.
in_guest 16 'cd /tmp && mkfifo gate
for n in $(seq 200); do ( { echo "number $n"; read -r go; } <gate | vcat vsock:3:8001 >answer.$n ) </dev/null >/dev/null 2>&1 & done
exec 9>gate; for wait in $(seq 600); do [ "$(cat answer.* 2>/dev/null | wc -l)" -eq 200 ] && break; sleep 0.1; done
cat answer.* | wc -l; exec 9>&-; wait
for n in $(seq 200); do [ "$(cat answer.$n)" = "number $n" ] || echo "wrong answer $n"; done' >"$tmp/out"
expect_equal "answers while all were open" "$(cat "$tmp/out")" 200

count=0
while [ $count -lt 200 ]; do
    count=$((count + 1))
    (echo "echo $count" | to_guest 16 7000 >"$tmp/answer.$count" 2>>"$tmp/answers.log") &
    jobs_started="$jobs_started $!"
done
answered() { [ "$(cat "$tmp"/answer.* | wc -l)" -eq 200 ]; }
wait_for 90 answered
count=0
while [ $count -lt 200 ]; do
    count=$((count + 1))
    expect_equal "answer" "$(cat "$tmp/answer.$count")" "$count"
done

# Nobody listens: refused on both sides, and soon.
in_guest 16 'vcat --connect-timeout 0 vsock:3:9999 </dev/null >/dev/null 2>&1; echo $?' >"$tmp/out"
expect_equal "status of a refused connection" "$(cat "$tmp/out")" 69
expect_status 69 env "ENCLAVEBOX_VSOCK_DIR=$vsock" vcat --connect-timeout 0 vsock:16:9999
