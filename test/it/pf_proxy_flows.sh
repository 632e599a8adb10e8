#!/bin/sh
# Datagrams of an enclave caught by TPROXY, of both families: answers, refusals and closed ports as
# the application would have them without a proxy, dig, many flows at once, and their end.

. "$(dirname "$0")/pf_proxy_namespace.sh"

for address in 198.51.100.7/32 198.51.100.8/32; do ip address add "$address" dev lo; done
for address in 2001:db8::7/128 2001:db8::8/128; do ip -6 address add "$address" dev lo nodad; done
application=pf_proxy_flows.py
make_enclave
inside ip address add 10.0.0.1/32 dev lo
inside ip -6 address add fd00::1/128 dev lo nodad
for family in -4 -6; do
    source=10.0.0.1
    [ "$family" = -4 ] || source=fd00::1
    inside ip "$family" route add default dev lo src "$source"
    inside ip "$family" rule add fwmark 1 lookup 100
    inside ip "$family" route add local default dev lo table 100
done

start internet python3 "$(dirname "$0")/pf_proxy_flows.py" internet
wait_for 10 grep -q '^ready' "$tmp/internet.log"
printf 'rules:\n  - allow: 198.51.100.0/24\n  - allow: 2001:db8::/32\n' >"$tmp/far.yaml"
proxy far vsock-to-ip-transparent --policy "$tmp/far.yaml" --flow-idle 1s "unix:$tmp/far" \
    --metrics tcp:127.0.0.1:0
proxies_inside
proxy near ip-to-vsock-transparent --flow-idle 3s udp:127.0.0.1:0 --listen "udp:[::1]:0" \
    "unix:$tmp/far"
near4=$(sed -n 's/.*address=udp:127.*:\([0-9]*\)$/\1/p' "$tmp/near.log")
near6=$(sed -n 's/.*address="*udp:\[.*:\([0-9]*\)"*$/\1/p' "$tmp/near.log")
inside nft -f - <<END || skip "this kernel has no TPROXY"
table inet caught {
    chain output {
        type route hook output priority -150
        ip daddr { 198.51.100.0/24, 203.0.113.0/24 } meta l4proto udp meta mark set 1
        ip6 daddr { 2001:db8::/32, 3fff::/20 } meta l4proto udp meta mark set 1
    }
    chain prerouting {
        type filter hook prerouting priority -150
        meta mark 1 meta nfproto ipv4 meta l4proto udp tproxy ip to 127.0.0.1:$near4
        meta mark 1 meta nfproto ipv6 meta l4proto udp tproxy ip6 to [::1]:$near6
    }
}
END

in_enclave cone 198.51.100.7 198.51.100.8
in_enclave cone 2001:db8::7 2001:db8::8
# A closed port of the internet; then what the far side's policy refuses, which IPv4 has no ICMP
# message for that Linux would read as EACCES.
in_enclave told 198.51.100.7 9 ECONNREFUSED
in_enclave told 2001:db8::7 9 ECONNREFUSED
in_enclave told 203.0.113.9 53 EHOSTUNREACH
in_enclave told 3fff::9 53 EACCES
if command -v dig >/dev/null 2>&1; then
    for server in 198.51.100.7 2001:db8::7; do
        inside dig +time=5 +tries=1 "@$server" example.org >"$tmp/dig.log" 2>&1
        expect_text "$tmp/dig.log" "status: NXDOMAIN"
        expect_text "$tmp/dig.log" "SERVER: $server"
    done
    passed "dig"
fi
in_enclave many 198.51.100.7 1000
# The far side's time is 30 s longer, so it is the near side that ends them.
opened=$(metric far connections_open)
[ "$opened" -ge 1000 ] || fail "$opened flows are open"
wait_for 10 metric_is far connections_open 0
passed "time-outs"
