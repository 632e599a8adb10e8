# shellcheck shell=bash
# The emulated back end: one QEMU and one vsockd for each enclave. All share the folder $STATE/vsock, so that
# ENCLAVEBOX_VSOCK_DIR=$STATE/vsock reaches every one of them, and a listener for the parent serves them all.

# kvm_works: does a guest truly boot under KVM? The device node alone proves nothing. Asked once per boot of the host.
kvm_works() {
    local answer kernel
    answer=$(kvm_answer)
    [[ -w /dev/kvm ]] || return 1
    if [[ ! -s $answer ]]; then
        kernel=$(kernel_folder)/bzImage
        [[ -f $kernel ]] || return 1
        kvm_probe "$kernel" >"$answer.$$"
        rm -f "$CACHE"/kvm-*-*-*-*-????????????
        mv "$answer.$$" "$answer"
    fi
    [[ $(<"$answer") == yes ]]
}

kvm_answer() { printf '%s/kvm-%s' "$CACHE" "$(</proc/sys/kernel/random/boot_id)"; }

# A kernel without a root file system panics within a second or two: enough to see that the processor runs.
kvm_probe() {
    local qemu
    qemu=$(emulator_find) || { echo no; return; }
    if timeout 15 "$qemu" -M microvm -accel kvm -cpu host -m 256M -no-reboot -nodefaults -display none -serial stdio \
        -L "$(firmware_folder)" -kernel "$1" -append 'console=ttyS0 panic=-1' </dev/null 2>&1 | grep 'Kernel panic' >/dev/null; then
        echo yes
    else
        echo no
    fi
}

# qemu_run NAME CID EIF MEMORY CPUS FOLDER: start, wait for the heartbeat, fall back from kvm to tcg.
qemu_run() {
    local folder=$6 accel=tcg
    emulator_find >/dev/null || make_emulator
    firmware_ready
    if kvm_works; then accel=kvm; fi
    qemu_start "$accel" "$@"
    if qemu_wait_heartbeat "$folder"; then return 0; fi
    if [[ $accel == kvm ]]; then
        say "the enclave did not come up with kvm, trying tcg, and from now on"
        echo no >"$(kvm_answer)"
        qemu_stop "$folder"
        qemu_start tcg "$@"
        if qemu_wait_heartbeat "$folder"; then return 0; fi
    fi
    tail -n 15 "$folder/console.log" "$folder/qemu.log" "$folder/vsockd.log" 2>/dev/null | sed 's/^/  | /' >&3
    enclave_stop "$folder"
    cp "$folder/console.log" "$CACHE/log/console.log" 2>/dev/null || true
    rm -rf "$folder"
    die "$EX_UNAVAILABLE" "no heartbeat from $1 within ${HEARTBEAT_SECONDS} s"
}

qemu_start() {
    local accel=$1 name=$2 cid=$3 eif=$4 memory=$5 cpus=$6 folder=$7 vsock=$STATE/vsock cpu=max qemu
    qemu=$(emulator_find)
    [[ $accel != kvm ]] || cpu=host
    printf '%s\n' "$accel" >"$folder/accel"
    : >"$folder/console.log"
    rm -f "$vsock/$cid.vhost" "$vsock/$cid.sock"
    detached "$folder/vsockd" "$(tool vsockd)" --dir "$vsock" --guest "$cid" --heartbeat
    wait_until 10 test -S "$vsock/$cid.vhost" || die "$EX_OSERR" "vsockd did not start: $(tail -n 1 "$folder/vsockd.log")"
    # The keyboard controller is what the guest ends itself with (reboot=k, as on a Nitro host); this machine has none of
    # its own, and without it Linux jumps to the BIOS and boots again unseen.
    # A queue's event raised when its driver is ready reaches QEMU's NSM between the two buffers of the guest's first
    # request at times, and it gives up for good; a plain write to the device has no such moment. vhost keeps its events.
    detached "$folder/qemu" "$qemu" -M "nitro-enclave,vsock=vsock,id=$name" -kernel "$eif" -m "${memory}M" -smp "$cpus" \
        -accel "$accel" -cpu "$cpu" -no-reboot -nodefaults -device i8042 -display none -L "$(firmware_folder)" \
        -global virtio-mmio.ioeventfd=off -chardev "socket,id=vsock,path=$vsock/$cid.vhost" \
        -chardev "file,id=console,path=$folder/console.log" -serial chardev:console
    cp "$folder/qemu.pid" "$folder/pid"
}

# detached PREFIX COMMAND...: start it in a session of its own, output to PREFIX.log, process id and start time in PREFIX.pid.
detached() {
    local prefix=$1 pid; shift
    setsid -f bash -c 'echo $$ >"$0.pid.new"; exec 3>&- 4<&-; exec "$@"' "$prefix" "$@" </dev/null >>"$prefix.log" 2>&1
    wait_until 5 test -s "$prefix.pid.new" || die "$EX_OSERR" "$1 did not start"
    pid=$(<"$prefix.pid.new")
    printf '%s %s\n' "$pid" "$(process_start "$pid")" >"$prefix.pid"
    rm -f "$prefix.pid.new"
}

# A process id alone may have been given to someone else since; with the start time it is unique.
process_start() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

process_lives() {
    local pid start
    { read -r pid start <"$1"; } 2>/dev/null || return 1
    [[ -n $start && $(process_start "$pid") == "$start" && $(process_state "$pid") != Z ]]
}

process_state() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c 1; }

process_end() {
    local pid
    process_lives "$1" || return 0
    read -r pid _ <"$1"
    kill -TERM "$pid" 2>/dev/null || true
    wait_until 5 process_gone "$1" || kill -KILL "$pid" 2>/dev/null || true
    wait_until 5 process_gone "$1" || true
}

process_gone() { ! process_lives "$1"; }

# wait_until SECONDS COMMAND...: poll ten times a second.
wait_until() {
    local end=$((SECONDS + $1)); shift
    until "$@"; do
        ((SECONDS <= end)) || return 1
        sleep 0.1
    done
}

qemu_wait_heartbeat() {
    local folder=$1 end=$((SECONDS + HEARTBEAT_SECONDS))
    until grep -q 'msg=heartbeat' "$folder/vsockd.log"; do
        process_lives "$folder/qemu.pid" || break
        ((SECONDS <= end)) || return 1
        sleep 0.1
    done
    # A short workload may be over right after its heartbeat.
    grep -q 'msg=heartbeat' "$folder/vsockd.log"
}

qemu_lives() { process_lives "$1/qemu.pid"; }

qemu_stop() {
    local cid
    process_end "$1/qemu.pid"
    process_end "$1/vsockd.pid"
    cid=$(<"$1/cid")
    rm -f "$STATE/vsock/$cid.vhost" "$STATE/vsock/$cid.sock" "$STATE/vsock/$cid.sock_"*
}

qemu_console() { exec tail -n +1 -f --pid "$(cut -d ' ' -f 1 "$1/qemu.pid")" "$1/console.log"; }
