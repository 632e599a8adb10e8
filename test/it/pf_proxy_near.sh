#!/bin/sh
# The near side in a network namespace whose connections nftables redirects, its far side in another
# one that plays the internet; and connections from a client's own address.

. "$(dirname "$0")/pf_proxy_namespace.sh"

ip address add 198.51.100.7/32 dev lo
ip -6 address add 2001:db8::7/128 dev lo
make_enclave
inside ip address add 10.0.0.1/32 dev lo
inside ip -6 address add fd00::1/128 dev lo
inside ip route add default dev lo src 10.0.0.1
inside ip -6 route add default dev lo src fd00::1
inside nft add table inet other 2>/dev/null || skip "this kernel has no nftables"

server v4 serve_source 198.51.100.7
v4=$port
server v6 serve_source 2001:db8::7
v6=$port
cat >"$tmp/far.yaml" <<'END'
rules:
  - allow: 198.51.100.7
  - allow: 2001:db8::7
END
printf 'rules:\n  - deny: 198.51.100.9\n  - allow: 198.51.100.0/24\n  - allow: 2001:db8::/32\n' >"$tmp/near.yaml"
proxy far vsock-to-ip-transparent --policy "$tmp/far.yaml" "unix:$tmp/far" --metrics tcp:127.0.0.1:0
far=$started

proxies_inside
proxy near ip-to-vsock-transparent --policy "$tmp/near.yaml" tcp:127.0.0.1:0 "unix:$tmp/far" \
    --listen "tcp:[::1]:0" --pool 4
near4=$(port_of near 1)
near6=$(port_of near 2)
inside nft -f - <<END || skip "this kernel translates no addresses"
table inet redirecting {
    chain output {
        type nat hook output priority -100
        ip daddr 198.51.100.0/24 meta l4proto tcp redirect to :$near4
        ip daddr 192.0.2.0/24 meta l4proto tcp redirect to :$near4
        ip6 daddr 2001:db8::/32 meta l4proto tcp redirect to :$near6
    }
}
END
in_enclave reaches 198.51.100.7 "$v4"
in_enclave reaches 2001:db8::7 "$v6"
in_enclave reaches 198.51.100.7 "$v4"
# Refused here, refused there, closed there, and not redirected at all.
in_enclave cannot_reach 198.51.100.9 "$v4"
expect_text "$tmp/near.log" "line 2: deny 198.51.100.9"
in_enclave cannot_reach 192.0.2.7 80
in_enclave cannot_reach 198.51.100.8 80
expect_text "$tmp/near.log" "the far side: refused"
in_enclave cannot_reach 198.51.100.7 1
expect_text "$tmp/near.log" "the far side: failed"
in_enclave cannot_reach 127.0.0.1 "$near4"
expect_text "$tmp/near.log" "not redirected"
metric_is far connected_total 3 || fail "$(metric far connected_total) connections got through"

# The pool's streams die with the far side; the next far side is asked on new ones.
kill "$far"
wait_for 10 sh -c "! [ -e $tmp/far ]"
in_enclave cannot_reach 198.51.100.7 "$v4"
PF_PROXY=pf-proxy
proxy far2 vsock-to-ip-transparent --policy "$tmp/far.yaml" "unix:$tmp/far"
in_enclave reaches 198.51.100.7 "$v4"
PF_PROXY="$tmp/inside"

# The ports of a redirect stay what they were.
proxy ports transparent-port-to-vsock --ports 443,9000-9100 tcp:127.0.0.1:0 "unix:$tmp/port"
proxy port443 vsock-to-ip "unix:$tmp/port_443" "unix:$tmp/port_9050"
PF_PROXY=pf-proxy
proxy port9050 vsock-to-ip "unix:$tmp/port_9050" "tcp:198.51.100.7:$v4"
PF_PROXY="$tmp/inside"
inside nft -f - <<END
add chain inet redirecting more { type nat hook output priority -101; }
add rule inet redirecting more ip daddr 203.0.113.0/24 meta l4proto tcp redirect to :$(port_of ports)
END
in_enclave reaches 203.0.113.1 443
in_enclave reaches 203.0.113.1 9050
in_enclave cannot_reach 203.0.113.1 9101
passed "redirected ports"

# TPROXY: the socket's own address is the destination.
proxy tproxy ip-to-vsock-transparent --tproxy tcp:127.0.0.1:0 "unix:$tmp/far"
inside nft -f - <<END || skip "this kernel has no tproxy"
delete table inet redirecting
table inet tproxying {
    chain output {
        type route hook output priority -150
        ip daddr 198.51.100.0/24 meta l4proto tcp meta mark set 1
    }
    chain prerouting {
        type filter hook prerouting priority -150
        meta mark 1 meta l4proto tcp tproxy ip to 127.0.0.1:$(port_of tproxy)
    }
}
END
inside ip rule add fwmark 1 lookup 100
inside ip route add local default dev lo table 100
in_enclave reaches 198.51.100.7 "$v4"
in_enclave cannot_reach 198.51.100.8 80
in_enclave cannot_reach 127.0.0.1 "$(port_of tproxy)"

# Datagrams by TPROXY: both ways, from whoever sends back, and not what the policy refuses.
server udp serve_datagrams 198.51.100.7
udp=$port
printf 'rules:\n  - deny: 198.51.100.9\n  - allow: 198.51.100.0/24\n' >"$tmp/udp.yaml"
proxy datagrams ip-to-vsock-transparent --policy "$tmp/udp.yaml" udp:127.0.0.1:0 "unix:$tmp/far"
udp_near=$(sed -n 's/.*address=udp:.*:\([0-9]*\)$/\1/p' "$tmp/datagrams.log")
inside nft -f - <<END
add rule inet tproxying output ip daddr 198.51.100.0/24 meta l4proto udp meta mark set 1
add rule inet tproxying prerouting meta mark 1 meta l4proto udp tproxy ip to 127.0.0.1:$udp_near
END
in_enclave datagrams 198.51.100.7 "$udp"
in_enclave answers_from_elsewhere 198.51.100.7 "$udp"
in_enclave no_answer 198.51.100.9 "$udp"
in_enclave no_answer 198.51.100.8 "$udp"

# A client's own address: answers come back by the route of the server, into a table of ours.
ip link add out0 type veth peer name in0 || skip "no veth devices"
ip link set in0 netns "$enclave"
ip address add 10.9.0.1/24 dev out0
ip link set out0 up
inside ip address add 10.9.0.2/24 dev in0
inside ip link set in0 up
inside ip route replace default via 10.9.0.1
ip rule add iif out0 lookup 100
ip route add local default dev lo table 100
start source inside python3 "$(dirname "$0")/pf_proxy_peer.py" serve_source 10.9.0.2
wait_for 10 grep -q '^port ' "$tmp/source.log"
PF_PROXY=pf-proxy
proxy spoken vsock-to-ip --proxy-in --source client "unix:$tmp/spoken" \
    "tcp:10.9.0.2:$(sed -n 's/^port //p' "$tmp/source.log")"
peer source_is "$tmp/spoken" 203.0.113.77
peer source_is "$tmp/spoken" 192.0.2.200
