#!/bin/sh
# eif build and measure of a large image, beside one core's SHA-384 rate as openssl states it, and beside
# openssl dgst over the same bytes. Prints rates, CPU time, memory, ratios and the machine.
#
#   bench/eif.sh [BUILD_FOLDER]
#
# MIB is the size of the second ramdisk (2048), ROUNDS how often (3; the best counts). TMPDIR decides which
# disk is measured. The bytes of that ramdisk go into PCR0 and into PCR2, so they are hashed twice: on two
# cores nothing is left for reading and writing, and the printed floor is what the CPU time allows at best.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build}
build=$(cd "$build" 2>/dev/null && pwd) || { echo "eif: no build folder"; exit 66; }
eif=$build/tools/eif/eif
[ -x "$eif" ] || { echo "eif: no $eif to measure"; exit 77; }
[ -x /usr/bin/time ] || { echo "eif: GNU time is not installed"; exit 77; }
command -v openssl >/dev/null || { echo "eif: openssl is not installed"; exit 77; }
mib=${MIB:-2048}
rounds=${ROUNDS:-3}

tmp=$(mktemp -d "${TMPDIR:-/var/tmp}/eif-bench.XXXXXX") || exit 71
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
cd "$tmp" || exit 71
openssl rand -out kernel 8388608 && openssl rand -out rd0 1048576 || exit 71
openssl enc -aes-128-ctr -K 00 -iv 00 </dev/zero 2>/dev/null | head -c $((mib * 1048576)) >rd1
[ "$(stat -c %s rd1)" -eq $((mib * 1048576)) ] || { echo "eif: no room for $mib MiB in $tmp"; exit 74; }

# timed NAME COMMAND...: appends "seconds cpu-seconds KiB" to NAME.
timed() {
    name=$1
    shift
    /usr/bin/time -f '%e %U %S %M' -o time "$@" >/dev/null || exit 71
    awk '{print $1, $2 + $3, $4}' time >>"$name"
}
best() { sort -n "$1" | head -n 1; }

round=0
while [ $round -lt "$rounds" ]; do
    round=$((round + 1))
    rm -f out.eif
    openssl speed -evp sha384 -bytes 1048576 -seconds 2 2>/dev/null |
        awk 'END {sub(/k$/, "", $2); print $2 * 1000 / 1048576}' >>rates
    timed dgst openssl dgst -sha384 rd1
    timed build "$eif" build --kernel kernel --cmdline console=ttyS0 --ramdisk rd0 --ramdisk rd1 -o out.eif
    timed measure "$eif" measure out.eif
done

# The median: openssl divides by CPU time and overstates now and then on a busy machine.
speed=$(sort -n rates | sed -n "$(((rounds + 1) / 2))p")
echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg), $(uname -sr), $(stat -f -c %T .)"
echo "one core's SHA-384 (openssl speed, 1 MiB): $speed MiB/s"
show() {
    best "$1" | awk -v name="$2" -v mib="$mib" -v speed="$speed" -v cores="$(nproc)" '{
        rate = mib / $1
        floor = $2 / (cores < 3 ? cores : 3)
        if (floor < mib / speed) floor = mib / speed
        printf "%-12s %7.2f s %8.0f MiB/s  %5.2f of one core  %6.2f s CPU", name, $1, rate, rate / speed, $2
        if (name != "openssl dgst") printf " (floor %.2f s: %.2f)", floor, mib / floor / speed
        printf "  %5.1f MiB RSS\n", $3 / 1024
    }'
}
show dgst "openssl dgst"
show build "eif build"
show measure "eif measure"
