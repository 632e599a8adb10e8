#!/bin/sh
# An enclave with a network, made and run by rbuilds with --network: programs that know of no proxy reach what the policy
# allows in an internet that is a namespace here, and hear the truth about the rest; clients reach its published ports.
# E2E_DOWNLOAD is how many bytes a download has (64 MiB).
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "network namespaces need root"
for program in ip curl dig python3 openssl; do command -v "$program" >/dev/null || skip "$program is not installed"; done
test_image

host=ebhost$$ inet=ebinet$$
v4=93.184.216.34 v6=2606:2800:220:1::34 near4=93.184.216.1
ip netns add "$host" 2>"$tmp/err" || skip "network namespaces are closed here: $(head -n 1 "$tmp/err")"
ip netns add "$inet" || fail "ip netns add"
wind_up() {
    [ ! -d "$RBUILDS_STATE/enclaves" ] || rbuilds --cmd drop_enclaves_all >"$tmp/drop.out" 2>&1
    for namespace in "$host" "$inet"; do
        ip netns pids "$namespace" | xargs -r kill 2>/dev/null
        ip netns del "$namespace"
    done
}
on_host() { ip netns exec "$host" "$@"; }
ip -n "$host" link add name toinet type veth peer name tohost netns "$inet"
ip -n "$host" link set lo up
ip -n "$host" addr add "$near4/24" dev toinet
ip -n "$host" addr add 2606:2800:220:1::1/64 dev toinet nodad
ip -n "$host" link set toinet up
ip -n "$inet" link set lo up
ip -n "$inet" addr add "$v4/24" dev tohost
ip -n "$inet" addr add "$v6/64" dev tohost nodad
ip -n "$inet" link set tohost up
# What must never be reached has somebody to answer, on the host's loopback and at the metadata address.
ip -n "$host" addr add 169.254.169.254/32 dev lo

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=site.example -addext "subjectAltName=DNS:site.example,DNS:changing.example,IP:$v4,IP:$v6" \
    -keyout "$tmp/site.key" -out "$tmp/site.pem" 2>"$tmp/err" || fail "openssl req"
start internet ip netns exec "$inet" python3 "$here/network/internet.py" "$tmp/site.pem" "$tmp/site.key" "$v4" "$v6"
wait_for 20 grep -q ready "$tmp/internet.log"
secret='HTTP/1.0 200 OK\r\n\r\nthe secret of the host\n'
for address in 169.254.169.254 127.0.0.2; do
    start "secret_at_$address" on_host vcat --listen --keep "tcp:$address:80" -- printf "$secret"
    secret_is_out() { on_host curl -s --max-time 5 "http://$address/" | grep -q secret; }
    wait_for 10 secret_is_out
done

# curl and dig of this machine with their libraries, in an application that only has a shell on a port.
test_application "$tmp/app"
mkdir -p "$tmp/app/opt/test/lib" "$tmp/app/opt/test/bin" "$tmp/app/usr/bin"
for program in curl dig; do
    binary=$(command -v "$program")
    cp "$binary" "$tmp/app/opt/test/bin/"
    ldd "$binary" | grep -oE '/[^ ]+' | while read -r library; do cp -L "$library" "$tmp/app/opt/test/lib/"; done
    cat >"$tmp/app/usr/bin/$program" <<END
#!/bin/sh
exec /opt/test/lib/ld-linux-$(uname -m | tr _ -).so.2 --library-path /opt/test/lib /opt/test/bin/$program "\$@"
END
    chmod 755 "$tmp/app/usr/bin/$program"
done
cp "$tmp/site.pem" "$tmp/app/opt/test/site.pem"
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
    ports: [53, 123, 8443, 8444]
  - allow: 2606:2800:220:1::/64
END
network="--network --policy $tmp/policy.yaml --nameserver $v4 --publish 9000-9003 --authorized-keys none"
# shellcheck disable=SC2086  # several words
rbuilds --output "$tmp/out" --name net --app "$tmp/app" $network --cmd make_eif >"$tmp/make.log" 2>&1 || fail "the image was not made"
vsock=$RBUILDS_STATE/vsock
# shellcheck disable=SC2086
on_host "$top/rbuilds/rbuilds.sh" --output "$tmp/out" --name net --memory 1024 $network --cmd run_eif_image >"$tmp/run.log" 2>&1 || fail "the enclave did not start"
wait_for 150 guest_answers 16

# says TEXT COMMANDS: what commands in the enclave print has TEXT in it.
says() {
    in_guest 16 "$2 2>&1" >"$tmp/said"
    grep -qF -- "$1" "$tmp/said" || fail "'$2' does not say '$1' but: $(head -c 600 "$tmp/said")"
}
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
    says 'heard ping' "exec 3<>/dev/udp/$address/123; printf ping >&3; timeout 5 head -c 10 <&3"
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
