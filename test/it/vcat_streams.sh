#!/bin/sh
# vcat between standard streams and a socket: bytes, half-close, limits and refusals.
. "$(dirname "$0")/lib.sh"
need socat

head -c 5000000 /dev/urandom >"$tmp/data"

for write_size in 1000 64K 1M; do
    for splice in "" --no-splice; do
        vcat --listen --ready-fd 3 "unix:$tmp/s" 3>"$tmp/ready" >"$tmp/got" </dev/null &
        jobs_started="$jobs_started $!"
        wait_for 10 test -s "$tmp/ready"
        # shellcheck disable=SC2086  # an empty option is none
        vcat $splice --write-size $write_size "unix:$tmp/s" <"$tmp/data" || fail "sending in $write_size"
        wait $! || fail "receiving in $write_size"
        expect_same "$tmp/data" "$tmp/got"
        rm -f "$tmp/ready"
    done
done

# Half-close: the answer is computed only after the question has ended.
start server vcat --listen --keep "unix:$tmp/sum" -- sha256sum
wait_for 10 test -S "$tmp/sum"
vcat "unix:$tmp/sum" <"$tmp/data" >"$tmp/sum1" || fail "asking for a sum"
sha256sum <"$tmp/data" >"$tmp/sum2"
expect_same "$tmp/sum1" "$tmp/sum2"

# socat as the judge on the other side, over TCP.
start tcp vcat --listen --keep tcp:127.0.0.1:0 -- cat
wait_for 10 grep -q listening "$tmp/tcp.log"
port=$(sed -n 's/.*address=tcp:127.0.0.1:\([0-9]*\).*/\1/p' "$tmp/tcp.log")
socat -t 10 - "TCP:127.0.0.1:$port" <"$tmp/data" >"$tmp/echo" || fail "socat"
expect_same "$tmp/data" "$tmp/echo"

# A reader that goes away ends vcat instead of leaving it behind.
start source vcat --listen --keep "unix:$tmp/endless" -- cat /dev/zero
wait_for 10 test -S "$tmp/endless"
vcat "unix:$tmp/endless" </dev/null | head -c 100000 | wc -c >"$tmp/count"
[ "$(cat "$tmp/count")" -eq 100000 ] || fail "head got $(cat "$tmp/count") bytes"

start quiet vcat --listen --keep "unix:$tmp/quiet" -- sleep 60
wait_for 10 test -S "$tmp/quiet"
expect_status 75 vcat --idle 100ms "unix:$tmp/quiet"
expect_text "$tmp/err" "idle limit"

expect_status 69 vcat --connect-timeout 0 "unix:$tmp/nobody"
expect_status 69 vcat --connect-timeout 100ms "unix:$tmp/nobody"
expect_status 64 vcat
expect_status 64 vcat nonsense
expect_status 64 vcat --keep "unix:$tmp/s"
expect_status 64 vcat --write-size 0 "unix:$tmp/s"
expect_status 64 vcat --lissten "unix:$tmp/s"
expect_text "$tmp/err" "did you mean --listen?"
