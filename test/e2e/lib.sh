# Shared by the end-to-end scenarios: a test image, emulated guests, and what there is to ask them.
# A scenario is a POSIX shell script that sources this file first; what others share is in programs.sh.
# shellcheck shell=sh
#
#   guest_machine            skip unless kernel and emulator are there (they take minutes to make)
#   test_image               $image: the sample's userland with a shell on vsock port 7000, for tests only
#   remote_image NAME [DIR]  the same with pipeline as rbuilds puts it in, for the key of the scenario, and with what is in DIR
#   build_image NAME WORD... another image of the same ramdisks; the words go to eif build
#   start_switch CID...      one vsockd for these guests, folder $vsock
#   start_guest CID EIF      QEMU, its process id in $started; $guest_options are words for it
#   in_guest CID COMMANDS    run shell commands in the guest, print what they print
#   play_nitro_cli           a Nitro host instead, of which only nitro-cli's answers are there

. "$(dirname "$0")/../programs.sh"

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
: "${ENCLAVEBOX_BUILD:=$top/build}"
RBUILDS_BUILD=$ENCLAVEBOX_BUILD
for tool in eif vsockd vcat nsm initd initctl pipeline; do PATH=$ENCLAVEBOX_BUILD/tools/$tool:$PATH; done
export ENCLAVEBOX_BUILD RBUILDS_BUILD PATH

vsock=$tmp/vsock
RBUILDS_STATE=$tmp/state
RBUILDS_BACKEND=qemu
# Keys of the scenario's own, never those of whoever runs it.
XDG_CONFIG_HOME=$tmp/config
export RBUILDS_STATE RBUILDS_BACKEND XDG_CONFIG_HOME
readonly SHELL_PORT=7000

rbuilds() { "$top/rbuilds/rbuilds.sh" "$@"; }

wind_up() {
    [ ! -d "$RBUILDS_STATE/enclaves" ] || rbuilds --cmd drop_enclaves_all >"$tmp/drop.out" 2>&1
}
telling_files() { ls "$tmp"/*.log "$tmp/err" 2>/dev/null; }

info() { rbuilds --info 2>/dev/null | awk -v key="$1" '$1 == key { $1 = ""; sub(/^ /, ""); print }'; }

guest_machine() {
    [ -x "$ENCLAVEBOX_BUILD/tools/eif/eif" ] || skip "the tools are not built"
    qemu=$(info emulator)
    [ -x "$qemu" ] || skip "no emulator with the machine nitro-enclave yet (rbuilds.sh --cmd make_emulator)"
    bzimage=$(info bzImage)
    [ -f "$bzimage" ] || skip "no kernel yet (rbuilds.sh --cmd make_kernel)"
    firmware=$(info firmware)
    accel=$(info accelerator)
}

# The ramdisks take some seconds; run.sh makes them once for all scenarios, in $E2E_IMAGES.
test_image() {
    guest_machine
    images=${E2E_IMAGES:-$tmp/images}
    image=$images/e2e.eif
    [ -f "$image" ] || make_test_image
}

make_test_image() {
    rbuilds --output "$images" --authorized-keys none --cmd make_apps >"$tmp/make.log" 2>&1 || fail "the sample was not made"
    test_application "$images/app"
    rbuilds --output "$images" --name e2e --app "$images/app" --authorized-keys none --cmd make_eif >"$tmp/make.log" 2>&1 || fail "the test image was not made"
    rm -rf "$images/app"
}

# test_application FOLDER: laid over the sample's userland, so that only the test's services start.
test_application() {
    mkdir -p "$1"
    awk '$1 == "userland" { print $6 }' "$top/rbuilds/inputs.lock" >"$tmp/inputs"
    while read -r sha; do
        dpkg-deb -x "$(info cache)/inputs/$sha" "$1" || fail "unpacking the userland"
    done <"$tmp/inputs"
    cp -r "$here/root/." "$1/"
    chmod -R go=u-w "$1/etc"
}

# build_image NAME WORD...: $tmp/NAME.eif from the test image's ramdisks; its measurements in $tmp/NAME.json.
build_image() {
    built=$1
    shift
    eif build --kernel "$bzimage" --kernel-config "${bzimage%/*}/config" \
        --ramdisk "$images/init.cpio" --ramdisk "$images/rootfs.cpio" --name "$built" --version 1 \
        --output "$tmp/$built.eif" "$@" >"$tmp/$built.json" 2>"$tmp/$built.log" || fail "eif build $built"
}

# remote_image NAME [DIR]: $tmp/NAME.eif and $tmp/NAME.eif.pcr. The key is the one that pipeline takes by itself.
remote_image() {
    way=$tmp/way/etc/enclavebox
    mkdir -p "$way/services"
    cp "$top/rbuilds/pipeline.yaml" "$way/services/"
    pipeline keygen --comment tester >"$way/authorized_keys" 2>"$tmp/keygen.log" || fail "pipeline keygen"
    [ "$#" -lt 2 ] || cp -r "$2/." "$tmp/way/"
    eif cpio -o "$tmp/way.cpio" --prefix rootfs "$tmp/way" 2>"$tmp/way.log" || fail "eif cpio"
    build_image "$1" --cmdline-file "$top/rbuilds/kernel/cmdline" --ramdisk "$tmp/way.cpio"
    mv "$tmp/$1.json" "$tmp/$1.eif.pcr"
}

start_switch() {
    mkdir -p "$vsock"
    switch_words=
    for cid in "$@"; do switch_words="$switch_words --guest $cid"; done
    # shellcheck disable=SC2086  # several words
    start vsockd vsockd --dir "$vsock" $switch_words ${switch_options-}
    for cid in "$@"; do wait_for 10 test -S "$vsock/$cid.vhost"; done
}

start_guest() {
    cpu=max
    [ "$accel" != kvm ] || cpu=host
    : >"$tmp/console.$1.log"
    # shellcheck disable=SC2086  # several words
    start "qemu.$1" "$qemu" ${guest_options-} -M "nitro-enclave,vsock=vsock,id=guest-$1" -kernel "$2" -m 768M -smp 2 -accel "$accel" -cpu "$cpu" \
        -no-reboot -nodefaults -device i8042 -display none -L "$firmware" -global virtio-mmio.ioeventfd=off -chardev "socket,id=vsock,path=$vsock/$1.vhost" \
        -chardev "file,id=console,path=$tmp/console.$1.log" -serial chardev:console
}

# to_guest CID PORT: standard input and output, to a port of the guest.
to_guest() { ENCLAVEBOX_VSOCK_DIR=$vsock vcat "vsock:$1:$2"; }

# parent_listens PORT COMMAND...: what the guests reach at CID 3 and 2 on that port, for every connection.
parent_listens() {
    parent_port=$1
    shift
    start "parent_$parent_port" env "ENCLAVEBOX_VSOCK_DIR=$vsock" vcat --listen --keep "vsock:any:$parent_port" -- "$@"
    wait_for 10 test -S "$vsock/parent_$parent_port"
}

in_guest() { printf '%s\n' "$2" | to_guest "$1" $SHELL_PORT; }

guest_answers() { [ "$(in_guest "$1" 'echo ready' 2>/dev/null)" = ready ]; }

# pcr_of N FILE: from the JSON of eif build, eif measure or nsm.
pcr_of() { tr -d ' \n' <"$2" | sed -nE 's/.*"PCR'"$1"'":"([0-9a-f]+)".*/\1/p'; }

# play_nitro_cli: a Nitro host, with nitro-cli played by a script that keeps its calls in $NITRO_LOG and what runs beside it.
play_nitro_cli() {
    mkdir "$tmp/bin"
    cat >"$tmp/bin/nitro-cli" <<'END'
#!/bin/sh
echo "$*" >>"$NITRO_LOG"
case $1 in
run-enclave)
    [ ! -e "$NITRO_LOG.refuse" ] || { echo "[ E26 ] too little memory" >&2; exit 26; }
    while [ $# -gt 1 ]; do [ "$1" != --enclave-name ] || name=$2; [ "$1" != --enclave-cid ] || cid=$2; shift; done
    echo "i-0123-enc$cid" >>"$NITRO_LOG.running"
    echo "Start allocating memory..." >&2
    printf '{\n  "EnclaveName": "%s",\n  "EnclaveID": "i-0123-enc%s",\n  "ProcessID": %s,\n  "EnclaveCID": %s,\n  "NumberOfCPUs": 2,\n  "CPUIDs": [1, 3],\n  "MemoryMiB": 512\n}\n' "$name" "$cid" $$ "$cid"
    ;;
describe-enclaves) sed 's/.*/{"EnclaveID": "&"}/' "$NITRO_LOG.running" ;;
terminate-enclave) grep -vxF "$3" "$NITRO_LOG.running" >"$NITRO_LOG.left"; mv "$NITRO_LOG.left" "$NITRO_LOG.running" ;;
console) echo "a console" ;;
esac
END
    chmod +x "$tmp/bin/nitro-cli"
    PATH=$tmp/bin:$PATH
    NITRO_LOG=$tmp/nitro
    RBUILDS_BACKEND=nitro
    export NITRO_LOG
}
