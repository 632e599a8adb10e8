#!/bin/bash
# Datagrams through pf-proxy, beside nginx's stream proxy and socat, each between the same client and the same server on
# this machine: one datagram under way, 64 under way of 64 B and of 1200 B, and flows that do nothing. pf-proxy is both
# of its sides, two processes with a stream between them, the others are one process. The best round counts.
#
#   bench/pf-proxy-udp.sh [BUILD_FOLDER]
#
# SECONDS_EACH is how long each measure takes (3), ROUNDS how often (3), FLOWS the number of flows (5000). Peers that are
# not installed are left out; socat serves one client alone, so it holds no flows.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build}
build=$(cd "$build" 2>/dev/null && pwd) || { echo 'pf-proxy-udp: no build folder'; exit 66; }
proxy=$build/tools/pf-proxy/pf-proxy
[ -x "$proxy" ] || { echo "pf-proxy-udp: no $proxy to measure"; exit 77; }
seconds=${SECONDS_EACH:-3} rounds=${ROUNDS:-3} flows=${FLOWS:-5000}
ulimit -n "$(ulimit -H -n)"
PATH=$PATH:/usr/sbin:/sbin
tmp=$(mktemp -d "${TMPDIR:-/tmp}/pf-proxy-udp.XXXXXX") || exit 71
finish() {
    local pid
    for pid in $(jobs -p); do kill "$pid" 2>/dev/null; done
    wait 2>/dev/null
    rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 99' HUP INT TERM
have() { command -v "$1" >/dev/null 2>&1; }
c++ -std=c++20 -O2 -o "$tmp/datagrams" "$top/bench/pf-proxy/datagrams.cpp" || exit 71

base=$((20000 + RANDOM % 20000))
"$tmp/datagrams" serve "$base" &
declare -A port_of=([direct]=$base) pids_of=() best=()
names=direct
"$proxy" vsock-to-ip --max-connections 65536 "unix:$tmp/stream" "udp:127.0.0.1:$base" 2>"$tmp/far.log" &
far=$!
"$proxy" ip-to-vsock --max-connections 65536 "udp:127.0.0.1:$((base + 1))" "unix:$tmp/stream" 2>"$tmp/near.log" &
names+=" pf-proxy" port_of[pf-proxy]=$((base + 1)) pids_of[pf-proxy]="$far $!"
if have nginx; then
    module=$(find /usr/lib/nginx/modules /usr/share/nginx/modules -name ngx_stream_module.so 2>/dev/null | head -n 1)
    cat >"$tmp/nginx.conf" <<END
${module:+load_module $module;}
daemon off;
master_process off;
pid $tmp/nginx.pid;
error_log $tmp/nginx.log;
worker_rlimit_nofile 200000;
events { worker_connections 100000; }
stream {
    proxy_timeout 120s;
    server { listen 127.0.0.1:$((base + 2)) udp; proxy_pass 127.0.0.1:$base; }
}
END
    nginx -p "$tmp" -c "$tmp/nginx.conf" >"$tmp/nginx.out" 2>&1 &
    names+=" nginx" port_of[nginx]=$((base + 2)) pids_of[nginx]=$!
fi
! have socat || names+=" socat"
sleep 1

# keep MEASURE NAME VALUE: the greatest is remembered.
keep() { best[$1.$2]=$(awk -v a="${best[$1.$2]:-0}" -v b="$3" 'BEGIN { print (b > a) ? b : a }'); }
next=$((base + 10))
for ((round = 0; round < rounds; round++)); do
    for name in $names; do
        for measure in '1 64 1' '2 64 64' '3 1200 64'; do
            read -r number size window <<<"$measure"
            if [ "$name" = socat ]; then # anew each time, for the one client that it takes
                next=$((next + 1))
                port_of[socat]=$next
                socat -b 65536 "UDP4-LISTEN:$next,bind=127.0.0.1" "UDP4:127.0.0.1:$base" 2>/dev/null &
                socat=$!
                sleep 0.3
            fi
            keep "$number" "$name" "$("$tmp/datagrams" ask "${port_of[$name]}" "$size" "$window" "$seconds")"
            [ "$name" != socat ] || kill "$socat"
        done
    done
done

printf '%s, %s processors, load %s, %s\n' "$(uname -m)" "$(nproc)" "$(cut -d ' ' -f 1 /proc/loadavg)" "$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)"
printf '%-10s %14s %14s %14s\n' 'answers /s' '64 B, 1' '64 B, 64' '1200 B, 64'
for name in $names; do
    printf '%-10s %14.0f %14.0f %14.0f\n' "$name" "${best[1.$name]}" "${best[2.$name]}" "${best[3.$name]}"
done
for name in $names; do
    case $name in direct | pf-proxy) continue ;; esac
    printf '  of %-5s' "$name"
    for measure in 1 2 3; do
        awk -v a="${best[$measure.pf-proxy]}" -v b="${best[$measure.$name]}" 'BEGIN { if (b > 0) printf " %14.2f", a / b; else printf " %14s", "-" }'
    done
    printf '\n'
done

resident() { for pid in "$@"; do awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"; done | awk '{ sum += $1 } END { print sum }'; }
for name in $names; do
    case $name in direct | socat) continue ;; esac
    # shellcheck disable=SC2086  # several processes
    before=$(resident ${pids_of[$name]})
    "$tmp/datagrams" hold "${port_of[$name]}" "$flows" 2 >"$tmp/held" &
    holder=$!
    for _ in {1..300}; do grep -q answered "$tmp/held" && break; sleep 0.2; done
    # shellcheck disable=SC2086
    after=$(resident ${pids_of[$name]})
    wait "$holder"
    printf '%-10s %s of %s flows answered, %.2f KiB each, %.1f MiB before\n' "$name" "$(awk '{ print $1 }' "$tmp/held")" "$flows" \
        "$(awk -v a="$before" -v b="$after" -v n="$flows" 'BEGIN { print (b - a) / n }')" "$(awk -v a="$before" 'BEGIN { print a / 1024 }')"
done
