#!/bin/sh
# An enclave with a network, made and run by rbuilds with --network: programs that know of no proxy reach what the policy
# allows in an internet that is a namespace here, and hear the truth about the rest; clients reach its published ports.
# E2E_DOWNLOAD is how many bytes a download has (64 MiB).
. "$(dirname "$0")/network/internet.sh"
test_image
make_internet site.example changing.example
# What must never be reached has somebody to answer, on the host's loopback and at the metadata address.
ip -n "$host" addr add 169.254.169.254/32 dev lo

secret='HTTP/1.0 200 OK\r\n\r\nthe secret of the host\n'
for address in 169.254.169.254 127.0.0.2; do
    start "secret_at_$address" on_host vcat --listen --keep "tcp:$address:80" -- printf "$secret"
    secret_is_out() { on_host curl -s --max-time 5 "http://$address/" | grep -q secret; }
    wait_for 10 secret_is_out
done

make_application
bring curl dig
cat >"$tmp/app/etc/enclavebox/services/web.yaml" <<'END'
exec: [/opt/enclavebox/bin/vcat, --listen, --keep, "tcp:127.0.0.1:9003", --, echo, from the enclave]
END
cat >"$tmp/policy.yaml" <<END
rules:
  - allow: site.example
    ports: [8443, 8444]
  - allow: changing.example
    ports: [80]
  - allow: long.example
    ports: [80]
  - allow: metadata.example
  - allow: $v4
    ports: [7, 53, 8443, 8444]
  - allow: 2606:2800:220:1::/64
END
run_enclave

curl='curl -sS --max-time 20 --cacert /opt/test/site.pem'
says 'hello from the internet' "$curl https://site.example:8443/"
says 'hello from the internet' "$curl -4 https://site.example:8443/"
says 'hello from the internet' "$curl -6 https://site.example:8443/"
says 'hello from the internet' "$curl https://$v4:8443/"
says 'hello from the internet' "$curl 'https://[$v6]:8443/'"
passed "curl over IPv4 and IPv6, by name and by address"

says "$v4" 'dig +short site.example'
says "$v6" 'dig +short site.example AAAA'
says "$v4" 'dig +short +tcp site.example'
says 93.184.216.159 'dig +short long.example'
passed "dig, dig +tcp, and a long answer by TCP"

for address in "$v4" "$v6"; do
    says 'heard ping' "exec 3<>/dev/udp/$address/7; printf ping >&3; timeout 5 head -c 10 <&3"
done
says 'Permission denied' "bash -c 'exec 3<>/dev/udp/93.184.216.35/123'"
passed "datagrams over IPv4 and IPv6"

says 'Connection refused' "$curl -v https://site.example:8444/"
says 'Connection refused' "$curl -v 'https://[$v6]:8444/'"
passed "a closed port is refused"
says 'Permission denied' "$curl -v https://denied.example:8443/"
says 'Permission denied' "$curl -v https://$v4:22/"
says 'Permission denied' "$curl -v https://93.184.216.35:8443/"
says 'Permission denied' "$curl -v 'https://[2001:500::1]:8443/'"
passed "what the policy does not allow is permission denied"
for address in 169.254.169.254 metadata.example 127.0.0.2 0xa9fea9fe 2852039166 '[::ffff:169.254.169.254]'; do
    in_guest 16 "$curl http://$address/ 2>&1" >"$tmp/said"
    if grep -q secret "$tmp/said"; then fail "the host's secret came out of $address"; fi
done
in_guest 16 "for n in 1 2 3 4; do $curl http://changing.example/ 2>&1; sleep 1; done" >"$tmp/said"
if grep -q secret "$tmp/said"; then fail "the host's secret came out by a name that changed"; fi
passed "the metadata address is not reached by any spelling"

bytes=${E2E_DOWNLOAD:-67108864}
says "$bytes" "$curl --max-time 600 https://site.example:8443/zero/$bytes | wc -c"
passed "a download of $bytes bytes"

expect_equal "the published port" "$(on_host vcat tcp:127.0.0.1:9003 </dev/null)" 'from the enclave'
passed "a published port leads to the enclave"
