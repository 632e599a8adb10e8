#!/bin/sh
# The copy engines of pipeline, sender into receiver in one process, beside `cp -a` (which neither
# hashes nor syncs) and openssl's SHA-256 of the same bytes: one large file, and many small ones. Prints rates,
# ratios and the machine.
#
#   bench/copy.sh [BUILD_FOLDER]
#
# MIB is the size of the large file (1024), FILES the number of small ones of 16 KiB (10000), ROUNDS how often (3; the
# best counts). TMPDIR decides which disk is measured; without it, memory.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build}
build=$(cd "$build" 2>/dev/null && pwd) || { echo "copy: no build folder"; exit 66; }
[ -f "$build/tools/pipeline/libpipeline_copy.a" ] || { echo "copy: not built"; exit 77; }
mib=${MIB:-1024}
files=${FILES:-10000}
rounds=${ROUNDS:-3}
tmp=$(mktemp -d "${TMPDIR:-/dev/shm}/copy-bench.XXXXXX") || exit 71
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
c++ -std=c++20 -O2 -D_GNU_SOURCE -I"$top/lib" -I"$top/tools/pipeline" -o "$tmp/engines" "$top/bench/copy/engines.cpp" \
    "$build/tools/pipeline/libpipeline_copy.a" "$build/lib/proto/libproto.a" "$build/lib/crypto/libcrypto_room.a" \
    "$build/lib/base/libbase.a" -lssl -lcrypto -lgnutls || exit 71

openssl enc -aes-128-ctr -K 00 -iv 00 </dev/zero 2>/dev/null | head -c $((mib * 1048576)) >"$tmp/large"
[ "$(stat -c %s "$tmp/large")" -eq $((mib * 1048576)) ] || { echo "copy: no room for $mib MiB in $tmp"; exit 74; }
mkdir "$tmp/many"
(cd "$tmp/many" && head -c $((files * 16384)) "$tmp/large" | split -b 16384 -a 5 -d -) || exit 71

now() { date +%s.%N; }
# timed NAME COMMAND...: appends the seconds it took to NAME.
timed() {
    name=$tmp/$1.times
    shift
    start=$(now)
    "$@" >/dev/null || exit 71
    echo "$(now) $start" | awk '{printf "%.3f\n", $1 - $2}' >>"$name"
}
best() { sort -n "$tmp/$1.times" | head -n 1; }

round=0
while [ $round -lt "$rounds" ]; do
    for what in large many; do
        rm -rf "$tmp/out"
        "$tmp/engines" "$tmp/$what" "$tmp/out" >>"$tmp/engines-$what.times" || exit 71
        rm -rf "$tmp/out"
        timed "cp-$what" cp -a "$tmp/$what" "$tmp/out"
    done
    timed sha-large openssl dgst -sha256 "$tmp/large"
    timed sha-many sh -c 'find "$1" -type f -exec openssl dgst -sha256 {} +' sh "$tmp/many"
    round=$((round + 1))
done
rm -rf "$tmp/out"
"$tmp/engines" "$tmp/many" "$tmp/out" >/dev/null || exit 71
diff -r "$tmp/many" "$tmp/out" >/dev/null || { echo "copy: the copy differs"; exit 70; }

for what in large many; do
    best "engines-$what" | awk -v what="$what" -v cp="$(best "cp-$what")" -v sha="$(best "sha-$what")" '{
        printf "%-6s engines %.3f s (%.0f MB/s; sender %.3f, receiver %.3f, user %.2f, system %.2f; %d KiB resident)\n",
            what, $1, $3, $4, $5, $6, $7, $8
        printf "       cp -a %.3f s: %.2fx   two SHA-256 %.3f s: %.2fx of the engines'"'"' time\n",
            cp, cp / $1, 2 * sha, 2 * sha / $1 }'
done
awk -F': ' '/^model name/ {print "machine: " $2; exit}' /proc/cpuinfo
echo "         $(nproc) processors, $(uname -sr), $(df -T "$tmp" | awk 'NR == 2 {print $2}')"
