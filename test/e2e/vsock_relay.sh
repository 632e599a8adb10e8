#!/bin/sh
# The relay's contract with AF_VSOCK as the guest's kernel has it, to and from the parent and between
# two ports of the guest. The same over other transports: test/it/pf_proxy_relay.sh.
. "$(dirname "$0")/lib.sh"
test_image
peer=$ENCLAVEBOX_BUILD/test/it/relay_peer
[ -x "$peer" ] || skip "$peer was not built"

mkdir -p "$tmp/extra/opt/test"
cp "$peer" "$tmp/extra/opt/test/"
eif cpio -o "$tmp/extra.cpio" --prefix rootfs "$tmp/extra" 2>"$tmp/extra.log" || fail "eif cpio"
build_image relay --cmdline-file "$top/rbuilds/kernel/cmdline" --ramdisk "$tmp/extra.cpio"
start_switch 16
start_guest 16 "$tmp/relay.eif"
wait_for 150 guest_answers 16

start parent_server "$peer" serve "unix:$vsock/parent_6001"
wait_for 10 grep -q '^port ' "$tmp/parent_server.log"
in_guest 16 'cd /tmp
run() { name=$1; shift; "$@" >$name.log 2>&1 </dev/null & echo $! >$name.pid; until grep -q "listening\|^port" $name.log; do sleep 0.1; done; }
run tcp_server /opt/test/relay_peer serve tcp:127.0.0.1:6000
run vsock_server /opt/test/relay_peer serve vsock:any:6004
run out /opt/enclavebox/bin/pf-proxy ip-to-vsock tcp:127.0.0.1:6002 vsock:parent:6001
run in /opt/enclavebox/bin/pf-proxy vsock-to-ip vsock:any:6002 tcp:127.0.0.1:6000
run around /opt/enclavebox/bin/pf-proxy vsock-to-ip vsock:any:6003 vsock:local:6004
run through /opt/enclavebox/bin/pf-proxy vsock-to-ip vsock:any:6005 vsock:parent:6001
echo all listen' >"$tmp/out"
expect_text "$tmp/out" "all listen"

# holds_all NAME OUTPUT: the cases that it says have held, and that they were all.
holds_all() {
    sed -n "s/^ok - \\(.*\\) (.*/ok - $1: \\1/p" "$2"
    grep -q '^whole$' "$2" || fail "$1: $(tail -n 2 "$2")"
}
from_guest() {
    in_guest 16 "/opt/test/relay_peer cases --mebibytes 4 --relay \$(cat /tmp/$2.pid) $3 && echo whole" >"$tmp/cases.log" 2>&1
    holds_all "$1" "$tmp/cases.log"
}
to_port() {
    { "$peer" cases --mebibytes 4 "muxed:$vsock/16.sock:$2" && echo whole; } >"$tmp/cases.log" 2>&1
    holds_all "$1" "$tmp/cases.log"
}
from_guest "tcp to vsock" out tcp:127.0.0.1:6002
to_port "vsock to tcp" 6002
from_guest "vsock to vsock within the guest" around vsock:local:6003
to_port "vsock to vsock of the parent" 6005
