#!/bin/sh
# PROXY headers in and out, byte by byte, and whom a server sees.
. "$(dirname "$0")/pf_proxy_lib.sh"

server source serve_source
source=$port
proxy v1 ip-to-vsock --proxy-out v1 tcp:127.0.0.1:0 "tcp:127.0.0.1:$source"
peer own_header "$(port_of v1)" v1 "$(port_of v1)"
proxy v2 ip-to-vsock --proxy-out v2 tcp:127.0.0.1:0 "tcp:127.0.0.1:$source"
peer own_header "$(port_of v2)" v2 "$(port_of v2)"

proxy through vsock-to-ip --proxy-in --proxy-out v1 --header-timeout 300ms tcp:127.0.0.1:0 "tcp:127.0.0.1:$source"
peer headers_through "$(port_of through)"
peer bad_proxy_headers "$(port_of through)"
peer header_late "$(port_of through)" 50524f58

# Two proxies, as on a host and in its enclave: the client's own address arrives.
proxy inside vsock-to-ip --proxy-in --proxy-out v2 "unix:$tmp/inside" "tcp:127.0.0.1:$source"
proxy outside ip-to-vsock --proxy-out v1 tcp:127.0.0.1:0 "unix:$tmp/inside"
peer own_header "$(port_of outside)" v2 "$(port_of outside)"

expect_status 64 pf-proxy ip-to-vsock --proxy-out v3 tcp:127.0.0.1:0 tcp:127.0.0.1:1
expect_text "$tmp/err" "neither v1 nor v2"
