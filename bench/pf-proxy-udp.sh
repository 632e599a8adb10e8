#!/bin/bash
# Datagrams through pf-proxy, beside nginx's stream proxy and socat, each between the same client and the same server on
# this machine: one datagram under way, 64 under way of 64 B and of 1200 B, and flows that do nothing. pf-proxy is both
# of its sides, two processes with a stream between them, the others are one process. The median of the rounds counts.
#
#   bench/pf-proxy-udp.sh [BUILD_FOLDER]
#
# SECONDS_EACH is how long each measure takes (3), ROUNDS how often (3), FLOWS the number of flows (5000). Peers that are
# not installed are left out; socat serves one client alone, so it holds no flows.
set -u

# shellcheck source=bench/pf-proxy/common.sh
. "$(dirname "$0")/pf-proxy/common.sh" pf-proxy-udp datagrams "${1-}"
flows=${FLOWS:-5000}
((flows <= most)) || flows=$most
"$tmp/datagrams" serve "$base" &
declare -A port_of=([direct]=$base) pids_of=()
"$proxy" vsock-to-ip --max-connections 65536 "unix:$tmp/stream" "udp:127.0.0.1:$base" 2>"$tmp/far.log" &
far=$!
"$proxy" ip-to-vsock --max-connections 65536 "udp:127.0.0.1:$((base + 1))" "unix:$tmp/stream" 2>"$tmp/near.log" &
names+=" pf-proxy" port_of[pf-proxy]=$((base + 1)) pids_of[pf-proxy]="$far $!"
if have nginx; then
    nginx_proxies <<END
proxy_timeout 120s;
server { listen 127.0.0.1:$((base + 2)) udp; proxy_pass 127.0.0.1:$base; }
END
    names+=" nginx" port_of[nginx]=$((base + 2)) pids_of[nginx]=$!
fi
! have socat || names+=" socat"
sleep 1

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

machine
printf '%-10s %14s %14s %14s\n' 'answers /s' '64 B, 1' '64 B, 64' '1200 B, 64'
for name in $names; do
    printf '%-10s %14.0f %14.0f %14.0f\n' "$name" "${median[1.$name]}" "${median[2.$name]}" "${median[3.$name]}"
done
ratios 1 2 3

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
