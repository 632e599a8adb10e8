#!/bin/sh
# The relay's contract over every pair of transports that there is without an enclave, and through
# two proxies; test/e2e/vsock_relay.sh has those with vsock.
. "$(dirname "$0")/pf_proxy_lib.sh"

relay_server tcp tcp:127.0.0.1:0
tcp=tcp:127.0.0.1:$port
relay_server unix "unix:$tmp/server"
relay_server muxed "muxed:$tmp/16.sock:5000"

for target in "$tcp" "unix:$tmp/server" "muxed:$tmp/16.sock:5000"; do
    kind=${target%%:*}
    proxy "to_$kind" ip-to-vsock tcp:127.0.0.1:0 --listen "unix:$tmp/to_$kind" "$target"
    relay_cases "tcp to $kind" --path "tcp,$kind" --relay "$started" "tcp:127.0.0.1:$(port_of "to_$kind")"
    relay_cases "unix to $kind" --path "unix,$kind" --relay "$started" "unix:$tmp/to_$kind"
done

proxy far vsock-to-ip "unix:$tmp/middle" "$tcp"
proxy near ip-to-vsock tcp:127.0.0.1:0 "unix:$tmp/middle"
relay_cases "tcp to unix to tcp" --relay "$started" "tcp:127.0.0.1:$(port_of near)"

server pieces serve_pieces
proxy to_pieces ip-to-vsock tcp:127.0.0.1:0 "tcp:127.0.0.1:$port"
peer pieces_come_at_once "$(port_of to_pieces)" 0
peer pieces_come_at_once "$(port_of to_pieces)" 5

# Through vsockd's folder instead of vsock, to a guest and from it.
mkdir "$tmp/vsock"
relay_server guest "muxed:$tmp/vsock/16.sock:5000"
ENCLAVEBOX_VSOCK_DIR=$tmp/vsock
export ENCLAVEBOX_VSOCK_DIR
proxy to_guest ip-to-vsock tcp:127.0.0.1:0 vsock:16:5000
proxy from_guest vsock-to-ip vsock:any:7000 "$tcp"
proxy other_port ip-to-vsock tcp:127.0.0.1:0 vsock:16:5001
unset ENCLAVEBOX_VSOCK_DIR
relay_cases "to a guest" --path tcp,muxed "tcp:127.0.0.1:$(port_of to_guest)"
relay_cases "from a guest" "unix:$tmp/vsock/parent_7000"
peer is_reset "$(port_of other_port)"
