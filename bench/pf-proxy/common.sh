# Shared by the measurements of pf-proxy: the program, a folder, the peers' modules, the median of all rounds, ratios.
#
#   . pf-proxy/common.sh NAME LOAD [BUILD_FOLDER]       LOAD.cpp beside this file is compiled to $tmp/LOAD
# shellcheck shell=bash disable=SC2034  # used by those that read it

top=$(cd "$(dirname "$0")/.." && pwd)
build=${3:-$top/build}
build=$(cd "$build" 2>/dev/null && pwd) || { echo "$1: no build folder"; exit 66; }
proxy=$build/tools/pf-proxy/pf-proxy
[ -x "$proxy" ] || { echo "$1: no $proxy to measure"; exit 77; }
seconds=${SECONDS_EACH:-3} rounds=${ROUNDS:-3}
ulimit -n 200000 2>/dev/null || ulimit -n "$(ulimit -H -n)"
most=$(($(ulimit -n) / 2 - 500)) # pairs that a process may hold
PATH=$PATH:/usr/sbin:/sbin
tmp=$(mktemp -d "${TMPDIR:-/tmp}/$1-bench.XXXXXX") || exit 71
finish() {
    local pid
    for pid in $(jobs -p); do kill "$pid" 2>/dev/null; done
    wait 2>/dev/null
    rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 99' HUP INT TERM
c++ -std=c++20 -O2 -o "$tmp/$2" "$top/bench/pf-proxy/$2.cpp" || exit 71
base=$((20000 + RANDOM % 20000))
names=direct # of who is measured

have() { command -v "$1" >/dev/null 2>&1; }
# nginx_proxies, with the lines of its stream block in standard input: nginx in the background.
nginx_proxies() {
    cat >"$tmp/nginx.conf" <<END
$(find /usr/lib/nginx/modules /usr/share/nginx/modules -name ngx_stream_module.so -printf 'load_module %p;\n' -quit 2>/dev/null)
daemon off;
master_process off;
pid $tmp/nginx.pid;
error_log $tmp/nginx.log;
worker_rlimit_nofile 200000;
events { worker_connections 100000; }
stream {
$(cat)
}
END
    nginx -p "$tmp" -c "$tmp/nginx.conf" >"$tmp/nginx.out" 2>&1 &
}

# keep MEASURE NAME VALUE: ${median[MEASURE.NAME]} is that of all that were kept.
declare -A kept=() median=()
keep() {
    kept[$1.$2]+="$3 "
    median[$1.$2]=$(tr ' ' '\n' <<<"${kept[$1.$2]}" | sed '/^$/d' | sort -g | awk '{ value[NR] = $1 } END { print (value[int((NR + 1) / 2)] + value[int((NR + 2) / 2)]) / 2 }')
}

# ratios MEASURE...: pf-proxy's median as a part of each peer's in $names, a line each.
ratios() {
    local name measure
    for name in $names; do
        case $name in direct | pf-proxy) continue ;; esac
        printf '  of %-7s' "$name"
        for measure; do
            awk -v a="${median[$measure.pf-proxy]:-0}" -v b="${median[$measure.$name]:-0}" 'BEGIN { if (b > 0) printf " %14.2f", a / b; else printf " %14s", "-" }'
        done
        printf '\n'
    done
}
machine() { printf '%s, %s processors, load %s, %s\n' "$(uname -m)" "$(nproc)" "$(cut -d ' ' -f 1 /proc/loadavg)" "$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)"; }
# resident PID...: KiB of all of them.
resident() { for pid; do awk '/^VmRSS/ { print $2 }' "/proc/$pid/status" 2>/dev/null; done | awk '{ sum += $1 } END { print sum }'; }
