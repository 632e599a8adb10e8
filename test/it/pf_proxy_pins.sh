#!/bin/sh
# The network of an enclave by name alone: a namespace with the rules of `pf-proxy rules`, the near side with
# --dns and --pin-routes, and a policy of names. What an application sees is glibc's and the kernel's.

. "$(dirname "$0")/pf_proxy_namespace.sh"

ip address add 198.51.100.7/32 dev lo
ip address add 198.51.100.8/32 dev lo
ip address add 198.51.100.53/32 dev lo
ip -6 address add 2001:db8::7/128 dev lo
printf 'nameserver 127.0.0.1\n' >"$tmp/resolv.conf"
make_enclave "$tmp/resolv.conf"
inside nft add table inet other 2>/dev/null || skip "this kernel has no nftables"
inside ip rule add pref 10050 from 192.0.2.1 lookup main 2>/dev/null || skip "this kernel has no routing rules"
device_for_rules inside

start nameserver python3 "$(dirname "$0")/pf_proxy_nameserver.py" 198.51.100.53 53
wait_for 10 grep -q '^ready' "$tmp/nameserver.log"
server web serve_source 198.51.100.7
web=$port
server web6 serve_source 2001:db8::7
web6=$port
server other serve_source 198.51.100.7
other=$port
cat >"$tmp/policy.yaml" <<END
rules:
  - allow: 198.51.100.53
    ports: [53]
  - allow: web.example
    ports: [$web, $web6]
    addresses: [198.51.100.0/24, "2001:db8::/32"]
  - allow: two.example
    ports: [$web]
    addresses: [198.51.100.0/24]
END
proxy far vsock-to-ip-transparent --policy "$tmp/policy.yaml" --nameserver 198.51.100.53 "unix:$tmp/far"
proxies_inside
near() {
    proxy near ip-to-vsock-transparent --policy "$tmp/policy.yaml" --dns 127.0.0.1 --pin-routes \
        --nameserver 198.51.100.53 tcp:127.0.0.1:15001 "unix:$tmp/far" --listen "tcp:[::1]:15001"
    near=$started
}
inside "$(command -v pf-proxy)" rules ip-to-vsock-transparent --policy "$tmp/policy.yaml" --no-hold --apply \
    2>"$tmp/apply.log" || skip "the rules cannot be applied: $(cat "$tmp/apply.log")"
inside ip rule >"$tmp/before"
inside ip -6 rule >>"$tmp/before"
near

in_enclave is_denied 198.51.100.7 "$web"
in_enclave reaches web.example "$web"
in_enclave reaches 198.51.100.7 "$web"
in_enclave reaches 2001:db8::7 "$web6"
in_enclave is_denied web.example "$other"
in_enclave is_denied 198.51.100.7 "$other"
in_enclave is_denied 198.51.100.8 "$web"
in_enclave is_denied denied.test "$web"
# Of several addresses the one that was chosen, where nobody listens.
inside getent ahosts two.example >"$tmp/ahosts" || fail "two.example is not known"
in_enclave cannot_reach 198.51.100.8 "$web"
in_enclave reaches 198.51.100.7 "$web"
inside ip rule | grep -q '^10010:.*198.51.100.7' || fail "no rule for the pin"

# The rules go with the process, or with the next one.
same_rules() {
    inside ip rule >"$tmp/after"
    inside ip -6 rule >>"$tmp/after"
    cmp -s "$tmp/before" "$tmp/after"
}
kill "$near"
holds 10 same_rules || fail "rules are left: $(cat "$tmp/after")"
near
in_enclave reaches web.example "$web"
kill -9 "$near"
wait_for 10 sh -c "! kill -0 $near 2>/dev/null"
same_rules && fail "a process that was killed took its rules back"
near
holds 10 same_rules || fail "rules are left from before: $(cat "$tmp/after")"
passed "rules that were left"

# Another policy: the pin stays, and allows nothing any more.
in_enclave reaches web.example "$web"
printf 'rules: []\n' >"$tmp/policy.yaml"
kill -HUP "$near"
holds 10 same_rules || fail "rules of the old policy: $(cat "$tmp/after")"
in_enclave is_denied 198.51.100.7 "$web"
