#!/bin/sh
# What pf-proxy carries between TCP and Unix sockets arrives whole: bulk, single bytes, ends of one
# direction, resets, slow readers; over one target or several.
. "$(dirname "$0")/pf_proxy_lib.sh"

server echo serve_echo
echo_port=$port
proxy near ip-to-vsock tcp:127.0.0.1:0 "unix:$tmp/middle" --listen "unix:$tmp/near"
near_process=$started
proxy far vsock-to-ip "unix:$tmp/middle" "tcp:localhost:$echo_port"
near=$(port_of near)

peer bulk "$near" 20
peer bulk "$tmp/near" 20
peer one_byte_writes "$near"
peer one_byte_writes "$tmp/near"

# Through two proxies and a Unix socket between them.
server sum serve_sum
proxy sum_proxy ip-to-vsock tcp:127.0.0.1:0 "tcp:127.0.0.1:$port"
peer half_close "$(port_of sum_proxy)"
server first serve_first
proxy first_proxy ip-to-vsock "unix:$tmp/first" "tcp:127.0.0.1:$port"
peer half_close_of_server "$tmp/first"
wait_for 10 grep -q "heard 1000000" "$tmp/first.log"

server flood serve_flood
proxy flood_proxy ip-to-vsock tcp:127.0.0.1:0 "tcp:127.0.0.1:$port"
peer slow_reader "$(port_of flood_proxy)" "$started"

server resetting serve_reset
proxy resetting_proxy ip-to-vsock tcp:127.0.0.1:0 "tcp:127.0.0.1:$port"
peer reset_of_server "$(port_of resetting_proxy)"
server watching serve_watch_reset
proxy watching_proxy ip-to-vsock tcp:127.0.0.1:0 "tcp:127.0.0.1:$port"
peer reset_of_client "$(port_of watching_proxy)"
wait_for 10 grep -q "^reset" "$tmp/watching.log"

# A target that is not there resets, and one that takes its place serves.
kill "$near_process"
proxy nobody ip-to-vsock tcp:127.0.0.1:0 "unix:$tmp/nobody"
peer is_reset "$(port_of nobody)"
proxy one vsock-to-ip "unix:$tmp/nobody" "tcp:127.0.0.1:$echo_port"
peer one_byte_writes "$(port_of nobody)"

# Several targets: in turn, past those that refuse.
server a serve_name a
a=$port
server b serve_name b
b=$port
proxy turns ip-to-vsock tcp:127.0.0.1:0 "tcp:127.0.0.1:$a" "unix:$tmp/absent" "tcp:127.0.0.1:$b"
peer says "$(port_of turns)" a b b a b b
proxy least ip-to-vsock --balance least-connections tcp:127.0.0.1:0 "tcp:127.0.0.1:$a" "tcp:127.0.0.1:$b"
peer says "$(port_of least)" a b a b

# Health: a target that does not take connections is not tried, and comes back.
proxy checked ip-to-vsock --check-interval 50ms --rise 1 --fall 2 --metrics tcp:127.0.0.1:0 \
    tcp:127.0.0.1:0 "unix:$tmp/ill" "tcp:127.0.0.1:$a"
wait_for 10 grep -q "target is unhealthy.*ill" "$tmp/checked.log"
metric_is checked targets_unhealthy 1 || fail "one target is unhealthy"
peer says "$(port_of checked)" a a a
metric_is checked connect_failed_total 0 || fail "an unhealthy target was tried"
proxy healed vsock-to-ip "unix:$tmp/ill" "tcp:127.0.0.1:$b"
wait_for 10 grep -q "target is healthy again.*ill" "$tmp/checked.log"
peer says "$(port_of checked)" a b

# Port by port, and no other.
server ports serve_echo
proxy by_port transparent-port-to-vsock tcp:127.0.0.1:0 tcp:127.0.0.1 --ports "$port"
peer is_reset "$(port_of by_port)"
proxy socket_by_port vsock-to-ip "unix:$tmp/enclave_$port" "tcp:127.0.0.1:$port"
expect_status 64 pf-proxy transparent-port-to-vsock tcp:127.0.0.1:0 tcp:127.0.0.1
expect_text "$tmp/err" "no port would be carried"

# Through vsockd's folder instead of vsock, to a guest and from it.
mkdir "$tmp/vsock"
server guest serve_muxed "$tmp/vsock/16.sock"
ENCLAVEBOX_VSOCK_DIR=$tmp/vsock
export ENCLAVEBOX_VSOCK_DIR
proxy to_guest ip-to-vsock tcp:127.0.0.1:0 vsock:16:5000
proxy from_guest vsock-to-ip vsock:any:7000 "tcp:127.0.0.1:$echo_port"
proxy other_port ip-to-vsock tcp:127.0.0.1:0 vsock:16:5001
unset ENCLAVEBOX_VSOCK_DIR
peer bulk "$(port_of to_guest)" 5
peer one_byte_writes "$(port_of to_guest)"
peer bulk "$tmp/vsock/parent_7000" 5
peer is_reset "$(port_of other_port)"
