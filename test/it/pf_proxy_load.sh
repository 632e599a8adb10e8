#!/bin/sh
# Many connections through pf-proxy: idle ones that stay while others come and go, each with bytes of
# its own both ways. Nothing is lost, wrong or stuck, memory stays flat, no descriptor stays behind.
# Then the same without descriptors enough.
#
# Larger by IDLE_PAIRS, RATE (new connections a second), LOAD_SECONDS and TARGET: tcp, unix, or wire, which is a near side
# in a network namespace that redirects, and its far side:
#   IDLE_PAIRS=10000 RATE=2000 LOAD_SECONDS=600 ENCLAVEBOX_BUILD=$PWD/build test/it/pf_proxy_load.sh
: "${IDLE_PAIRS:=500}" "${RATE:=500}" "${LOAD_SECONDS:=10}" "${TARGET:=tcp}"
if [ "$TARGET" = wire ]; then
    . "$(dirname "$0")/pf_proxy_namespace.sh"
else
    . "$(dirname "$0")/pf_proxy_lib.sh"
fi
most=2000
load=$ENCLAVEBOX_BUILD/test/it/relay_load

# A pair is two descriptors. Where a process may not have so many, workers have them together.
# shellcheck disable=SC3045  # the shells there are know it
limit=$(ulimit -H -n)
[ "$limit" != unlimited ] || limit=1048576
# shellcheck disable=SC3045
ulimit -n "$limit"
workers=$((2 * (IDLE_PAIRS + most + 100) / limit + 1))
[ $((IDLE_PAIRS + most + 100)) -lt "$limit" ] || skip "$limit descriptors are too few for the client"

case $TARGET in
tcp) host=127.0.0.1 ;;
wire) host=198.51.100.7 ;;
unix) host= ;;
*) fail "TARGET is $TARGET" ;;
esac
[ "$TARGET" != wire ] || ip address add "$host/32" dev lo
address=unix:$tmp/server
[ -z "$host" ] || address=tcp:$host:0
start server "$load" serve "$address"
wait_for 10 grep -q '^port ' "$tmp/server.log"
[ -z "$host" ] || address=tcp:$host:$(sed -n 's/^port //p' "$tmp/server.log")

enter=
if [ "$TARGET" = wire ]; then
    make_enclave
    inside ip address add 10.0.0.1/32 dev lo
    inside ip route add default dev lo src 10.0.0.1
    enter="nsenter -t $enclave -n"
    # All connections go to one port of one address, so a port of ours has to be used again within a minute.
    echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse
    inside sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse'
    printf 'rules:\n  - allow: %s\n' "$host" >"$tmp/policy.yaml"
fi

# limited DESCRIPTORS [COMMAND...]: how proxy() starts pf-proxy from now on.
PF_PROXY=$tmp/limited
limited() {
    descriptors_each=$1
    shift
    # shellcheck disable=SC2016  # it is the script's
    printf '#!/bin/sh\nulimit -n %s\nexec %s pf-proxy "$@"\n' "$descriptors_each" "$*" >"$PF_PROXY"
    chmod +x "$PF_PROXY"
}

# begin DESCRIPTORS WORKERS: what carries to $address from $entrance; its processes in $relays, the first of them the relay.
begin() {
    if [ "$TARGET" != wire ]; then
        limited "$1"
        proxy relay ip-to-vsock --workers "$2" --metrics tcp:127.0.0.1:0 tcp:127.0.0.1:0 "$address"
        relays=$started
        entrance=tcp:127.0.0.1:$(port_of relay)
        return
    fi
    limited "$1"
    proxy far vsock-to-ip-transparent --workers "$2" --policy "$tmp/policy.yaml" "unix:$tmp/far"
    far=$started
    limited "$1" "$enter"
    proxy relay ip-to-vsock-transparent --workers "$2" --metrics tcp:127.0.0.1:0 tcp:127.0.0.1:0 "unix:$tmp/far"
    relays="$started $far"
    inside nft -f - <<END || skip "this kernel translates no addresses"
table inet redirecting
delete table inet redirecting
table inet redirecting {
    chain output {
        type nat hook output priority -100
        ip daddr $host meta l4proto tcp redirect to :$(port_of relay)
    }
}
END
    entrance=$address
}

# The worker processes, or the one that there is of each.
processes() { for each in $relays; do pgrep -P "$each" || echo "$each"; done; }
memory_kib() { for each in $(processes); do sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$each/status"; done | awk '{ sum += $1 } END { print sum }'; }
descriptors() { for each in $(processes); do ls "/proc/$each/fd"; done | wc -l; }
# Beside them a process may keep 16 empty pipes for the next bytes to be spliced.
lasting() { for each in $(processes); do find "/proc/$each/fd" -type l -printf '%l\n'; done | grep -v '^pipe:' | sort; }
lasting_are() { [ "$(lasting)" = "$1" ]; }
pipes_kept() { [ "$(descriptors)" -le "$(($1 + 32 * $(processes | wc -l)))" ]; }

counted() { sed -n "s/^pf_proxy_$1 //p" "$tmp/metrics"; }
# sample WORD: a line of figures, with the counters in $tmp/metrics and the memory in $memory.
sample() {
    # shellcheck disable=SC2086  # several words, or none
    printf 'GET /metrics HTTP/1.0\r\n\r\n' | $enter vcat "tcp:127.0.0.1:$(metrics_port_of relay)" | tr -d '\r' >"$tmp/metrics"
    memory=$(memory_kib)
    echo "$1: load $(cut -d ' ' -f 1 /proc/loadavg), memory $memory KiB, $(descriptors) descriptors," \
        "open $(counted connections_open), connected $(counted connected_total)," \
        "failed $(counted connect_failed_total), reset $(counted reset_total), pauses $(counted accept_pauses_total)"
}

begin "$limit" "$workers"
sample "before, $workers workers"
began_with=$(descriptors)
lasting=$(lasting)
# shellcheck disable=SC2086  # several words, or none
start client $enter "$load" run --idle "$IDLE_PAIRS" --rate "$RATE" --seconds "$LOAD_SECONDS" --most "$most" --tell 10 "$entrance"
client=$started
wait_for 60 grep -q 'idle connections$' "$tmp/client.log"
sample "idle pairs"

# What is there after a fifth of the time is what there is at the end.
pause=$((LOAD_SECONDS / 5))
[ $pause -ge 1 ] || pause=1
[ $pause -le 10 ] || pause=10
begun=$(date +%s)
settled=
highest=0
while kill -0 "$client" 2>/dev/null && [ $(($(date +%s) - begun)) -lt "$LOAD_SECONDS" ]; do
    sleep "$pause"
    passed_seconds=$(($(date +%s) - begun))
    sample "$passed_seconds s"
    [ "$memory" -le "$highest" ] || highest=$memory
    if [ -z "$settled" ] && [ $((passed_seconds * 5)) -ge "$LOAD_SECONDS" ]; then settled=$memory; fi
done
wait "$client" || fail "the load: $(tail -n 15 "$tmp/client.log")"
cat "$tmp/client.log"
[ ! -s "$tmp/server.log" ] || ! grep -q wrong "$tmp/server.log" || fail "$(grep wrong "$tmp/server.log")"
expect_text "$tmp/client.log" "$IDLE_PAIRS of $IDLE_PAIRS idle connections answered"
[ "$highest" -le $((settled + 4096)) ] || fail "memory grew from $settled to $highest KiB"
holds 10 lasting_are "$lasting" || fail "descriptors before: $lasting, after: $(lasting)"
pipes_kept "$began_with" || fail "$began_with descriptors before, $(descriptors) after"
sample after
expect_equal "open connections" "$(counted connections_open)" 0
expect_equal "failed connections" "$(counted connect_failed_total)" 0
passed "$IDLE_PAIRS idle pairs beside $((RATE * LOAD_SECONDS)) connections"

# Fewer descriptors than there would have to be: connections wait, and each is served.
# shellcheck disable=SC2086  # several words
kill $relays
begin 200 1
lasting=$(lasting)
# shellcheck disable=SC2086  # several words, or none
$enter "$load" run --rate 400 --seconds 3 --linger 300 --most 400 "$entrance" >"$tmp/few_load.log" 2>&1 ||
    fail "too few descriptors: $(tail -n 15 "$tmp/few_load.log")"
tail -n 2 "$tmp/few_load.log"
sample "too few descriptors"
[ "$(counted accept_pauses_total)" -gt 0 ] || fail "there were descriptors enough"
holds 10 lasting_are "$lasting" || fail "descriptors before: $lasting, after: $(lasting)"
passed "1200 connections with 200 descriptors"
