# Shared by the scenarios of pf-proxy: starting it until it listens, and the peer that speaks to it.
# shellcheck shell=sh disable=SC2154,SC2034  # $tmp is of scenario.sh, $port for who sources this
. "$(dirname "$0")/lib.sh"
need python3
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
PATH=$ENCLAVEBOX_BUILD/tools/pf-proxy:$PATH

# proxy NAME WORD...: pf-proxy in the background, ready; its log in $tmp/NAME.log, its id in $started.
proxy() {
    proxy_name=$1
    shift
    rm -f "$tmp/$proxy_name.ready"
    "${PF_PROXY:-pf-proxy}" "$@" --ready-fd 3 3>"$tmp/$proxy_name.ready" >"$tmp/$proxy_name.log" 2>&1 </dev/null &
    started=$!
    jobs_started="$jobs_started $started"
    wait_for 10 test -s "$tmp/$proxy_name.ready"
}

# port_of NAME [N]: the TCP port that its Nth listener has got.
port_of() { sed -n 's/.*msg=listening address=tcp:.*:\([0-9]*\)$/\1/p' "$tmp/$1.log" | sed -n "${2:-1}p"; }
metrics_port_of() { sed -n 's/.*msg=metrics address=tcp:.*:\([0-9]*\)$/\1/p' "$tmp/$1.log"; }

# peer CASE WORD...: one case of pf_proxy_peer.py, which has to hold.
peer() {
    python3 "$(dirname "$0")/pf_proxy_peer.py" "$@" >"$tmp/peer.log" 2>&1 ||
        fail "$* ($(tail -n 5 "$tmp/peer.log" | head -c 600))"
    passed "$*"
}

# relay_server NAME ADDRESS: the server of the relay's contract, its TCP port in $port.
relay_server() {
    start "$1" "$ENCLAVEBOX_BUILD/test/it/relay_peer" serve "$2"
    wait_for 10 grep -q '^port ' "$tmp/$1.log"
    port=$(sed -n 's/^port //p' "$tmp/$1.log")
}

# relay_cases NAME WORD...: the relay's contract holds; the words are those of relay_peer.
relay_cases() {
    relay_name=$1
    shift
    "$ENCLAVEBOX_BUILD/test/it/relay_peer" cases "$@" >"$tmp/cases.log" 2>&1 ||
        fail "$relay_name: $(tail -n 2 "$tmp/cases.log")"
    sed -n "s/^ok - \(.*\) (.*/ok - $relay_name: \1/p" "$tmp/cases.log"
}

# server NAME WORD...: a server of pf_proxy_peer.py on a port of its own, in $port.
server() {
    server_name=$1
    shift
    start "$server_name" python3 "$(dirname "$0")/pf_proxy_peer.py" "$@"
    wait_for 10 grep -q '^port ' "$tmp/$server_name.log"
    port=$(sed -n 's/^port //p' "$tmp/$server_name.log")
}

# metric NAME COUNTER: its value.
metric() {
    python3 "$(dirname "$0")/pf_proxy_peer.py" metric "$(metrics_port_of "$1")" "$2"
}
metric_is() { [ "$(metric "$1" "$2")" = "$3" ]; }
