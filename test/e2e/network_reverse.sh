#!/bin/sh
# Published ports: clients of three networks, which are namespaces here, reach nginx in an enclave. Its access log has their
# own addresses, as those of the connections in one enclave and from a PROXY header in another.
. "$(dirname "$0")/network/internet.sh"
[ "$(id -u)" -eq 0 ] || skip "network namespaces need root"
need ip curl nginx
test_image

ip netns add "$host" 2>"$tmp/err" || skip "network namespaces are closed here: $(head -n 1 "$tmp/err")"
wind_up() {
    [ ! -d "$RBUILDS_STATE/enclaves" ] || rbuilds --cmd drop_enclaves_all >"$tmp/drop.out" 2>&1
    for namespace in "$host" "$host.1" "$host.2" "$host.3"; do
        ip netns pids "$namespace" 2>/dev/null | xargs -r kill 2>/dev/null
        ip netns del "$namespace" 2>/dev/null
    done
}
ip -n "$host" link set lo up
for client in 1 2 3; do
    ip netns add "$host.$client" || fail "ip netns add"
    ip -n "$host" link add name "to$client" type veth peer name cable netns "$host.$client" || fail "a cable to a client"
    ip -n "$host" addr add "198.51.$client.1/24" dev "to$client"
    ip -n "$host" addr add "2001:db8:$client::1/64" dev "to$client" nodad
    ip -n "$host" link set "to$client" up
    ip -n "$host.$client" addr add "198.51.$client.7/24" dev cable
    ip -n "$host.$client" addr add "2001:db8:$client::7/64" dev cable nodad
    ip -n "$host.$client" link set cable up
done

# web_application PORTS WORD LOG: $tmp/app with nginx on these ports of the loopback, and on 9110 of IPv4's; WORD of its
# listeners, LOG the lines of its access log.
web_application() {
    rm -rf "$tmp/app"
    test_application "$tmp/app"
    mkdir -p "$tmp/app/opt/test/lib" "$tmp/app/opt/test/bin" "$tmp/app/usr/bin" "$tmp/app/tmp"
    bring nginx
    printf 'exec: [/usr/bin/nginx, -e, stderr, -c, /opt/test/nginx.conf]\n' >"$tmp/app/etc/enclavebox/services/web.yaml"
    cat >"$tmp/app/opt/test/nginx.conf" <<END
daemon off;
user root;
pid /tmp/nginx.pid;
events { worker_connections 512; }
http {
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    log_format who '$3';
    access_log /tmp/access.log who;
    server {
        listen 127.0.0.1:$1 $2;
        listen [::1]:$1 $2;
        listen 127.0.0.1:9110 $2;
        location / { return 200 "port \$server_port\n"; }
    }
}
END
}

# run_web NAME WORD...: an enclave of $tmp/app, made and run with these words besides.
run_web() {
    name=$1
    shift
    rbuilds --output "$tmp/$name" --name "$name" --app "$tmp/app" --reverse-network "$@" --authorized-keys none --cmd make_eif >"$tmp/make.log" 2>&1 ||
        fail "the image was not made"
    on_host "$top/rbuilds/rbuilds.sh" --output "$tmp/$name" --name "$name" --memory 768 --reverse-network "$@" --cmd run_eif_image >"$tmp/run.log" 2>&1 ||
        fail "the enclave did not start"
}
web_application 9000-9100 '' '$server_port $remote_addr'
run_web peer --publish 9000-9100,9110-9111
web_application 9200-9201 proxy_protocol '$proxy_protocol_server_port $proxy_protocol_addr $remote_addr'
run_web told --publish 9200-9201 --client-address v2
vsock=$RBUILDS_STATE/vsock

# from_client N WORD...: curl there.
from_client() {
    from=$host.$1
    shift
    ip netns exec "$from" curl -sS --max-time 60 "$@" 2>&1
}
# expect_port PORT N URL
expect_port() { expect_equal "$3" "$(from_client "$2" "$3")" "port $1"; }
# expect_log CID FILE: the access log has these lines, in any order, and no others.
has_lines() {
    in_guest "$1" 'cat /tmp/access.log' | sort >"$tmp/access"
    cmp -s "$2" "$tmp/access"
}
expect_log() {
    sort "$2" >"$2.sorted"
    holds 20 has_lines "$1" "$2.sorted" || fail "the access log differs: $(diff "$2.sorted" "$tmp/access" | head -n 10)"
}
wait_for 150 guest_answers 16
wait_for 60 from_client 1 -f -o "$tmp/first" http://198.51.1.1:9000/
in_guest 16 ': >/tmp/access.log' >"$tmp/said"

seq -f 'port %g' 9000 9100 >"$tmp/all"
for client in 1 2 3; do
    for address in "198.51.$client" "2001:db8:$client:"; do
        near=$address.1 far=$address.7
        case $address in *:*) near="[$address:1]" far=$address:7 ;; esac
        from_client "$client" "http://$near:[9000-9100]/" >"$tmp/got"
        expect_same "$tmp/all" "$tmp/got"
        seq -f "%g $far" 9000 9100 >>"$tmp/wanted"
    done
done
expect_log 16 "$tmp/wanted"
passed "three clients reach ports 9000 to 9100, which log the clients' own addresses, of IPv4 and IPv6"

expect_port 9110 2 'http://[2001:db8:2::1]:9110/'
expect_equal "curl of the host itself" "$(on_host curl -sS http://127.0.0.1:9000/ 'http://[::1]:9000/')" "$(printf 'port 9000\nport 9000')"
printf '%s\n' '9110 192.0.0.1' '9000 192.0.0.1' '9000 fd65:6e63:6c61:7665::2' >>"$tmp/wanted"
expect_log 16 "$tmp/wanted"
passed "who is of the host itself, or comes by IPv6 where only IPv4 is listened on, is the parent"

for url in http://198.51.1.1:8999/ http://198.51.1.1:9101/ 'http://[2001:db8:1::1]:8999/' 'http://[2001:db8:1::1]:9101/'; do
    from_client 1 -v "$url" >"$tmp/said"
    expect_text "$tmp/said" "Connection refused"
done
passed "a port outside of the set is refused"
for url in http://198.51.1.1:9111/ 'http://[2001:db8:1::1]:9111/'; do
    began=$(date +%s)
    from_client 1 -v "$url" >"$tmp/said" && fail "somebody answers at $url"
    [ "$(($(date +%s) - began))" -le 3 ] || fail "$url was left hanging"
    expect_text "$tmp/said" "Connection reset"
done
passed "a port where nobody listens in the enclave is reset at once"

# Nobody in the enclave may say who a client is, nor may the host say just anything.
in_guest 16 'printf "PROXY TCP4 198.51.1.9 198.51.1.1 1 2\r\nGET / HTTP/1.0\r\n\r\n" | timeout 5 /opt/enclavebox/bin/vcat vsock:local:9000 2>&1' >"$tmp/said"
if grep -q 'port 9000' "$tmp/said"; then fail "a program in the enclave played a client"; fi
for header in '' 'PROXY UNKNOWN' 'PROXY TCP4 192.0.0.4 198.51.1.1 1 2'; do
    printf '%s\r\nGET / HTTP/1.0\r\n\r\n' "$header" | to_guest 16 9000 >"$tmp/hostile" 2>&1
    if grep -q 'port 9000' "$tmp/hostile"; then fail "the host went without a client: $header"; fi
done
in_guest 16 'initctl logs' >"$tmp/said"
for why in "not an allowed CID" "bad header" "the header names no client" "nobody is such a client"; do expect_text "$tmp/said" "$why"; done
expect_log 16 "$tmp/wanted"
passed "a program in the enclave cannot play a client, and the host not nobody or a program of the enclave"

wait_for 150 guest_answers 17
wait_for 60 from_client 1 -f -o "$tmp/first" http://198.51.1.1:9200/
in_guest 17 ': >/tmp/access.log' >"$tmp/said"
for client in 1 2 3; do
    expect_port 9201 "$client" "http://198.51.$client.1:9201/"
    expect_port 9200 "$client" "http://[2001:db8:$client::1]:9200/"
    printf '%s\n' "9201 198.51.$client.7 127.0.0.1" "9200 2001:db8:$client::7 127.0.0.1" >>"$tmp/wanted.told"
done
expect_log 17 "$tmp/wanted.told"
passed "with a PROXY header the log has the same addresses"
