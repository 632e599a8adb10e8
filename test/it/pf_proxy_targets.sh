#!/bin/sh
# Where a connection goes: one target or several, healthy or not, port by port.
. "$(dirname "$0")/pf_proxy_lib.sh"

server echo serve_echo
echo_port=$port

# A target that is not there resets, and one that takes its place serves.
proxy nobody ip-to-vsock tcp:127.0.0.1:0 "unix:$tmp/nobody"
peer is_reset "$(port_of nobody)"
proxy one vsock-to-ip "unix:$tmp/nobody" "tcp:127.0.0.1:$echo_port"
peer many_echoes "$(port_of nobody)" 1

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
proxy by_port transparent-port-to-vsock tcp:127.0.0.1:0 tcp:127.0.0.1 --ports "$echo_port"
peer is_reset "$(port_of by_port)"
proxy socket_by_port vsock-to-ip "unix:$tmp/enclave_$echo_port" "tcp:127.0.0.1:$echo_port"
expect_status 64 pf-proxy transparent-port-to-vsock tcp:127.0.0.1:0 tcp:127.0.0.1
expect_text "$tmp/err" "no port would be carried"
