#!/bin/sh
# vsockd beside the packaged back end, vhost-device-vsock, under emulation: the same kernel, the same
# guest program, jobs in turn on both, the best of some rounds. Prints times, ratios and the machine.
#
#   bench/vsockd.sh [BUILD_FOLDER]
#
# Kernel and emulator are those that rbuilds makes; VHOST_DEVICE_VSOCK names the peer when it is not on the
# PATH. ROUNDS, MIB and ACCEL (tcg, kvm) change the measure.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build}
build=$(cd "$build" && pwd) || exit 66
cache=${XDG_CACHE_HOME:-$HOME/.cache}/enclavebox
rounds=${ROUNDS:-3}
bytes=$((${MIB:-256} * 1048576))
accel=${ACCEL:-tcg}
ours=$build/tools/vsockd/vsockd
peer=${VHOST_DEVICE_VSOCK:-$(command -v vhost-device-vsock)}

first_of() { for file in "$@"; do [ ! -e "$file" ] || { echo "$file"; return; }; done; }
emulator=$(first_of "$cache"/emulator/*/qemu-system-x86_64)
firmware=$(first_of "$cache"/emulator/firmware-*)
kernel=$(first_of "$cache"/kernel/*/bzImage)
for needed in "$ours" "$emulator" "$kernel"; do
    [ -f "$needed" ] || { echo "vsockd: no emulated guest to measure with (rbuilds.sh --cmd make_all makes it)"; exit 77; }
done

tmp=$(mktemp -d "${TMPDIR:-/tmp}/vsockd-bench.XXXXXX") || exit 71
started=
trap 'kill $started 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
mkdir "$tmp/root" "$tmp/ours" "$tmp/peer"
c++ -std=c++20 -O2 -static -s -o "$tmp/root/init" "$top/bench/vsockd/guest.cpp" &&
    c++ -std=c++20 -O2 -o "$tmp/host" "$top/bench/vsockd/host.cpp" || exit 71
(cd "$tmp/root" && echo init | cpio -o -H newc --quiet) >"$tmp/guest.cpio" || exit 71

background() {
    log=$tmp/$1.log
    shift
    "$@" >"$log" 2>&1 </dev/null &
    started="$started $!"
}

# boot NAME: a guest on the back end whose socket is $tmp/NAME/16.vhost.
boot() {
    background "$1" "$emulator" -M microvm,acpi=off,memory-backend=ram -accel "$accel" -cpu max -smp 2 -m 256M \
        -object memory-backend-memfd,id=ram,size=256M,share=on -nodefaults -no-user-config -no-reboot \
        -display none -serial stdio ${firmware:+-L "$firmware"} -kernel "$kernel" -initrd "$tmp/guest.cpio" \
        -append "console=ttyS0 quiet panic=-1" \
        -chardev "socket,id=vsock,path=$tmp/$1/16.vhost" -device vhost-user-vsock-device,chardev=vsock
}

background switch "$ours" --dir="$tmp/ours" --guest=16
switch=${started##* }
backends=ours
if [ -n "$peer" ]; then
    background packaged "$peer" --guest-cid=16 --socket="$tmp/peer/16.vhost" --uds-path="$tmp/peer/16.sock"
    packaged=${started##* }
    backends="ours peer"
else
    echo "vhost-device-vsock is absent (Debian unstable has it; cargo install vhost-device-vsock): no comparison"
fi

wait_for() {
    tries=600
    until "$@" 2>/dev/null; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "vsockd: not within 60 s: $*"; tail -n 3 "$tmp"/*.log; exit 71; }
        sleep 0.1
    done
}
for backend in $backends; do
    wait_for test -S "$tmp/$backend/16.vhost"
    boot "$backend"
    case $backend in ours) at=$tmp/ours/parent_ ;; *) at=$tmp/peer/16.sock_ ;; esac
    background "sink-$backend" "$tmp/host" sink "${at}5000"
    background "echo-$backend" "$tmp/host" echo "${at}5001"
    background "source-$backend" "$tmp/host" source "${at}5002" "$bytes"
done
for backend in $backends; do wait_for grep -q listening "$tmp/$backend.log"; done

# Clock ticks of a process's own computing.
ticks() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 12,13 | tr ' ' '+'; }
hertz=$(getconf CLK_TCK)

# measure BACKEND WORD...: "MILLISECONDS CPU_MILLISECONDS", or what failed.
measure() {
    case $1 in ours) process=$switch ;; *) process=$packaged ;; esac
    before=$(($(ticks "$process")))
    answer=$("$tmp/host" order "$tmp/$1/16.sock" "$2" "$3" "$4" "${5-}" "${6-}")
    after=$(($(ticks "$process")))
    case $answer in
        "ok "*) echo "${answer##* } $(((after - before) * 1000 / hertz))" ;;
        *) echo "- -" ;;
    esac
}

# job TITLE VERB PORT WORD...: best of the rounds on each back end, and the ratio.
job() {
    title=$1
    shift
    : >"$tmp/ours.times"
    : >"$tmp/peer.times"
    round=0
    while [ $round -lt "$rounds" ]; do
        for backend in $backends; do
            # The packaged one knows the host by CID 2 only.
            measure "$backend" "$1" 2 "$2" "${3-}" "${4-}" >>"$tmp/$backend.times"
        done
        # What it cannot do takes a minute each time to find out.
        ! grep -q -e - "$tmp/peer.times" || backends=ours
        round=$((round + 1))
    done
    [ -z "$peer" ] || backends="ours peer"
    awk -v title="$title" '
        $1 == "-" { failed[FILENAME] = 1; next }
        !(FILENAME in best) || $1 < best[FILENAME] { best[FILENAME] = $1; cpu[FILENAME] = $2 }
        function text(file) {
            return file in failed || !(file in best) ? "fails" : sprintf("%.0f ms (cpu %d)", best[file], cpu[file])
        }
        END {
            ours = ARGV[1]; peer = ARGV[2]
            ratio = (ours in best) && (peer in best) && !(peer in failed) ? \
                sprintf("%.2f times as fast", best[peer] / best[ours]) : "-"
            printf "%-42s %-20s %-20s %s\n", title, text(ours), text(peer), ratio
        }' "$tmp/ours.times" "$tmp/peer.times"
}

echo "$(uname -m), $(nproc) processors, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), accel $accel, best of $rounds, load $(cut -d " " -f 1 /proc/loadavg)"
printf '%-42s %-20s %s\n' "" "vsockd" "${peer:+vhost-device-vsock}"
mib=$((bytes / 1048576))
job "guest to host, $mib MiB in 16 KiB writes" send 5000 "$bytes" 16384
job "guest to host, $mib MiB in 64 KiB writes" send 5000 "$bytes" 65536
job "guest to host, $mib MiB in 1 MiB writes" send 5000 "$bytes" 1048576
job "guest to host, 200,000 writes of 1 byte" send 5000 200000 1
job "host to guest, $mib MiB" receive 5002
job "2,000 round trips of 1 byte" ping 5001 2000 1
job "2,000 round trips of 4 KiB" ping 5001 2000 4096
