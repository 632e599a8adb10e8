#!/bin/sh
# The guest's clock and random pool: a clock behind the module's time is stepped at boot, one ahead is kept and set back by
# `nsm clock`, which is also what a service does; without a module `required` ends the boot.
. "$(dirname "$0")/lib.sh"
test_image

# overlay NAME: standard input as the initd.yaml of $tmp/NAME.eif; further words go to eif build.
overlay() {
    overlay_name=$1
    shift
    mkdir -p "$tmp/$overlay_name.more/etc/enclavebox/services"
    cat >"$tmp/$overlay_name.more/etc/enclavebox/initd.yaml"
    eif cpio -o "$tmp/$overlay_name.cpio" --prefix rootfs "$tmp/$overlay_name.more" 2>"$tmp/$overlay_name.log" || fail "eif cpio"
    build_image "$overlay_name" --ramdisk "$tmp/$overlay_name.cpio" "$@"
}
# log_of CID TEXT: wait for the text in the log of the guest.
log_of() {
    wait_for 150 guest_answers "$1"
    in_guest "$1" 'initctl logs' >"$tmp/log.$1"
    expect_text "$tmp/log.$1" "$2"
}
# off_by CID: how many seconds the guest's clock differs from ours.
off_by() { echo $(($(in_guest "$1" 'date +%s') - $(date +%s))); }
# Within what an emulated clock loses on a busy machine: it counts the ticks that it gets.
near_zero() {
    seconds=$(off_by "$1")
    [ "$seconds" -ge -30 ] && [ "$seconds" -le 30 ]
}
# boot CID IMAGE BASE: with the real-time clock of the machine at BASE.
boot() {
    guest_options="-rtc base=$3,clock=vm" start_guest "$1" "$2"
    booted=$started
}

start_switch 16 17 18
boot 16 "$image" 2024-01-01T00:00:00
log_of 16 'initd warning: stepped the clock by '
expect_text "$tmp/log.16" ' ms, from 2024-01-01T00:'
near_zero 16 || fail "the clock that was behind is off by $(off_by 16) s"
floor=$(in_guest 16 'cat /run/clock-floor')
[ "$floor" -gt 1700000000000 ] || fail "floor: $floor"

# The clock service: nothing to do, then back from far behind and from far ahead, and a module whose time goes back refused.
# The emulated module tells whole seconds, so a clock that was stepped to its time is behind by a part of one.
in_guest 16 'nsm clock --once' >"$tmp/out"
grep -qE '^(in step|(slew|step) by -?[0-9]{1,5}\.[0-9]{3} ms)$' "$tmp/out" || fail "the first look: $(cat "$tmp/out")"
in_guest 16 'date -s @1700000000 >/dev/null; nsm clock --once --dry-run; date +%s; nsm clock --once' >"$tmp/out"
expect_text "$tmp/out" 'step by '
[ "$(sed -n 2p "$tmp/out")" -lt 1700000100 ] || fail "a dry run set the clock: $(cat "$tmp/out")"
near_zero 16 || fail "after a step forward the clock is off by $(off_by 16) s"
in_guest 16 'date -s @4000000000 >/dev/null; nsm clock --once' >"$tmp/out"
expect_text "$tmp/out" 'step by -'
near_zero 16 || fail "after a step back the clock is off by $(off_by 16) s"
in_guest 16 'date -s @$(($(date +%s) + 100)) >/dev/null; nsm clock --once --step 5min; nsm clock --once' >"$tmp/out"
expect_text "$tmp/out" 'slew by -'
expect_text "$tmp/out" 'step by -'
near_zero 16 || fail "after a slew and a step the clock is off by $(off_by 16) s"
in_guest 16 'echo 4000000000000 >/tmp/floor; nsm clock --once --floor /tmp/floor 2>&1; echo $?; cat /tmp/floor' >"$tmp/out"
expect_text "$tmp/out" 'is before its own of earlier'
expect_equal "status and floor" "$(tail -n 2 "$tmp/out" | tr '\n' ' ')" "77 4000000000000 "
[ "$(in_guest 16 'cat /run/clock-floor')" -ge "$floor" ] || fail "the floor sank"
in_guest 16 'nsm clock --interval 1s --ready-fd 3 3>/tmp/ready 2>/tmp/service.log </dev/null >/dev/null & until [ -s /tmp/ready ]; do sleep 0.1; done
date -s @1700000000 >/dev/null; for n in $(seq 300); do grep -Eq "change_ms=\"?[0-9]{9}" /tmp/service.log && break; sleep 0.1; done; kill $!; cat /tmp/service.log' >"$tmp/out"
expect_text "$tmp/out" 'msg=step'
near_zero 16 || fail "the service left the clock off by $(off_by 16) s"

# The pool: the module is the kernel's source, its bytes were credited, and the kernel is ready.
expect_equal "the kernel's source" "$(in_guest 16 'cat /sys/class/misc/hw_random/rng_current')" nsm-hwrng
expect_equal "bits" "$(in_guest 16 'cat /proc/sys/kernel/random/entropy_avail')" 256
expect_equal "size of the pool" "$(in_guest 16 'cat /proc/sys/kernel/random/poolsize')" 256
expect_text "$tmp/log.16" 'credited 2000 bits of entropy from nsm-hwrng'
kill "$booted"

# Ahead of the module: kept at boot, with a word, and set back by the service of nsm(1)'s page.
mkdir -p "$tmp/ahead.more/etc/enclavebox/services"
sed -n '/^exec: .*clock/,/^\.Ed/p' "$top/man/nsm.1" | sed '$d' >"$tmp/ahead.more/etc/enclavebox/services/clock.yaml"
initd --check "$tmp/ahead.more/etc/enclavebox" >"$tmp/out" 2>&1 || fail "the page's service: $(cat "$tmp/out")"
eif cpio -o "$tmp/ahead.cpio" --prefix rootfs "$tmp/ahead.more" 2>"$tmp/ahead.log" || fail "eif cpio"
build_image ahead --cmdline-file "$top/rbuilds/kernel/cmdline" --ramdisk "$tmp/ahead.cpio"
boot 17 "$tmp/ahead.eif" 2031-01-01T00:00:00
log_of 17 ' ms ahead of the NSM and is kept'
is_ready() { in_guest 17 'initctl logs' | grep -q 'service clock is ready'; }
wait_for 30 is_ready
in_guest 17 'initctl logs clock' >"$tmp/out"
expect_text "$tmp/out" 'first="step by -'
near_zero 17 || fail "after the service the clock is off by $(off_by 17) s"
kill "$booted"

# Without the module's driver: survived by default, and the end of the boot when it is required.
words="$(cat "$top/rbuilds/kernel/cmdline") initcall_blacklist=virtio_nsm_driver_init"
build_image without --cmdline "$words"
boot 18 "$tmp/without.eif" utc
log_of 18 'no /dev/nsm: the clock is left as it is'
expect_text "$tmp/log.18" "no /dev/nsm: the kernel's random pool is left as it is"
kill "$booted"
wait "$booted"
for demand in entropy clock; do
    printf '%s: required\nlog_port: 17001\nstatus_port: 17000\n' "$demand" | overlay "$demand" --cmdline "$words"
    expect_status 108 rbuilds --wait --cmd "run_eif_image $tmp/$demand.eif"
    expect_text "$tmp/err" "/dev/nsm"
    expect_text "$tmp/err" "reason=fatal action=poweroff status=78"
done
