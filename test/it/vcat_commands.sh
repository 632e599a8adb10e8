#!/bin/sh
# vcat with commands: a process for each connection, at most so many, and exit codes.
. "$(dirname "$0")/lib.sh"

# 100 connections at once through 10 places; each answer carries its own question.
start many vcat --listen --keep --max-connections 10 "unix:$tmp/many" -- sh -c 'read -r line; echo "re: $line"'
many=$started
wait_for 10 test -S "$tmp/many"
count=0
clients=
while [ $count -lt 100 ]; do
    count=$((count + 1))
    echo "question $count" | vcat "unix:$tmp/many" >"$tmp/answer.$count" &
    clients="$clients $!"
done
for client in $clients; do wait "$client" || fail "a client failed"; done
while [ $count -gt 0 ]; do
    [ "$(cat "$tmp/answer.$count")" = "re: question $count" ] || fail "answer $count: $(cat "$tmp/answer.$count")"
    count=$((count - 1))
done
# shellcheck disable=SC2009  # pgrep knows no state
if ps -o stat= --ppid "$many" | grep -q Z; then fail "dead children were left behind"; fi

kill "$many"
wait "$many" || fail "SIGTERM did not end the server cleanly"
[ ! -e "$tmp/many" ] || fail "the socket file was left behind"

# The command sees the peer, and no descriptor that this scenario did not have already.
inherited=$(sh -c 'ls /proc/self/fd | wc -l')
start facts vcat --listen --keep "unix:$tmp/facts" -- sh -c 'echo "peer=$VCAT_PEER"; ls /proc/self/fd | wc -l'
wait_for 10 test -S "$tmp/facts"
vcat "unix:$tmp/facts" </dev/null >"$tmp/seen"
expect_text "$tmp/seen" "peer=unix"
[ "$(tail -n 1 "$tmp/seen")" -eq "$inherited" ] || fail "descriptors leaked into the command: $(cat "$tmp/seen")"

# Connecting with a command runs it over the connection.
expect_status 0 vcat "unix:$tmp/facts" -- sh -c 'cat >&2'
expect_text "$tmp/err" "peer=unix"

expect_status 127 vcat "unix:$tmp/facts" -- /no/such/program
expect_status 126 vcat "unix:$tmp/facts" -- "$tmp"
