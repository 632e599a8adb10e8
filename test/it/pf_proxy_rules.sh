#!/bin/sh
# pf-proxy rules in a network namespace of its own: what is caught, what is refused with which errno, and
# that nothing is left. The catcher is a script; the policy and the rules are real.

. "$(dirname "$0")/pf_proxy_namespace.sh"
asker=$(dirname "$0")/pf_proxy_errno.py

nft add table inet other 2>/dev/null || skip "this kernel has no nftables"
nft add chain inet other output '{ type filter hook output priority 0 ; }'
ip rule add pref 10050 from 192.0.2.1 lookup main || skip "this kernel has no routing rules"

device_for_rules

# Multicast routes come and go with the kernel's own pace.
everything() {
    nft list ruleset
    ip -4 rule
    ip -6 rule
    ip -4 route show table all
    ip -6 route show table all | grep -v '^multicast\|^ff00'
    ip -o address | sed 's/valid_lft.*//'
}

cat >"$tmp/policy.yaml" <<'END'
rules:
  - deny: 198.51.100.9
  - allow: 198.51.100.0/24
    ports: [443, 5000-6000]
  - allow: "2001:db8::/32"
    ports: [443, 5000-65535]
  - allow: named.example
    addresses: [203.0.113.0/24]
  - allow: "*"
    ports: [80]
    transport: tcp
END
mode=ip-to-vsock-transparent
rules() { pf-proxy rules "$mode" --policy "$tmp/policy.yaml" --no-hold "$@" 2>"$tmp/err"; }

everything >"$tmp/before"
rules --apply || fail "applying: $(cat "$tmp/err")"
everything >"$tmp/once"
rules --apply || fail "applying again: $(cat "$tmp/err")"
everything >"$tmp/twice"
expect_same "$tmp/once" "$tmp/twice"
passed "applied twice is applied once"

start catcher python3 "$asker" --catch 15001 "$tmp/caught"
wait_for 10 test -e "$tmp/caught"
# expect ANSWER TRANSPORT ADDRESS PORT
expect() {
    got=$(python3 "$asker" "$2" "$3" "$4")
    expect_equal "$2 to $3 port $4" "$got" "$1"
}
expect "caught 198.51.100.7 443" tcp 198.51.100.7 443
expect "caught 2001:db8::7 443" tcp 2001:db8::7 443
expect "caught 2001:db8::7 65535" tcp 2001:db8::7 65535
expect "caught 198.51.100.7 5353" udp 198.51.100.7 5353
expect "caught 2001:db8::7 5353" udp 2001:db8::7 5353
expect "caught 1.1.1.1 80" tcp 1.1.1.1 80
passed "what the policy allows reaches the proxy with its destination, over TCP and UDP, IPv4 and IPv6"

for refused in "198.51.100.9 443" "198.51.100.7 444" "1.1.1.1 81" "169.254.169.254 80" "10.0.0.1 80" \
    "192.0.0.8 80" "203.0.113.1 443" "2001:db8::7 444" "2001:470::1 443" "fd00:ec2::254 80" "100::8 80" \
    "64:ff9b::a9fe:a9fe 80"; do
    # shellcheck disable=SC2086  # address and port
    for transport in tcp udp; do expect EACCES $transport $refused; done
done
expect EACCES udp 1.1.1.1 80
passed "what the policy refuses is EACCES at once"

expect ECONNREFUSED tcp 127.0.0.1 9
expect ECONNREFUSED tcp ::1 9
expect ECONNREFUSED tcp 192.0.0.4 9
passed "what is of this machine itself is not caught"

# SYNs are held. Where nftables has no queues, iptables brings the packets; refusing is nftables' in any case.
held() {
    pf-proxy rules "$mode" --policy "$tmp/policy.yaml" --apply 2>"$tmp/err" && return
    expect_text "$tmp/err" "nftables refuses"
    rules --apply || return
    pf-proxy rules "$mode" --policy "$tmp/policy.yaml" | sed -n "/^add table/,/^}/p" | grep -v "queue num" >"$tmp/held.nft"
    nft -f "$tmp/held.nft" || return
    for program in iptables-legacy ip6tables-legacy; do
        $program -t mangle -A OUTPUT -o enclave0 -p tcp --syn -j NFQUEUE --queue-num 60160 --queue-bypass || return
    done
}
catcher=$started
printf 'rules:\n  - allow: 198.51.100.0/24\n  - allow: "2001:db8::/32"\n' >"$tmp/policy.yaml"
if held 2>"$tmp/held.log"; then
    start answers "$ENCLAVEBOX_BUILD/test/it/pf_proxy_syns" "$tmp/answers"
    wait_for 10 test -e "$tmp/answers"
    for address in 198.51.100.7 2001:db8::7; do
        expect "caught $address 443" tcp $address 443
        expect ECONNREFUSED tcp $address 20111
        expect EHOSTUNREACH tcp $address 20113
        expect ENETUNREACH tcp $address 20101
        expect silence tcp $address 20110
    done
    expect EACCES tcp 2001:db8::7 20013
    expect EHOSTUNREACH tcp 198.51.100.7 20013
    for port in 20111 20113 20101; do
        [ "$(grep -c ":$port\$" "$tmp/answers.log")" -eq 2 ] || fail "asked more than once for port $port"
    done
    passed "what the far side says is the errno of connect()"
    kill "$started"
    wait "$started" 2>/dev/null
    expect "caught 198.51.100.7 443" tcp 198.51.100.7 443
    passed "without somebody at the queue connections pass to the proxy"
    for program in iptables-legacy ip6tables-legacy; do
        ! command -v $program >/dev/null || $program -t mangle -F
    done
    rules --apply || fail "no longer holding: $(cat "$tmp/err")"
else
    echo "not shown: neither nftables nor iptables can queue packets here"
fi

kill "$catcher"
wait "$catcher" 2>/dev/null
expect ECONNREFUSED tcp 198.51.100.7 443
expect ECONNREFUSED tcp 2001:db8::7 443
expect silence udp 198.51.100.7 5353
passed "without a proxy nothing gets out"

# Another policy takes the place of the first.
printf 'rules:\n  - allow: 203.0.113.0/24\n' >"$tmp/policy.yaml"
rules --apply || fail "another policy: $(cat "$tmp/err")"
expect EACCES tcp 198.51.100.7 443
expect ECONNREFUSED tcp 203.0.113.1 443
passed "a new policy takes the place of the old one"

printf 'rules:\n  - alow: 203.0.113.0/24\n' >"$tmp/policy.yaml"
everything >"$tmp/once"
expect_status 78 pf-proxy rules "$mode" --policy "$tmp/policy.yaml" --apply
expect_text "$tmp/err" "policy.yaml:2:"
everything >"$tmp/twice"
expect_same "$tmp/once" "$tmp/twice"
passed "a policy with a mistake changes nothing"

for words in "$mode --apply --remove" "nothing" "vsock-to-ip-transparent" "$mode --device a/b" "vsock-to-ip --ports 0" \
    "ip-to-vsock --ports 80;flush"; do
    # shellcheck disable=SC2086  # several words
    expect_status 64 pf-proxy rules $words
done
expect_status 64 pf-proxy ip-to-vsock-transparent --hold --workers 2 tcp:127.0.0.1:0 unix:/nowhere
everything >"$tmp/twice"
expect_same "$tmp/once" "$tmp/twice"
passed "wrong words are told and change nothing"

expect_status 0 pf-proxy rules "$mode" --remove
everything >"$tmp/after"
expect_same "$tmp/before" "$tmp/after"
expect_status 0 pf-proxy rules "$mode" --remove
everything >"$tmp/after"
expect_same "$tmp/before" "$tmp/after"
passed "removed, once or twice, everything is as found"

# The host's side: a client beyond a cable, and the machine itself.
start client unshare -n sleep 60
client=$started
other_namespace() { [ "$(readlink "/proc/$client/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
wait_for 10 other_namespace
ip link add cable type veth peer name cable netns "$client" || fail "a cable to the client"
ip address add 10.9.0.1/24 dev cable
ip -6 address add fd09::1/64 dev cable nodad
ip link set cable up
nsenter -t "$client" -n sh -c 'ip address add 10.9.0.2/24 dev cable; ip -6 address add fd09::2/64 dev cable nodad; ip link set cable up'
everything >"$tmp/before"
for mode in transparent-port-to-vsock vsock-to-ip; do
    expect_status 64 pf-proxy rules $mode --apply
    expect_status 0 pf-proxy rules $mode --ports 9000-9100,443 --apply
    everything >"$tmp/once"
    expect_status 0 pf-proxy rules $mode --ports 9000-9100,443 --apply
    everything >"$tmp/twice"
    expect_same "$tmp/once" "$tmp/twice"
    expect_status 0 pf-proxy rules $mode --remove
    everything >"$tmp/after"
    expect_same "$tmp/before" "$tmp/after"
done
passed "the host's rules go as they came"

expect_status 0 pf-proxy rules transparent-port-to-vsock --ports 9000-9100,443 --apply
start catcher python3 "$asker" --catch 15001 "$tmp/caught.any" any
catcher=$started
wait_for 10 test -e "$tmp/caught.any"
# from_client ANSWER TRANSPORT ADDRESS PORT
from_client() {
    got=$(nsenter -t "$client" -n python3 "$asker" "$2" "$3" "$4")
    expect_equal "a client's $2 to $3 port $4" "$got" "$1"
}
for address in 10.9.0.1 fd09::1; do
    from_client "caught $address 9005" tcp $address 9005
    from_client "caught $address 443" udp $address 443
    from_client ECONNREFUSED tcp $address 8999
    from_client silence udp $address 8999
    expect "caught $address 9100" tcp $address 9100
done
passed "given ports of the host are caught, others are not"
expect_status 0 pf-proxy rules transparent-port-to-vsock --remove

# A server of the machine itself is connected to from an address that is not the machine's.
start served vcat --listen --keep tcp:127.0.0.1:8080 -- /bin/echo served
start served6 vcat --listen --keep 'tcp:[::1]:8080' -- /bin/echo served
for address in 127.0.0.1 ::1; do wait_for 10 python3 "$asker" tcp $address 8080; done
# expect_from ANSWER ADDRESS SOURCE
expect_from() { expect_equal "from $3 to $2" "$(python3 "$asker" tcp "$2" 8080 "$3")" "$1"; }
expect_from silence 127.0.0.1 198.51.100.77
expect_status 0 pf-proxy rules vsock-to-ip --ports 8080 --apply
expect_from served 127.0.0.1 198.51.100.77
expect_from served ::1 2001:db8::77
expect_status 0 pf-proxy rules vsock-to-ip --remove
# In an enclave, too, whose policy lets nothing out.
printf 'rules: []\n' >"$tmp/policy.yaml"
mode=ip-to-vsock-transparent
rules --apply || fail "a policy of nothing: $(cat "$tmp/err")"
expect_status 0 pf-proxy rules vsock-to-ip --ports 8080 --apply
expect_from served 127.0.0.1 198.51.100.77
expect_from served ::1 2001:db8::77
passed "answers to addresses of others come back"
