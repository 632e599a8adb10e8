# Shared by the scenarios of pf-proxy that need a network of their own: the scenario begins anew in a network namespace,
# which plays the internet where there is an enclave beside it.
# shellcheck shell=sh disable=SC2154,SC2120  # $tmp and $started are of scenario.sh and programs.sh; words are optional

# Before anything else is there; without root in a user namespace.
if [ -z "${PF_PROXY_NAMESPACE-}" ]; then
    own=-n
    [ "$(id -u)" -eq 0 ] || own=-rn
    if unshare $own true 2>/dev/null; then PF_PROXY_NAMESPACE=1 exec unshare $own sh "$0"; fi
fi
. "$(dirname "$0")/pf_proxy_lib.sh"
[ -n "${PF_PROXY_NAMESPACE-}" ] || skip "no network namespace may be made"
need ip nft nsenter
ip link set lo up || skip "the loopback cannot be brought up"

# make_enclave [FILE]: another network namespace, which lives as long as $enclave; with FILE as its resolv.conf(5).
make_enclave() {
    enclave_spaces=-n
    if [ "$#" -eq 0 ]; then
        start enclave unshare -n sh -c 'echo ready; exec sleep 600'
    else
        enclave_spaces='-m -n'
        start enclave unshare -mn sh -c "mount --bind '$1' /etc/resolv.conf && echo ready && exec sleep 600"
    fi
    enclave=$started
    holds 10 grep -q ready "$tmp/enclave.log" || skip "no namespaces beside this one may be made"
    inside ip link set lo up
}

# inside COMMAND...: in the enclave.
# shellcheck disable=SC2086  # several words
inside() { nsenter -t "$enclave" $enclave_spaces "$@"; }

# in_enclave CASE WORD...: one case of $application there, which has to hold.
application=pf_proxy_peer.py
in_enclave() {
    inside python3 "$(realpath "$(dirname "$0")")/$application" "$@" >"$tmp/peer.log" 2>&1 ||
        fail "$* ($(tail -n 5 "$tmp/peer.log" | head -c 600))"
    passed "$*"
}

# proxies_inside: proxy() starts pf-proxy in the enclave from now on.
proxies_inside() {
    PF_PROXY=$tmp/inside
    # shellcheck disable=SC2016  # it is the script's
    printf '#!/bin/sh\nexec nsenter -t %s %s pf-proxy "$@"\n' "$enclave" "$enclave_spaces" >"$PF_PROXY"
    chmod +x "$PF_PROXY"
}

# device_for_rules [COMMAND...]: where the kernel has no dummy devices a pair of others stands for one. COMMAND, such as
# inside, says where.
device_for_rules() {
    if "$@" ip link add probe type dummy 2>/dev/null; then
        "$@" ip link del probe
        return
    fi
    "$@" ip link add enclave0 type veth peer name peer0 || skip "neither dummy nor veth devices"
    for device in enclave0 peer0; do
        "$@" sh -c "echo 1 >/proc/sys/net/ipv6/conf/$device/addr_gen_mode"
        "$@" ip link set "$device" mtu 65535 up
    done
}
