# Shared by the scenarios of enclaves with a network: a host and an internet, each a network namespace, applications that
# bring programs of this machine along, and an enclave that rbuilds gives a network. Sources lib.sh.
# shellcheck shell=sh disable=SC2034,SC2154  # what lib.sh has, and what it wants
#
#   make_internet NAME...  namespaces $host and $inet, and internet.py; its certificate $tmp/site.pem is for these names
#   on_host, on_internet   run a command there
#   make_application       $tmp/app: a shell on a port for tests, and the certificate
#   bring PROGRAM...       into it, with their libraries, as /usr/bin/NAME
#   run_enclave            CID 16, of $tmp/app with $tmp/policy.yaml and its ports 9000 to 9003 published
#   says TEXT COMMANDS     what commands in the enclave print has TEXT in it

. "$(dirname "$0")/lib.sh"

host=ebhost$$ inet=ebinet$$
v4=93.184.216.34 v6=2606:2800:220:1::34 near4=93.184.216.1

on_host() { ip netns exec "$host" "$@"; }
on_internet() { ip netns exec "$inet" "$@"; }

wind_up() {
    [ ! -d "$RBUILDS_STATE/enclaves" ] || rbuilds --cmd drop_enclaves_all >"$tmp/drop.out" 2>&1
    for namespace in "$host" "$inet"; do
        ip netns pids "$namespace" 2>/dev/null | xargs -r kill 2>/dev/null
        ip netns del "$namespace" 2>/dev/null
    done
}

make_internet() {
    [ "$(id -u)" -eq 0 ] || skip "network namespaces need root"
    need ip curl dig python3 openssl
    ip netns add "$host" 2>"$tmp/err" || skip "network namespaces are closed here: $(head -n 1 "$tmp/err")"
    ip netns add "$inet" || fail "ip netns add"
    ip -n "$host" link add name toinet type veth peer name tohost netns "$inet"
    ip -n "$host" link set lo up
    ip -n "$host" addr add "$near4/24" dev toinet
    ip -n "$host" addr add 2606:2800:220:1::1/64 dev toinet nodad
    ip -n "$host" link set toinet up
    ip -n "$inet" link set lo up
    ip -n "$inet" addr add "$v4/24" dev tohost
    ip -n "$inet" addr add "$v6/64" dev tohost nodad
    ip -n "$inet" link set tohost up
    names=$(printf 'DNS:%s,' "$@")
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=site.example -addext "subjectAltName=${names}IP:$v4,IP:$v6" \
        -keyout "$tmp/site.key" -out "$tmp/site.pem" 2>"$tmp/err" || fail "openssl req"
    start internet ip netns exec "$inet" python3 "$here/network/internet.py" "$tmp/site.pem" "$tmp/site.key" "$v4" "$v6"
    wait_for 20 grep -q ready "$tmp/internet.log"
}

make_application() {
    test_application "$tmp/app"
    mkdir -p "$tmp/app/opt/test/lib" "$tmp/app/opt/test/bin" "$tmp/app/usr/bin"
    cp "$tmp/site.pem" "$tmp/app/opt/test/site.pem"
}

bring_libraries() {
    ldd "$@" | sed -nE 's/.* (\/[^ ]+) \(0x.*/\1/p; s/^\t(\/[^ ]+) \(0x.*/\1/p' | sort -u >"$tmp/libraries"
    while read -r library; do cp -L "$library" "$tmp/app/opt/test/lib/"; done <"$tmp/libraries"
}

bring() {
    for program; do
        binary=$(command -v "$program")
        program=${program##*/}
        cp -L "$binary" "$tmp/app/opt/test/bin/$program"
        bring_libraries "$binary"
        cat >"$tmp/app/usr/bin/$program" <<END
#!/bin/sh
exec /opt/test/lib/ld-linux-$(uname -m | tr _ -).so.2 --library-path /opt/test/lib /opt/test/bin/$program "\$@"
END
        chmod 755 "$tmp/app/usr/bin/$program"
    done
}

run_enclave() {
    network="--network --policy $tmp/policy.yaml --nameserver $v4 --publish 9000-9003 --authorized-keys none"
    # shellcheck disable=SC2086  # several words
    rbuilds --output "$tmp/out" --name net --app "$tmp/app" $network --cmd make_eif >"$tmp/make.log" 2>&1 || fail "the image was not made"
    vsock=$RBUILDS_STATE/vsock
    # shellcheck disable=SC2086
    on_host "$top/rbuilds/rbuilds.sh" --output "$tmp/out" --name net --memory 1024 $network --cmd run_eif_image >"$tmp/run.log" 2>&1 || fail "the enclave did not start"
    wait_for 150 guest_answers 16
}

says() {
    in_guest 16 "$2 2>&1" >"$tmp/said"
    grep -qF -- "$1" "$tmp/said" || fail "'$2' does not say '$1' but: $(head -c 600 "$tmp/said")"
}
