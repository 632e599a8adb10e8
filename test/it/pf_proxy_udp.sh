#!/bin/sh
# Datagrams between a near side and a far side with fixed ends, and flows that are asked for.
. "$(dirname "$0")/pf_proxy_lib.sh"

server udp serve_datagrams
udp=$port
proxy far vsock-to-ip "unix:$tmp/far" "udp:127.0.0.1:$udp" --metrics tcp:127.0.0.1:0
proxy near ip-to-vsock udp:127.0.0.1:0 "unix:$tmp/far"
near=$(sed -n 's/.*address=udp:.*:\([0-9]*\)$/\1/p' "$tmp/near.log")
# First, while no port that a socket may be given again has a flow.
peer many_flows 127.0.0.1 "$near" 300
holds 5 metric_is far flows_total 300 || fail "$(metric far flows_total) flows"
peer datagrams 127.0.0.1 "$near"

# Port by port, to a name, and with workers, of which one has the socket.
proxy by_port transparent-port-to-vsock --workers 2 udp:127.0.0.1:0 "unix:$tmp/own"
by_port=$(sed -n 's/.*address=udp:.*:\([0-9]*\)$/\1/p' "$tmp/by_port.log")
proxy behind vsock-to-ip "unix:$tmp/own_$by_port" "udp:localhost:$udp"
peer datagrams 127.0.0.1 "$by_port"

printf 'rules:\n  - allow: 127.0.0.1\n    transport: udp\n' >"$tmp/policy.yaml"
proxy asked vsock-to-ip-transparent --policy "$tmp/policy.yaml" "unix:$tmp/asked"
peer flow_by_request "$tmp/asked" "$udp"
peer refused "$tmp/asked" 127.0.0.1 "$udp"

# A drain waits for flows until its time is over.
kill "$started"
wait "$started" || fail "exit status $? after a drain"
