#!/bin/sh
# Builds the fuzz targets with clang and its sanitizers, runs each for SECONDS, two at a time, and
# closes with one line: N passed, N failed.
#
#   test/fuzz/run.sh [SECONDS [BUILD_FOLDER]]
#
# Seeds are test/vectors/NAME. What a run learns stays in BUILD_FOLDER/corpus/NAME, and an input
# that breaks a target in BUILD_FOLDER/findings/NAME-*.
set -eu
seconds=${1:-60}
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${2:-$top/build-fuzz}

if [ ! -f "$build/build.ninja" ]; then
    CXX=${CXX:-clang++} meson setup "$build" "$top" -Dfuzz=true -Dbuildtype=debugoptimized \
        -Db_sanitize=address,undefined -Db_lundef=false >"$build.log" 2>&1 ||
        { cat "$build.log"; exit 71; }
    rm -f "$build.log"
fi
ninja -C "$build" fuzz_targets
build=$(cd "$build" && pwd)
mkdir -p "$build/findings" "$build/fuzz-logs"
rm -f "$build"/fuzz-logs/*

run_one() {
    name=$1
    mkdir -p "$build/corpus/$name"
    set -- "$build/corpus/$name"
    [ ! -d "$top/test/vectors/$name" ] || set -- "$@" "$top/test/vectors/$name"
    if UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 "$build/test/fuzz/fuzz_$name" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/findings/$name-" "$@" >"$build/fuzz-logs/$name" 2>&1; then
        echo "ok    $name  ($(sed -n 's/^stat::number_of_executed_units: *//p' \
            "$build/fuzz-logs/$name") inputs)"
        touch "$build/fuzz-logs/$name.ok"
    else
        echo "FAIL  $name  (see $build/fuzz-logs/$name)"
        grep -E 'ERROR|SUMMARY|runtime error|Test unit written' "$build/fuzz-logs/$name" || true
    fi
}

passed=0
failed=0
running=0
for target in "$build"/test/fuzz/fuzz_*; do
    case $target in *.p) continue ;; esac  # meson's folder of objects
    run_one "${target##*/fuzz_}" &
    running=$((running + 1))
    if [ $((running % 2)) -eq 0 ]; then wait; fi
done
wait
for log in "$build"/fuzz-logs/*; do
    case $log in
        *.ok) passed=$((passed + 1)) ;;
        *) failed=$((failed + 1)) ;;
    esac
done
failed=$((failed - passed))
echo "$passed passed, $failed failed"
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
