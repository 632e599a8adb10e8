#!/bin/sh
# initd beside s6, dinit and tini, each as PID 1 of namespaces of its own with the same services: memory,
# the start of many services, restarts, and what each does when there is nothing to do. Prints a table,
# ratios, the machine and the figures to reach; passes and fails nothing.
#
#   bench/initd.sh [BUILD_FOLDER]
#
# SERVICES (500), ROUNDS (3, the best start counts), LIVES (8, the restarts measured), IDLE_SECONDS (10).
# Peers are measured where they are installed (apt-get install s6 tini; Debian has no dinit, build it and
# put it on the PATH). Every service is one static program. s6 makes a process wait for each service and
# waits a second itself before it starts one again. tini runs one program and starts it once.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build}
build=$(cd "$build" 2>/dev/null && pwd) || { echo "initd: no build folder"; exit 66; }
initd=$build/tools/initd/initd
[ -x "$initd" ] || { echo "initd: no $initd to measure"; exit 77; }
services=${SERVICES:-500}
rounds=${ROUNDS:-3}
lives=${LIVES:-8}
idle_seconds=${IDLE_SECONDS:-10}

tmp=$(mktemp -d "${TMPDIR:-/tmp}/initd-bench.XXXXXX") || exit 71
holder=
finish() {
    if [ -n "$holder" ]; then
        kill -KILL "$holder" 2>/dev/null
        wait "$holder" 2>/dev/null
    fi
    holder=
}
trap 'finish; rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
namespaces='unshare --user --map-root-user --pid --fork --kill-child --mount --mount-proc --uts --ipc --cgroup --net'
$namespaces true 2>/dev/null || { echo "initd: namespaces are closed here"; exit 77; }

starts=$tmp/root/starts
mkdir -p "$tmp/root"
life() { c++ -std=c++20 -O2 -static -s -o "$tmp/root/$1" -DLIFE_FILE="\"$2\"" -DLIFE_MS="$3" "$top/bench/initd/life.cpp"; }
# Ours sees another root folder than the peers.
life clock '' 0 && life stay /starts 0 && life die /starts 1200 &&
    life peer-stay "$starts" 0 && life peer-die "$starts" 1200 || exit 71

# The same programs of each: $program runs in $count services, under names s1, s2, ...
names() { seq -f 's%g' 1 "$count"; }
ours_prepare() {
    rm -rf "$tmp/root/etc"
    mkdir -p "$tmp/root/etc/enclavebox/services" "$tmp/root/dev" "$tmp/root/proc" "$tmp/root/sys" "$tmp/root/run" "$tmp/root/tmp"
    printf 'heartbeat: off\nlog: {console: false}\n' >"$tmp/root/etc/enclavebox/initd.yaml"
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$tmp/root/etc/passwd"
    cp "$initd" "$tmp/root/init"
    for name in $(names); do
        printf 'exec: [/%s]\nrestart: always\nbackoff: {initial: 0s}\nstart_limit: {burst: 0}\n' "$program" \
            >"$tmp/root/etc/enclavebox/services/$name.yaml"
    done
}
ours_run() {
    # shellcheck disable=SC2016  # the inner shell expands
    exec $namespaces sh -c 'mount --rbind /dev "$1/dev" && exec chroot "$1" /init' sh "$tmp/root"
}
ours_processes() { echo "$pid_1"; }

s6_prepare() {
    rm -rf "$tmp/scan"
    for name in $(names); do
        mkdir -p "$tmp/scan/$name"
        ln -s "$tmp/root/peer-$program" "$tmp/scan/$name/run"
    done
}
s6_run() { exec $namespaces s6-svscan -c 1000 "$tmp/scan"; }
s6_processes() {
    echo "$pid_1"
    tr ' ' '\n' <"/proc/$pid_1/task/$pid_1/children" | while read -r child; do
        [ "$(cat "/proc/$child/comm")" != s6-supervise ] || echo "$child"
    done
}

dinit_prepare() {
    rm -rf "$tmp/dinit"
    mkdir "$tmp/dinit"
    {
        echo 'type = internal'
        for name in $(names); do echo "waits-for = $name"; done
    } >"$tmp/dinit/boot"
    for name in $(names); do
        printf 'type = process\ncommand = %s\nrestart = true\nrestart-delay = 0\nrestart-limit-count = 0\n' \
            "$tmp/root/peer-$program" >"$tmp/dinit/$name"
    done
}
dinit_run() { exec $namespaces dinit --container --services-dir "$tmp/dinit" --socket-path "$tmp/dinit.socket"; }
dinit_processes() { echo "$pid_1"; }

tini_prepare() { :; }
tini_run() { exec $namespaces tini -- "$tmp/root/peer-$program"; }
tini_processes() { echo "$pid_1"; }

# begin PEER: starts it, $began is when.
begin() {
    : >"$starts"
    began=$("$tmp/root/clock" | cut -d' ' -f2)
    "$1_run" >"$tmp/$1.log" 2>&1 </dev/null &
    holder=$!
}
# Until COUNT lines of starts are there; fails after a minute.
have_started() {
    patience=3000
    until [ "$(grep -c start "$starts")" -ge "$1" ]; do
        patience=$((patience - 1))
        [ "$patience" -gt 0 ] || return 1
        sleep 0.02
    done
    pid_1=$holder
    until grep -q '^NSpid:.*[[:space:]]1$' "/proc/$pid_1/status"; do
        pid_1=$(cut -d' ' -f1 "/proc/$pid_1/task/$pid_1/children")
        [ -n "$pid_1" ] || return 1
    done
}
# Resident and proportional memory of the peer's own processes, in KiB.
memory_of() {
    for process in $("$1_processes"); do cat "/proc/$process/smaps_rollup"; done |
        awk '/^Rss:/ { rss += $2 } /^Pss:/ { pss += $2 } END { print rss, pss }'
}
switches_of() {
    for process in $("$1_processes"); do cat "/proc/$process/status"; done |
        awk '/ctxt_switches/ { sum += $2 } END { print sum }'
}

# measure PEER: its figures in one line of $tmp/figures.
measure() {
    peer=$1
    count=1 program=stay
    "${peer}_prepare"
    begin "$peer"
    have_started 1 || { echo "$peer does not start: $(tail -n 3 "$tmp/$peer.log")"; finish; return; }
    first=$(awk -v began="$began" 'NR == 1 { print ($2 - began) / 1e6 }' "$starts")
    sleep 0.5
    one=$(memory_of "$peer")
    finish
    many='- -' many_ms=- switches=-
    if [ "$peer" != tini ]; then
        count=$services
        "${peer}_prepare"
        many_ms=
        round=0
        while [ "$round" -lt "$rounds" ]; do
            round=$((round + 1))
            begin "$peer"
            have_started "$services" || { echo "$peer does not start $services services: $(tail -n 3 "$tmp/$peer.log")"; finish; return; }
            took=$(awk -v began="$began" '/start/ && $2 > last { last = $2 } END { print (last - began) / 1e6 }' "$starts")
            many_ms=$(printf '%s\n%s\n' "${many_ms:-$took}" "$took" | sort -n | head -n 1)
            [ "$round" -eq "$rounds" ] || finish
        done
        sleep 1
        many=$(memory_of "$peer")
        before=$(switches_of "$peer")
        sleep "$idle_seconds"
        switches=$(($(switches_of "$peer") - before))
        finish
    fi
    restart='- -'
    if [ "$peer" != tini ]; then
        count=1 program=die
        "${peer}_prepare"
        begin "$peer"
        have_started "$((lives + 1))"
        restart=$(awk '/end/ { ended = $2 } /start/ && ended { print ($2 - ended) / 1e6 }' "$starts" | sort -n |
            awk '{ value[NR] = $1 } END { if (NR) print value[int((NR + 1) / 2)], value[NR]; else print "- -" }')
        finish
    fi
    echo "$peer $first $one $many $many_ms $restart $switches" >>"$tmp/figures"
}

: >"$tmp/figures"
measure ours
for peer in s6 dinit tini; do
    program_of_peer=$peer
    [ "$peer" != s6 ] || program_of_peer=s6-svscan
    if command -v "$program_of_peer" >/dev/null; then
        measure "$peer"
    else
        absent="${absent-} $peer"
    fi
done

echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg), $(uname -sr)"
[ -z "${absent-}" ] || echo "not installed, not measured:$absent"
awk -v services="$services" -v idle="$idle_seconds" '
function number(text) { return text == "-" ? "-" : sprintf("%.1f", text) }
BEGIN {
    printf "%-6s %10s %15s %18s %12s %18s %10s\n", "", "first", "1 service", services " services", services, "restart ms", "wake-ups"
    printf "%-6s %10s %15s %18s %12s %18s %10s\n", "", "start ms", "RSS/PSS KiB", "RSS/PSS KiB", "start ms", "median worst", "in " idle " s"
}
{
    printf "%-6s %10.1f %15s %18s %12s %18s %10s\n", $1, $2, $3 "/" $4, $5 "/" $6, number($7), number($8) " " number($9), $10
    for (field = 2; field <= 10; field++) figure[$1, field] = $field
    if ($1 != "ours") peers[++count] = $1
}
END {
    for (index_ = 1; index_ <= count; index_++) {
        peer = peers[index_]
        printf "%s to ours:", peer
        if (figure[peer, 6] != "-") printf " PSS of %d services %.2f, start %.2f, restart %.2f;", services, figure[peer, 6] / figure["ours", 6],
            figure[peer, 7] / figure["ours", 7], figure[peer, 8] / figure["ours", 8]
        printf " PSS of one %.2f\n", figure[peer, 4] / figure["ours", 4]
    }
    if (figure["ours", 5] != "")
        printf "to reach: RSS under 2048 KiB and 8 for each service (%.1f for each here); %d services under 1000 ms (%.0f); restart under 5 ms (%.1f); no wake-up (%s)\n",
            (figure["ours", 5] - figure["ours", 3]) / services, services, figure["ours", 7], figure["ours", 8], figure["ours", 10]
}' "$tmp/figures"
