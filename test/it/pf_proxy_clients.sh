#!/bin/sh
# Kept ports with the clients' addresses: clients in three namespaces, the host's proxy in this one, an enclave's
# in another. TCP between the two stands for vsock.

. "$(dirname "$0")/pf_proxy_namespace.sh"

make_enclave
inside nft add table inet other 2>/dev/null || skip "this kernel has no nftables"

# cable N PROCESS: from here to that namespace, where it is 10.9.N.2 and fd09:N::2.
cable() {
    ip link add "to$1" type veth peer name cable netns "$2" || skip "no pairs of devices may be made"
    ip address add "10.9.$1.1/24" dev "to$1"
    ip -6 address add "fd09:$1::1/64" dev "to$1" nodad
    ip link set "to$1" up
    nsenter -t "$2" -n sh -c "ip address add 10.9.$1.2/24 dev cable; ip -6 address add fd09:$1::2/64 dev cable nodad; ip link set cable up"
}
# other_namespace PROCESS
other_namespace() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
cable 9 "$enclave"
for client in 1 2 3; do
    start "client$client" unshare -n sleep 600
    wait_for 10 other_namespace "$started"
    cable "$client" "$started"
    echo "$started" >"$tmp/client$client"
done
# from_client N CASE WORD...
from_client() {
    from=$(cat "$tmp/client$1")
    shift
    nsenter -t "$from" -n python3 "$(realpath "$(dirname "$0")")/pf_proxy_peer.py" "$@" >"$tmp/peer.log" 2>&1 ||
        fail "$* ($(tail -n 5 "$tmp/peer.log" | head -c 600))"
}
# Without what the kernel does in its own time.
everything() {
    inside sh -c 'nft list ruleset; ip -4 rule; ip -6 rule; ip -4 route show table all; ip -6 route show table all' |
        grep -v '^multicast\|^ff00\|fe80:'
}
rules() { inside pf-proxy rules --source client --ports 9000-9010,9020 "$@" transparent-port-to-vsock; }

for case in '--ports 9000-65535 transparent-port-to-vsock' '--ports 80 vsock-to-ip' '--ports 80 ip-to-vsock'; do
    # shellcheck disable=SC2086  # several words
    expect_status 64 pf-proxy rules --source client $case
done
everything >"$tmp/before"
rules --apply || fail "the rules were not applied"
everything >"$tmp/once"
rules --apply || fail "the rules were not applied again"
everything >"$tmp/twice"
expect_same "$tmp/once" "$tmp/twice"

proxy outside transparent-port-to-vsock --proxy-out v2 'tcp:[::]:9000-9012' --listen 'tcp:[::]:9020' tcp:10.9.9.2
start kept nsenter -t "$enclave" -n python3 "$(realpath "$(dirname "$0")")/pf_proxy_peer.py" serve_kept 9000 9009 127.0.0.1 ::1
wait_for 10 grep -q '^port ' "$tmp/kept.log"
start kept4 nsenter -t "$enclave" -n python3 "$(realpath "$(dirname "$0")")/pf_proxy_peer.py" serve_kept 9020 9020 127.0.0.1
wait_for 10 grep -q '^port ' "$tmp/kept4.log"
proxies_inside
proxy within transparent-port-to-vsock --proxy-in --source client --header-timeout 500ms --metrics tcp:127.0.0.1:0 \
    tcp:10.9.9.2:9000-9011 --listen tcp:10.9.9.2:9020 tcp:localhost
within=$started
within_metric() { inside python3 "$(realpath "$(dirname "$0")")/pf_proxy_peer.py" metric "$(metrics_port_of within)" "$1"; }

for client in 1 2 3; do
    from_client "$client" range_seen_as "10.9.$client.1" 9000 9009 "10.9.$client.2"
    from_client "$client" range_seen_as "fd09:$client::1" 9000 9009 "fd09:$client::2"
done
passed "the address of each client is that of the connection, on the same port, over IPv4 and IPv6"

inside sh -c 'echo 40000 40029 >/proc/sys/net/ipv4/ip_local_port_range'
from_client 1 many_at_once 10.9.1.1 9000 9009 20 10.9.1.2
from_client 2 many_at_once fd09:2::1 9000 9009 20 fd09:2::2
inside sh -c 'echo 32768 60999 >/proc/sys/net/ipv4/ip_local_port_range'
passed "a client's ports are spent for each published port alone"

from_client 1 is_refused 10.9.1.1 9013
from_client 1 is_refused fd09:1::1 9013
from_client 1 ends_at_once 10.9.1.1 9010
from_client 1 ends_at_once fd09:1::1 9010
from_client 1 ends_at_once 10.9.1.1 9012
passed "a port that is not carried is refused, and one where nobody listens ends at once"

peer seen_as 127.0.0.1 9000 192.0.0.1
peer seen_as ::1 9000 fd65:6e63:6c61:7665::2
from_client 2 seen_as fd09:2::1 9020 192.0.0.1
passed "who is of the host, or of a family without a listener, is the parent"

peer seen_through 10.9.9.2 9000 "TCP4 198.51.100.7 203.0.113.9" 198.51.100.7
peer seen_through 10.9.9.2 9000 "TCP6 ::ffff:198.51.100.7 ::ffff:203.0.113.9" 198.51.100.7
peer seen_through 10.9.9.2 9000 "TCP4 127.0.0.1 203.0.113.9" 192.0.0.1
peer seen_through 10.9.9.2 9000 "TCP6 fe80::1 fe80::2" fd65:6e63:6c61:7665::2
# First: of the lines about strangers in one second the others leave none.
peer slow 10.9.9.2 9000
expect_equal "late headers" "$(within_metric header_timeout_total)" 1
before=$(within_metric connected_total)
peer hostile 10.9.9.2 9000
hostile=$(cat "$tmp/peer.log")
expect_equal "bad headers" "$(within_metric bad_header_total)" "$hostile"
expect_equal "connections made" "$(within_metric connected_total)" "$before"
for why in "bad header" "no header in time" "the header names no client" "nobody is such a client"; do
    expect_text "$tmp/within.log" "$why"
done
passed "a header that is too long, too slow, garbage, or names no client is refused and counted"

rules --remove || fail "the rules were not removed"
everything >"$tmp/after"
expect_same "$tmp/before" "$tmp/after"
passed "removed, everything is as found"

# The application takes the header, and no rules are needed.
kill "$within"
wait "$within" 2>/dev/null
for version in v1 v2; do
    proxy "$version" transparent-port-to-vsock --proxy-in --proxy-out "$version" tcp:10.9.9.2:9000-9011 tcp:localhost
    last=$started
    if [ "$version" = v1 ]; then
        for client in 1 2 3; do
            from_client "$client" told_as "10.9.$client.1" 9005 "10.9.$client.2" "10.9.$client.1"
            from_client "$client" told_as "fd09:$client::1" 9005 "fd09:$client::2" "fd09:$client::1"
        done
    else
        from_client 3 told_v2 10.9.3.1 9005 10.9.3.2
    fi
    kill "$last"
    wait "$last" 2>/dev/null
done
passed "or the application gets a header of either version with the address that the client connected to"
