#!/bin/sh
# Names in an enclave: a namespace without a network, whose resolv.conf(5) names the stub, with dig(1)
# and glibc's resolver as judges; the far side and a nameserver in another that plays the internet.

. "$(dirname "$0")/pf_proxy_namespace.sh"

ip address add 198.51.100.7/32 dev lo
ip address add 198.51.100.53/32 dev lo
ip -6 address add 2001:db8::7/128 dev lo
printf 'nameserver 127.0.0.1\noptions timeout:2 attempts:2\n' >"$tmp/resolv.conf"
make_enclave "$tmp/resolv.conf"
inside ip address add 10.0.0.1/32 dev lo
inside ip -6 address add fd00::1/128 dev lo
inside ip route add default dev lo src 10.0.0.1
inside ip -6 route add default dev lo src fd00::1
inside ip route add prohibit 192.0.0.8
inside ip -6 route add prohibit 100::8
inside nft add table inet other 2>/dev/null || skip "this kernel has no nftables"

nameserver() {
    start "nameserver$1" python3 "$(dirname "$0")/pf_proxy_nameserver.py" 198.51.100.53 53
    nameserver=$started
    wait_for 10 grep -q '^ready' "$tmp/nameserver$1.log"
}
nameserver 1
server web serve_source 198.51.100.7
web=$port
server web6 serve_source 2001:db8::7
web6=$port
cat >"$tmp/far.yaml" <<'END'
rules:
  - allow: 198.51.100.53
    ports: [53]
    transport: tcp
  - allow: web.example
    addresses: [198.51.100.0/24, "2001:db8::/32"]
END
cat >"$tmp/near.yaml" <<'END'
rules:
  - allow: web.example
    addresses: [198.51.100.0/24, "2001:db8::/32"]
  - allow: "*.example"
    addresses: [198.51.100.0/24]
END
proxy far vsock-to-ip-transparent --policy "$tmp/far.yaml" --nameserver 198.51.100.53 "unix:$tmp/far"
proxies_inside
proxy near ip-to-vsock-transparent --policy "$tmp/near.yaml" --dns 127.0.0.1 --nameserver 198.51.100.53:53 \
    tcp:127.0.0.1:0 "unix:$tmp/far" --listen "tcp:[::1]:0" --metrics "unix:$tmp/metrics"
near=$started
inside nft -f - <<END || skip "this kernel translates no addresses"
table inet redirecting {
    chain output {
        type nat hook output priority -100
        ip daddr 198.51.100.0/24 meta l4proto tcp redirect to :$(port_of near 1)
        ip6 daddr 2001:db8::/32 meta l4proto tcp redirect to :$(port_of near 2)
    }
}
END
# dug FILE WORD...: what dig says, in FILE.
dug() {
    dug_file=$tmp/$1
    shift
    inside dig +time=5 +tries=1 "$@" >"$dug_file" 2>&1 || fail "dig $* ($(head -c 400 "$dug_file"))"
}
asked() { grep -c "^asked $1 " "$tmp/nameserver1.log"; }

# An address has no name before somebody has asked for it.
in_enclave cannot_reach 198.51.100.7 "$web"
in_enclave reaches web.example "$web"
in_enclave reaches 198.51.100.7 "$web"
dug web6 +short web.example AAAA
expect_equal "the IPv6 address" "$(cat "$tmp/web6")" 2001:db8::7
in_enclave reaches 2001:db8::7 "$web6"

before=$(asked web.example)
dug web +short WEB.Example
expect_equal "the address" "$(cat "$tmp/web")" 198.51.100.7
dug web_tcp +tcp +short web.example
expect_equal "the address by TCP" "$(cat "$tmp/web_tcp")" 198.51.100.7
expect_equal "questions for a name that is known" "$(asked web.example)" "$before"
passed "the cache"

dug alias alias.example
expect_text "$tmp/alias" "status: NOERROR"
[ "$(grep -c '^[aw].*IN' "$tmp/alias")" -eq 2 ] || fail "not the alias and its address: $(cat "$tmp/alias")"
dug none none.example
expect_text "$tmp/none" "status: NXDOMAIN"
dug text +short web.example TXT
expect_equal "another record" "$(cat "$tmp/text")" '"hello"'
passed "aliases, absent names, other records"

dug cut +ignore +noedns many.example
expect_text "$tmp/cut" "flags: qr tc"
dug many +short +noedns many.example
expect_equal "addresses by TCP" "$(grep -c 198.51.100 "$tmp/many")" 100
passed "an answer that is too long for UDP"

dug denied denied.test
expect_text "$tmp/denied" "192.0.0.8"
expect_text "$tmp/denied" "EDE: 18 (Prohibited): (no rule matches, the default is deny)"
dug denied6 +short denied.test AAAA
expect_equal "the address of a name that is denied" "$(cat "$tmp/denied6")" 100::8
dug denied_mx denied.test MX
expect_text "$tmp/denied_mx" "status: REFUSED"
grep -q denied "$tmp/nameserver1.log" && fail "a name that is denied was asked for"
in_enclave is_denied denied.test 443
passed "a name that is denied"

dug mixed +short mixed.example
expect_equal "addresses that the policy allows" "$(cat "$tmp/mixed")" 198.51.100.7
dug hidden +short hidden.example
expect_equal "a name at a private address" "$(cat "$tmp/hidden")" 192.0.0.8
in_enclave is_denied hidden.example 80

# A policy that is read again counts for what is in the cache.
printf 'rules:\n  - deny: web.example\n  - allow: alias.example\n' >"$tmp/near.yaml"
kill -HUP "$near"
wait_for 10 grep -q 'policy reloaded' "$tmp/near.log"
dug reloaded +short web.example
expect_equal "a name that is denied from now on" "$(cat "$tmp/reloaded")" 192.0.0.8
passed "a policy that is read again"

# A nameserver that goes, and comes back. The name has not been asked for its IPv6 address yet.
kill "$nameserver"
wait_for 10 sh -c "! kill -0 $nameserver 2>/dev/null"
dug gone alias.example AAAA
expect_text "$tmp/gone" "status: SERVFAIL"
nameserver 2
dug back alias.example AAAA
expect_text "$tmp/back" "status: NOERROR"
passed "a nameserver that goes and comes back"
