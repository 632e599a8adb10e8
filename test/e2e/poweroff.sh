#!/bin/sh
# A critical service ends: the enclave powers off by itself, its status and last lines reach the host.
. "$(dirname "$0")/lib.sh"
test_image

start_switch 16
start_guest 16 "$image"
emulator=$started
wait_for 120 guest_answers 16
start log to_guest 16 17001
start status to_guest 16 17000
wait_for 20 grep -q running "$tmp/status.log"

# Orphans are reaped while it runs: a thousand of them leave no zombie.
in_guest 16 'for n in $(seq 1000); do (true &) </dev/null; done; sleep 1; grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l' >"$tmp/zombies"
expect_equal "zombies" "$(cat "$tmp/zombies")" 0

in_guest 16 'kill -TERM 1' >"$tmp/term.out" 2>&1
wait_for 60 test ! -e "/proc/$emulator/root"
wait "$emulator"
expect_equal "QEMU's exit status" "$?" 0
if grep -qi 'kernel panic' "$tmp/console.16.log"; then fail "the kernel panicked"; fi
