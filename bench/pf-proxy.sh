#!/bin/bash
# pf-proxy beside socat, haproxy in TCP mode and nginx's stream proxy, each between the same client and the same
# server on this machine: bulk by iperf3, answers of 64 B and 16 KiB, new connections, idle pairs. All in turn, the
# median of the rounds counts. Prints figures, ratios, processor time, memory and the machine.
#
#   bench/pf-proxy.sh [BUILD_FOLDER]
#
# SECONDS_EACH is how long each measure takes (3), ROUNDS how often (3), IDLE the number of idle pairs (10000). Peers that
# are not installed are left out. Every proxy runs as one process; haproxy with one thread.
set -u

# shellcheck source=bench/pf-proxy/common.sh
. "$(dirname "$0")/pf-proxy/common.sh" pf-proxy load "${1-}"
idle=${IDLE:-10000}
((idle <= most)) || idle=$most
echo_port=$base iperf_port=$((base + 1))
"$tmp/load" serve "$echo_port" &
if have iperf3; then iperf3 -s -B 127.0.0.1 -p "$iperf_port" >/dev/null 2>&1 & fi

# Each proxy carries two ports: to the echo server and to iperf3.
declare -A echo_of=([direct]=$echo_port) bulk_of=([direct]=$iperf_port) pid_of=()
next=$((base + 10))
add() { # NAME PID
    names+=" $1" echo_of[$1]=$next bulk_of[$1]=$((next + 1)) pid_of[$1]=$2
    next=$((next + 10))
}
"$proxy" ip-to-vsock --max-connections 65536 "tcp:127.0.0.1:$next" "tcp:127.0.0.1:$echo_port" 2>"$tmp/ours.log" &
ours=$!
"$proxy" ip-to-vsock "tcp:127.0.0.1:$((next + 1))" "tcp:127.0.0.1:$iperf_port" 2>"$tmp/ours.bulk.log" &
add pf-proxy "$ours"
if have socat; then
    socat -b 65536 "TCP-LISTEN:$next,bind=127.0.0.1,fork,reuseaddr,backlog=1024,nodelay" "TCP:127.0.0.1:$echo_port,nodelay" 2>/dev/null &
    listener=$!
    socat -b 65536 "TCP-LISTEN:$((next + 1)),bind=127.0.0.1,fork,reuseaddr" "TCP:127.0.0.1:$iperf_port" 2>/dev/null &
    add socat "$listener"
fi
if have haproxy; then
    cat >"$tmp/haproxy.cfg" <<END
global
    maxconn $((most < 65536 ? most : 65536))
    maxpipes 200
    nbthread 1
defaults
    mode tcp
    option splice-auto
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen echo
    bind 127.0.0.1:$next
    server one 127.0.0.1:$echo_port
listen bulk
    bind 127.0.0.1:$((next + 1))
    server one 127.0.0.1:$iperf_port
END
    haproxy -db -f "$tmp/haproxy.cfg" >"$tmp/haproxy.log" 2>&1 &
    add haproxy $!
fi
if have nginx; then
    nginx_proxies <<END
proxy_timeout 1h;
server { listen 127.0.0.1:$next backlog=4096; proxy_pass 127.0.0.1:$echo_port; }
server { listen 127.0.0.1:$((next + 1)); proxy_pass 127.0.0.1:$iperf_port; }
END
    add nginx $!
fi
for name in $names; do
    for _ in {1..50}; do
        (exec 3<>"/dev/tcp/127.0.0.1/${echo_of[$name]}") 2>/dev/null && break
        sleep 0.1
    done
done

# spent NAME: processor time of its process so far, in ticks.
spent() { awk '{ print $14 + $15 + $16 + $17 }' "/proc/${pid_of[$1]:-self}/stat"; }

for ((round = 0; round < rounds; round++)); do
    for name in $names; do
        if have iperf3; then
            rate=$(iperf3 -c 127.0.0.1 -p "${bulk_of[$name]}" -t "$seconds" -J 2>/dev/null |
                awk '/"sum_received"/ { inside = 1 } inside && /bits_per_second/ { gsub(/[^0-9.e+]/, "", $2); print $2 / 1e9; exit }')
            keep bulk "$name" "${rate:-0}"
        fi
        keep ask64 "$name" "$("$tmp/load" ask "${echo_of[$name]}" 64 16 "$seconds" | cut -d ' ' -f 1)"
        keep ask16k "$name" "$("$tmp/load" ask "${echo_of[$name]}" 16384 16 "$seconds" | cut -d ' ' -f 1)"
        spent=$(spent "$name")
        rate=$("$tmp/load" connect "${echo_of[$name]}" 32 "$seconds" | cut -d ' ' -f 1)
        keep connect "$name" "$rate"
        keep cost "$name" "$(awk -v t="$(($(spent "$name") - spent))" -v n="$((rate * seconds))" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.1f", (n > 0) ? t / hz / n * 1e6 : 0 }')"
    done
done

machine
printf '%-10s %14s %14s %14s %14s %14s\n' '' 'bulk Gbit/s' '64 B /s' '16 KiB /s' 'connects /s' 'us of it each'
for name in $names; do
    printf '%-10s %14.1f %14.0f %14.0f %14.0f %14.1f\n' "$name" "${median[bulk.$name]:-0}" "${median[ask64.$name]}" "${median[ask16k.$name]}" "${median[connect.$name]}" "${median[cost.$name]}"
done
ratios bulk ask64 ask16k connect

# -- idle pairs ------------------------------------------------------------------------------------
for name in $names; do
    case $name in direct | socat) continue ;; esac
    pid=${pid_of[$name]}
    before=$(resident "$pid")
    "$tmp/load" hold "${echo_of[$name]}" "$idle" 8 >"$tmp/held" &
    holder=$!
    for _ in {1..100}; do grep -q held "$tmp/held" && break; sleep 0.2; done
    sleep 1
    after=$(resident "$pid")
    wait "$holder"
    printf '%-10s %s of %s idle pairs answered, %.1f KiB each, %.1f MiB before\n' "$name" "$(awk '/answered/ { print $1 }' "$tmp/held")" "$idle" \
        "$(awk -v a="$before" -v b="$after" -v n="$idle" 'BEGIN { print (b - a) / n }')" "$(awk -v a="$before" 'BEGIN { print a / 1024 }')"
done
