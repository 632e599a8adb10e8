#!/bin/sh
# 500 connections that only want to be in the way, and one client that wants to work meanwhile.
# shellcheck disable=SC2086,SC2046,SC2015,SC2154  # $trust and lists are several words
. "$(dirname "$0")/pipeline.sh"
flood=$ENCLAVEBOX_BUILD/test/it/pipeline_flood
[ -x "$flood" ] || skip "$flood was not built"

pipeline keygen >"$tmp/keys" 2>/dev/null
serve socket "$tmp/keys"
server=$started
run_there true 2>/dev/null || fail "the server"

# The server's memory in KiB, what it shares with its sessions counted once.
memory() {
    for process in "$server" $(cat "/proc/$server/task/$server/children"); do
        sed -n 's/^Pss: *\([0-9]*\) kB/\1/p' "/proc/$process/smaps_rollup" 2>/dev/null
    done | awk '{ sum += $1 } END { print sum + 0 }'
}

# answers SECONDS: a call every 100 ms; the slowest in $slowest, in ms.
answers() {
    slowest=0
    number=0
    most=0
    end=$(($(date +%s) + $1))
    while [ "$(date +%s)" -lt "$end" ]; do
        before=$(date +%s%N)
        run_there true 2>"$tmp/err" || fail "no answer to call $number: $(cat "$tmp/err")"
        took=$((($(date +%s%N) - before) / 1000000))
        [ $took -le $slowest ] || slowest=$took
        number=$((number + 1))
        sleep 0.1
        [ $((number % 8)) -eq 4 ] || continue
        used=$(memory)
        [ "$used" -le "$most" ] || most=$used
    done
}

answers 1
echo "quiet: $number calls, the slowest $slowest ms, memory $most KiB"
for pause in 1000 0; do
    doing="a pause of $pause ms before a connection comes again"
    "$flood" "$tmp/socket" 500 5 $pause >"$tmp/flood.out" &
    tool=$!
    jobs_started="$jobs_started $tool"
    answers 4
    wait $tool || fail "the flood: $(cat "$tmp/flood.out")"
    echo "500 connections, $(cat "$tmp/flood.out"): $number calls, the slowest $slowest ms, memory $most KiB"
    [ $slowest -lt 3000 ] || fail "a good client waited $slowest ms"
    [ "$most" -lt 262144 ] || fail "the server took $most KiB"
    [ $number -ge 4 ] || fail "$number calls in 4 s"
done
# Afterwards nothing of it is left.
no_children() { [ -z "$(cat "/proc/$server/task/$server/children")" ]; }
wait_for 15 no_children
answers 1
echo "afterwards: the slowest $slowest ms, memory $(memory) KiB"
