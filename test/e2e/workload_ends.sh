#!/bin/sh
# Ends that no service decided: PID 1 itself faults, the kernel panics, the machine is killed, the configuration is wrong.
# The host is told what there is to tell.
. "$(dirname "$0")/lib.sh"
test_image
vsock=$RBUILDS_STATE/vsock

# run_guest NAME IMAGE: in the background, waiting for its end; returns once the guest answers.
run_guest() {
    rm -f "$tmp/$1.log"
    start "$1" "$top/rbuilds/rbuilds.sh" --name "$1" --wait --tail 60 --cmd "run_eif_image $2"
    run=$started
    wait_for 150 guest_answers 16
}
# ends_with STATUS TEXT...: in what the run said.
ends_with() {
    wait "$run"
    expect_equal "exit status of $start_name" "$?" "$1"
    shift
    for text; do expect_text "$tmp/$start_name.log" "$text"; done
}

# PID 1 goes on at an instruction that is none.
run_guest faulty "$image"
in_guest 16 'while read -r number _ _ _ _ _ _ _ pc </proc/1/syscall; [ "$number" = running ]; do sleep 0.1; done
printf "\017\013" | dd of=/proc/1/mem bs=1 seek=$((pc)) conv=notrunc 2>&1; kill -HUP 1' >"$tmp/out"
ends_with 108 'failed: PID 1 caught SIGILL at address 0x' 'reason=fatal action=reboot status=132'
if grep -q 'Kernel panic' "$tmp/faulty.log"; then fail "the kernel panicked"; fi

# The kernel panics: there is nobody to tell a status, but a console.
build_image panics --cmdline "$(sed 's/panic=[0-9]*/panic=1/' "$top/rbuilds/kernel/cmdline") sysrq_always_enabled"
run_guest panics "$tmp/panics.eif"
in_guest 16 'echo c >/proc/sysrq-trigger' >"$tmp/out" 2>&1 &
jobs_started="$jobs_started $!"
ends_with 110 'ended without telling a status' 'last lines of the console' 'Kernel panic'

# The machine is killed.
run_guest killed "$image"
kill -KILL "$(cut -d ' ' -f 1 "$RBUILDS_STATE/enclaves/killed/pid")"
ends_with 110 'ended without telling a status' 'service shell started'

# A configuration that cannot be read opens no port: the post-mortem is found on the console.
mkdir -p "$tmp/more/etc/enclavebox"
printf 'status_port: 17000\nnonsense: 1\n' >"$tmp/more/etc/enclavebox/initd.yaml"
eif cpio -o "$tmp/more.cpio" --prefix rootfs "$tmp/more" 2>"$tmp/more.log" || fail "eif cpio"
build_image wrong --cmdline-file "$top/rbuilds/kernel/cmdline" --ramdisk "$tmp/more.cpio"
start wrong "$top/rbuilds/rbuilds.sh" --wait --cmd "run_eif_image $tmp/wrong.eif"
run=$started
ends_with 110 'post-mortem of wrong' 'reason=fatal action=poweroff status=78' 'initd.yaml:2:1'

# An enclave that stays after its workload: the status is returned, and it is left running.
mkdir -p "$tmp/stays/etc/enclavebox/services"
printf 'on_exit: stay\nlog_port: 17001\nstatus_port: 17000\n' >"$tmp/stays/etc/enclavebox/initd.yaml"
printf 'exec: [/bin/sh, -c, "echo did it; exit 5"]\nrestart: never\n' >"$tmp/stays/etc/enclavebox/services/work.yaml"
printf 'exec: [/bin/true]\ntype: oneshot\n' >"$tmp/stays/etc/enclavebox/services/shell.yaml"
eif cpio -o "$tmp/stays.cpio" --prefix rootfs "$tmp/stays" 2>"$tmp/stays.log" || fail "eif cpio"
build_image stays --cmdline-file "$top/rbuilds/kernel/cmdline" --ramdisk "$tmp/stays.cpio"
expect_status 5 rbuilds --wait --cmd "run_eif_image $tmp/stays.eif"
expect_text "$tmp/err" 'work out: did it'
expect_text "$tmp/err" 'enclave stays stays'
expect_status 5 rbuilds --cmd "wait_for_enclave stays"
expect_status 0 rbuilds --cmd "drop_enclave stays"
