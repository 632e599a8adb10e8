# shellcheck shell=bash
# The network of an enclave: pf-proxy in the image and on the host, see pf-proxy(1) and policy(5). What the enclave may
# reach is measured with the image; the host's side has the same policy for its own sake.
#
# Forward: what programs in the enclave connect to is caught there and asked for on the host. Reverse: what comes to the
# host's published ports goes to the same ports of the enclave, with a PROXY header that the enclave's side always takes off.

readonly NETWORK_PORT=15000   # vsock port of the host's side
readonly CAUGHT_PORT=15001    # where the enclave's side listens; the default of pf-proxy rules
readonly NETWORK_SECONDS=10   # for a proxy on the host to listen
readonly MOST_RANGES=64       # of published ports, in the rules of pf-proxy
readonly MOST_PORTS=1000      # each is a listener of one pf-proxy

network_forward() { [[ ${OPT[network]} == yes || ${OPT[forward-network]} == yes ]]; }
network_reverse() { [[ ${OPT[network]} == yes || ${OPT[reverse-network]} == yes ]]; }

network_check() {
    if network_forward; then
        [[ -n ${OPT[policy]} ]] || usage_error "an enclave that shall reach the network needs --policy FILE" "policy(5) says what is in it"
        [[ ${OPT[nameserver]} =~ ^[][0-9a-fA-F.:]*$ ]] || usage_error "--nameserver ${OPT[nameserver]}: expected an address"
    elif [[ -n ${OPT[policy]}${OPT[nameserver]} ]]; then
        usage_error "--policy and --nameserver go with --forward-network or --network"
    fi
    if network_reverse; then
        [[ ${OPT[publish]} =~ ^(.+:)?[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$ ]] ||
            usage_error "an enclave that shall be reached needs --publish PORTS" "such as 443,9000-9100, or 127.0.0.1:8080"
        published_check
        [[ ${OPT[client-address]} =~ ^(peer|v1|v2)$ ]] || usage_error "--client-address ${OPT[client-address]}: expected peer, v1 or v2"
    elif [[ -n ${OPT[publish]} || ${OPT[client-address]} != peer ]]; then
        usage_error "--publish and --client-address go with --reverse-network or --network"
    fi
}

published_check() {
    local range first last ranges=0 ports=0 host
    host=$(published_host)
    [[ $host =~ ^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$ ]] || usage_error "--publish: $host is no address of the host" "IPv6 stands in brackets"
    for range in $(published_ports | tr , ' '); do
        first=${range%-*} last=${range#*-}
        ((${#first} <= 5 && ${#last} <= 5 && 10#$first >= 1 && 10#$first <= 10#$last && 10#$last <= 65534)) ||
            usage_error "--publish: $range is no port and no range of ports"
        ranges=$((ranges + 1)) ports=$((ports + 10#$last - 10#$first + 1))
    done
    ((ranges <= MOST_RANGES && ports <= MOST_PORTS)) || usage_error "--publish: more than $MOST_RANGES ranges or $MOST_PORTS ports"
}

published_ports() { printf '%s' "${OPT[publish]##*:}"; }
# The host's address for them; where none is named all, which [::] is for IPv4, too.
published_host() {
    if [[ ${OPT[publish]} == *:* ]]; then
        printf '%s' "${OPT[publish]%:*}"
    elif [[ -e /proc/net/if_inet6 ]]; then
        printf '[::]'
    else
        printf '0.0.0.0'
    fi
}

# network_overlay FOLDER APP: lay services, policy and resolv.conf under FOLDER.
network_overlay() {
    local root=$1/etc/enclavebox app=$2 early
    network_forward || network_reverse || return 0
    mkdir -p "$root/services"
    early=$(service_names "$app" | paste -sd , | sed 's/,/, /g')
    if network_forward; then
        policy_check
        cp "${OPT[policy]}" "$root/policy.yaml"
        printf 'nameserver 127.0.0.1\n' >"$1/etc/resolv.conf"
        forward_rules_service "$early" >"$root/services/network-rules.yaml"
        forward_service "$early" >"$root/services/network.yaml"
    fi
    if network_reverse; then
        [[ ${OPT[client-address]} != peer ]] || reverse_rules_service >"$root/services/network-in-rules.yaml"
        reverse_service >"$root/services/network-in.yaml"
    fi
    normal_modes "$1/etc"
}

# A program that starts before its network would be refused what it is allowed.
service_names() {
    if [[ -d $1 ]]; then
        find "$1/etc/enclavebox/services" -name '*.yaml' -printf '%f\n'
    else
        sed -nE 's,^(\./|/)?etc/enclavebox/services/([^/]+\.yaml)$,\2,p' "$RUN_DIR/app.list"
    fi | sed 's/\.yaml$//' | LC_ALL=C sort
}

policy_check() {
    local status=0
    "$(tool pf-proxy)" vsock-to-ip-transparent --policy "${OPT[policy]}" --explain example.com:443 >"$RUN_DIR/policy.log" 2>&1 || status=$?
    ((status <= 1)) || die "$EX_CONFIG" "$(head -n 1 "$RUN_DIR/policy.log" | sed 's/^pf-proxy: //')"
}

forward_rules_service() {
    cat <<END
# What the policy allows leads to pf-proxy, and nothing else leads anywhere; see pf-proxy(1), RULES.
exec: [/opt/enclavebox/bin/pf-proxy, rules, --apply, --policy, /etc/enclavebox/policy.yaml, ip-to-vsock-transparent]
type: oneshot
END
    [[ -z $1 ]] || printf 'before: [%s]\n' "$1"
}

forward_service() {
    cat <<END
# Carries what the rules catch to the host, and answers DNS.
exec: [/opt/enclavebox/bin/pf-proxy, ip-to-vsock-transparent, --ready-fd, "3", --policy, /etc/enclavebox/policy.yaml, --dns, "127.0.0.1", --pin-routes, --hold,
  ${OPT[nameserver]:+--nameserver, \"${OPT[nameserver]}\", }--listen, "tcp:[::1]:$CAUGHT_PORT", --listen, "udp:127.0.0.1:$CAUGHT_PORT",
  --listen, "udp:[::1]:$CAUGHT_PORT", "tcp:127.0.0.1:$CAUGHT_PORT", "vsock:parent:$NETWORK_PORT"]
type: ready-fd
ready: {fd: 3}
requires: [network-rules]
restart: always
sidecar: true
END
    [[ -z $1 ]] || printf 'before: [%s]\n' "$1"
}

reverse_rules_service() {
    cat <<END
# Answers to clients, whose addresses connections to published ports bear, go to pf-proxy; see pf-proxy(1), RULES.
exec: [/opt/enclavebox/bin/pf-proxy, rules, --apply, --source, client, --ports, "$(published_ports)", transparent-port-to-vsock]
type: oneshot
END
}

# The parent alone may say who a client is: not the enclave's own programs, by its loopback, and no other enclave.
reverse_service() {
    local range first='' told=(--source client)
    [[ ${OPT[client-address]} == peer ]] || told=(--proxy-out "${OPT[client-address]}")
    printf '# Carries what the host sends to a published port to that port of the loopback, and tells who the client is.\n'
    printf 'exec: [/opt/enclavebox/bin/pf-proxy, transparent-port-to-vsock, --ready-fd, "3", --allow-cid, "2", --allow-cid, "3",\n'
    printf '  --proxy-in, %s, %s' "${told[@]}"
    for range in $(published_ports | tr , ' '); do
        if [[ -z $first ]]; then first=$range; else printf ', --listen, "vsock:any:%s"' "$range"; fi
    done
    printf ', "vsock:any:%s", "tcp:localhost"]\n' "$first"
    cat <<END
type: ready-fd
ready: {fd: 3}
restart: always
sidecar: true
END
    [[ ${OPT[client-address]} != peer ]] || printf 'requires: [network-in-rules]\n'
}

# network_start NAME: the host's side, while the enclave is started.
network_start() {
    local folder=$STATE/enclaves/$1 cid range first=''
    local -a words=() environment=()
    cid=$(<"$folder/cid")
    if network_forward; then
        policy_check
        if [[ $(backend) == nitro ]]; then words=(--allow-cid "$cid" "vsock:any:$NETWORK_PORT"); else words=("unix:$STATE/vsock/$cid.sock_$NETWORK_PORT"); fi
        # Both sides have to find the same addresses for a name.
        [[ -z ${OPT[nameserver]} ]] || words=(--nameserver "${OPT[nameserver]}" "${words[@]}")
        network_process "$folder" network "$(tool pf-proxy)" vsock-to-ip-transparent --policy "$(realpath -- "${OPT[policy]}")" "${words[@]}"
    fi
    network_reverse || return 0
    words=()
    for range in $(published_ports | tr , ' '); do
        if [[ -z $first ]]; then first=$range; else words+=(--listen "tcp:$(published_host):$range"); fi
    done
    [[ $(backend) == nitro ]] || environment=("ENCLAVEBOX_VSOCK_DIR=$STATE/vsock")
    network_process "$folder" network-in env "${environment[@]}" "$(tool pf-proxy)" transparent-port-to-vsock --proxy-out v2 "${words[@]}" "tcp:$(published_host):$first" "$cid"
}

# network_process FOLDER NAME COMMAND...: start it, and see that it listens.
network_process() {
    local folder=$1 name=$2; shift 2
    detached "$folder/$name" "$@"
    wait_until "$NETWORK_SECONDS" network_decided "$folder/$name"
    grep -q 'msg=listening' "$folder/$name.log" && return 0
    tail -n 5 "$folder/$name.log" | sed 's/^/  | /' >&3
    network_stop "$folder"
    rm -rf "$folder"
    die "$EX_UNAVAILABLE" "the host's side of the network did not start"
}

network_decided() { grep -q 'msg=listening' "$1.log" || process_gone "$1.pid"; }

network_stop() {
    process_end "$1/network.pid"
    process_end "$1/network-in.pid"
}
