#!/bin/sh
# PID 1 boots with words on the kernel's command line that nobody knows, and with nobody answering the heartbeat.
. "$(dirname "$0")/lib.sh"
test_image

build_image words --cmdline "$(cat "$top/rbuilds/kernel/cmdline") nomodules --frobnicate unknown=1 -x single"
# No --heartbeat here: the switch answers nothing.
start_switch 16
start_guest 16 "$tmp/words.eif"
wait_for 150 guest_answers 16
in_guest 16 'tr "\0" " " </proc/1/cmdline; cat /proc/cmdline' >"$tmp/cmdline"
expect_text "$tmp/cmdline" '--frobnicate'
if grep -q msg=heartbeat "$tmp/vsockd.log"; then fail "the heartbeat was answered after all"; fi
to_guest 16 17001 </dev/null >"$tmp/boot.log" 2>"$tmp/err" &
jobs_started="$jobs_started $!"
wait_for 20 grep -qi heartbeat "$tmp/boot.log"

# What the image asked for is so: name, mounts, cgroups, limits of what is seen.
in_guest 16 'cat /proc/sys/kernel/hostname; findmnt() { grep " $1 " /proc/mounts; }
findmnt /proc; findmnt /sys; findmnt /tmp; findmnt /dev/pts; findmnt /sys/fs/cgroup; cat /sys/fs/cgroup/cgroup.controllers
cat /sys/class/misc/hw_random/rng_current; cat /proc/sys/kernel/random/entropy_avail' >"$tmp/inside"
expect_text "$tmp/inside" e2e
expect_text "$tmp/inside" cgroup2
expect_text "$tmp/inside" memory
expect_text "$tmp/inside" hidepid
expect_text "$tmp/inside" nsm
