#!/bin/sh
# Limits: connections in all and of a peer, their rate, time without bytes, descriptors.
. "$(dirname "$0")/pf_proxy_lib.sh"

server echo serve_echo
echo_port=$port
target="tcp:127.0.0.1:$echo_port"
printf 'rules:\n  - allow: 127.0.0.1\n' >"$tmp/policy.yaml"

proxy all ip-to-vsock --max-connections 3 tcp:127.0.0.1:0 "$target"
peer waits_beyond "$(port_of all)" 3
proxy peers ip-to-vsock --max-per-peer 3 tcp:127.0.0.1:0 "$target"
peer reset_beyond "$(port_of peers)" 3
proxy far vsock-to-ip-transparent --max-connections 3 --policy "$tmp/policy.yaml" "unix:$tmp/far"
peer too_many_beyond "$tmp/far" 3 "$echo_port"
proxy far_peers vsock-to-ip-transparent --max-per-peer 3 --policy "$tmp/policy.yaml" "unix:$tmp/far_peers"
peer too_many_beyond "$tmp/far_peers" 3 "$echo_port"
proxy rate ip-to-vsock --max-rate 20 tcp:127.0.0.1:0 "$target"
peer rate "$(port_of rate)" 20 40
proxy idle ip-to-vsock --idle 200ms tcp:127.0.0.1:0 "$target"
peer idle_ends "$(port_of idle)"
proxy cids ip-to-vsock --allow-cid 16 "unix:$tmp/cids" "$target"
expect_status 0 sh -c "vcat unix:$tmp/cids </dev/null | wc -c"
expect_text "$tmp/cids.log" "not an allowed CID"

# Out of descriptors: no spinning, and all is well once there are some again. Twenty is what a
# process has before its first connection, and a little.
PF_PROXY="$tmp/few"
printf '#!/bin/sh\nulimit -n 40\nexec pf-proxy "$@"\n' >"$PF_PROXY"
chmod +x "$PF_PROXY"
proxy few ip-to-vsock tcp:127.0.0.1:0 "$target"
few=$started
peer many_then_free "$(port_of few)" 60
expect_text "$tmp/few.log" "accepting pauses"
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
[ "$(ticks "$few")" -lt 100 ] || fail "a second of processor time without descriptors"
proxy few_far vsock-to-ip-transparent --policy "$tmp/policy.yaml" "unix:$tmp/few_far"
peer out_of_descriptors "$tmp/few_far" "$echo_port" 60
