#!/bin/sh
# vsockd's sockets: their modes, stale and living owners, wrong options, and the end by a signal.
. "$(dirname "$0")/lib.sh"

switch_ready() { [ -s "$tmp/ready" ]; }

# start_switch WORD...: a vsockd in $tmp/v, ready when this returns, its process id in $switch.
start_switch() {
    rm -f "$tmp/ready"
    start vsockd sh -c 'exec vsockd --dir="$0/v" --ready-fd=3 "$@" 3>"$0/ready"' "$tmp" "$@"
    switch=$started
    wait_for 10 switch_ready
}

start_switch --guest=16 --guest=17
[ "$(stat -c %a "$tmp/v")" = 700 ] || fail "the folder has mode $(stat -c %a "$tmp/v")"
for socket in 16.sock 16.vhost 17.sock 17.vhost; do
    [ "$(stat -c '%a %F' "$tmp/v/$socket")" = "600 socket" ] || fail "$socket: $(stat -c '%a %F' "$tmp/v/$socket")"
done

# A living one keeps its guest; another guest in the same folder may have a vsockd of its own.
expect_status 75 vsockd --dir="$tmp/v" --guest=17
expect_text "$tmp/err" "another vsockd serves this guest in the same folder"
expect_status 75 vsockd --dir="$tmp/v" --guest=15 --guest=16
[ ! -e "$tmp/v/15.sock" ] || fail "a start that failed left its sockets behind"
start second vsockd --dir="$tmp/v" --guest=18
wait_for 10 test -S "$tmp/v/18.vhost"

# Nobody is attached: the caller is hung up on without an answer.
printf 'CONNECT 80\n' | vcat "unix:$tmp/v/16.sock" >"$tmp/answer"
[ ! -s "$tmp/answer" ] || fail "an absent guest answered: $(cat "$tmp/answer")"
wait_for 10 grep -q 'msg="refused a connection" cid=16 reason="no guest is attached" dst_port=80' "$tmp/vsockd.log"

# A killed one leaves its sockets, and the next takes them over.
kill -KILL "$switch"
wait "$switch"
[ -S "$tmp/v/16.sock" ] || fail "a killed vsockd should leave its sockets"
start_switch --guest=16 --log-format=json
printf 'CONNECT 80\n' | vcat "unix:$tmp/v/16.sock"
wait_for 10 grep -q '"msg":"refused a connection","cid":"16"' "$tmp/vsockd.log"

# The end by a signal takes its own sockets away and no others.
kill "$switch"
wait "$switch" || fail "SIGTERM did not end it cleanly"
for socket in 16.sock 16.vhost; do [ ! -e "$tmp/v/$socket" ] || fail "$socket was left behind"; done
[ -S "$tmp/v/18.sock" ] || fail "another's socket is gone"

# A file that is no socket is not replaced.
echo precious >"$tmp/v/19.vhost"
vsockd --dir="$tmp/v" --guest=19 2>"$tmp/err" && fail "a file was replaced"
[ "$(cat "$tmp/v/19.vhost")" = precious ] || fail "a file was changed"
[ ! -e "$tmp/v/19.sock" ] || fail "a start that failed left its sockets behind"

expect_status 64 vsockd
expect_text "$tmp/err" "expected --dir DIR"
expect_status 64 vsockd --dir="$tmp/v"
for cid in 0 2 3 4294967295 x ''; do
    expect_status 64 vsockd --dir="$tmp/v" --guest="$cid"
    expect_text "$tmp/err" "is no CID of a guest"
done
expect_status 64 vsockd --dir="$tmp/v" --guest=16 --guest=16
expect_status 64 vsockd --dir="$tmp/v" --guest=16 --buffer=1K
expect_status 64 vsockd --dir="$tmp/v" --guest=16 --max-connections=0
expect_status 64 vsockd --dir="$tmp/v" --guest=16 extra
long=$(printf '%0120d' 0)
expect_status 64 vsockd --dir="$tmp/$long" --guest=16
expect_text "$tmp/err" "choose a shorter path"
vsockd --dir="$tmp/none/v" --guest=16 2>"$tmp/err" && fail "a folder in a missing folder was made"
expect_text "$tmp/err" "cannot make the folder"
