#!/bin/sh
# The far side: what is asked for is judged, resolved, judged again and answered with what came of it.
. "$(dirname "$0")/pf_proxy_lib.sh"

server echo serve_echo
echo_port=$port
cat >"$tmp/policy.yaml" <<END
rules:
  - deny: 127.0.0.2
  - allow: 127.0.0.0/8
  - allow: localhost
    addresses: [127.0.0.0/8]
END
proxy far vsock-to-ip-transparent --policy "$tmp/policy.yaml" tcp:127.0.0.1:0 --listen "unix:$tmp/far" \
    --metrics tcp:127.0.0.1:0 --header-timeout 300ms --connect-timeout 5s
far=$(port_of far)

for side in "$far" "$tmp/far"; do
    peer asked "$side" 127.0.0.1 "$echo_port"
    peer asked "$side" localhost "$echo_port"
    peer refused "$side" 127.0.0.2 "$echo_port"
    peer refused "$side" 192.0.2.7 80
    peer refused "$side" example.org 80
    peer status "$side" 127.0.0.1 1 3 111
    peer byte_by_byte "$side" "$echo_port"
    peer bad_headers "$side" "$echo_port"
    peer request_late "$side" 4542
    peer leaves "$side" "$echo_port"
done
metric_is far refused_policy_total 6 || fail "six refusals, not $(metric far refused_policy_total)"
metric_is far header_timeout_total 2 || fail "two late headers"
holds 5 metric_is far connections_open 0 || fail "$(metric far connections_open) connections left"

# Whatever the policy allows by name or wholesale, special addresses are not meant.
printf 'default: allow\nrules:\n  - allow: "*"\n' >"$tmp/all.yaml"
proxy open vsock-to-ip-transparent --policy "$tmp/all.yaml" "unix:$tmp/open"
peer spellings "$tmp/open"

# Without a policy nothing is allowed.
proxy closed vsock-to-ip-transparent "unix:$tmp/closed"
peer refused "$tmp/closed" 127.0.0.1 "$echo_port"
peer refused "$tmp/closed" localhost "$echo_port"

# Names that lead to what is not allowed, wholly, in part or now and then.
server names serve_names
names=$port
server two serve_two
two=$port
cat >"$tmp/names.yaml" <<END
rules:
  - allow: "*.test"
    addresses: [127.0.0.3]
END
proxy named vsock-to-ip-transparent --policy "$tmp/names.yaml" --nameserver "127.0.0.1:$names" "unix:$tmp/named"
peer right_or_refused "$tmp/named" good.3.test "$two" right
peer right_or_refused "$tmp/named" both.1.3.test "$two" right
peer right_or_refused "$tmp/named" turns.1.3.test "$two" right refused
peer refused "$tmp/named" bad.1.test "$two"
peer refused "$tmp/named" bad.1.53.test "$two"
peer status "$tmp/named" none.test "$two" 3 113

# An address under names: only this address, only under a name that is allowed and leads there.
peer under "$tmp/named" 127.0.0.3 "$two" right good.3.test
peer under "$tmp/named" 127.0.0.3 "$two" right bad.1.test none.test good.3.test
peer under "$tmp/named" 127.0.0.3 "$two" refused bad.1.test bad.2.test
peer under "$tmp/named" 127.0.0.3 "$two" refused good.3.example
peer under "$tmp/named" 127.0.0.1 "$two" refused bad.1.test
cat >"$tmp/either.yaml" <<END
rules:
  - allow: "*.test"
    addresses: [127.0.0.1, 127.0.0.3]
END
proxy either vsock-to-ip-transparent --policy "$tmp/either.yaml" --nameserver "127.0.0.1:$names" "unix:$tmp/either"
peer under "$tmp/either" 127.0.0.1 "$two" wrong both.1.3.test
peer under "$tmp/either" 127.0.0.3 "$two" right both.1.3.test
peer under "$tmp/either" 127.0.0.3 "$two" refused bad.1.test
peer under "$tmp/either" 127.0.0.9 "$two" refused both.1.3.test
