#!/bin/sh
# What it takes to judge an attestation document of the emulator's, and to make one, beside the five P-384
# verifications that a document needs at OpenSSL's own speed. Prints times, a ratio and the machine.
#
#   bench/attest.sh [BUILD_FOLDER]
#
# TIMES (500) is how often each is done; the median and the 99th percentile are printed.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build}
build=$(cd "$build" 2>/dev/null && pwd) || { echo "attest: no build folder"; exit 66; }
[ -f "$build/lib/nsm/libnsm_open.a" ] || { echo "attest: not built, or without the emulator"; exit 77; }
times=${TIMES:-500}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/attest-bench.XXXXXX") || exit 71
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
# shellcheck disable=SC2046  # several words
c++ -std=c++20 -O2 -I"$top/lib" -o "$tmp/judge" "$top/bench/attest/judge.cpp" "$build/lib/nsm/libnsm_open.a" \
    "$build/lib/nsm/libnsm.a" "$build/lib/nsm/libnsm_exchange.a" "$build/lib/attest/libattest.a" \
    "$build/lib/crypto/libcrypto_room.a" "$build/lib/codec/libcodec_cbor.a" "$build/lib/codec/libcodec_json.a" \
    "$build/lib/base/libbase.a" $(pkg-config --libs libcbor libcjson libssl libcrypto gnutls) || exit 71

"$tmp/judge" "$tmp/module" "$times" >"$tmp/ours" || { echo "attest: the documents are not accepted"; exit 70; }
# "384 bits ecdsa (nistp384) SIGN VERIFY SIGNS/s VERIFIES/s"
peer=$(openssl speed -seconds 2 ecdsap384 2>/dev/null | awk '/nistp384/ { printf "%.3f", 5000 / $NF }')

printf '%-34s %10s %10s\n' '' 'median ms' 'p99 ms'
while read -r name median rest; do
    case $name in
    decode) what='decode a document' ;;
    cold) what='judge it' ;;
    warm) what='judge it, chain known' ;;
    *) what='make one (emulator)' ;;
    esac
    printf '%-34s %10s %10s\n' "$what" "$median" "$rest"
done <"$tmp/ours"
printf '%-34s %10s\n' '5 verifications, openssl speed' "$peer"
awk -v peer="$peer" '$1 == "cold" { printf "judge: %.2f of OpenSSL'\''s five verifications; figure: under 2 ms\n", $2 / peer }
    $1 == "make" { printf "emulator: %.0f documents/s; real hardware: about 860\n", 1000 / $2 }' "$tmp/ours"
echo "$(nproc) x $(awk -F ': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(openssl version | cut -d ' ' -f 1,2)"
