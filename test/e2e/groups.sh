#!/bin/sh
# Services and their cgroups under the enclave's own kernel: a reload sets limits of what runs on, a health check runs in a
# group of its own below the service's and leaves none, and what is forgotten leaves no group behind.
. "$(dirname "$0")/lib.sh"
test_image

services=/etc/enclavebox/services
mkdir -p "$tmp/more$services"
cat >"$tmp/more$services/worker.yaml" <<'END'
exec: [/bin/sleep, infinity]
limits: {memory: 32M, pids: 20}
END
cat >"$tmp/more$services/checked.yaml" <<'END'
exec: [/bin/sleep, infinity]
limits: {memory: 64M}
restart: never
health: {exec: [/bin/bash, -c, 'cat /proc/self/cgroup >>/run/checks; [ ! -e /run/ill ] || { sleep 1000 & wait; }'], interval: 300ms, timeout: 1s, retries: 2}
END
eif cpio -o "$tmp/more.cpio" --prefix rootfs "$tmp/more" 2>"$tmp/more.log" || fail "eif cpio"
build_image groups --cmdline-file "$top/rbuilds/kernel/cmdline" --ramdisk "$tmp/more.cpio"
start_switch 16
start_guest 16 "$tmp/groups.eif"
wait_for 150 guest_answers 16

# pid NAME
pid() { in_guest 16 "initctl status --json $1" | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p'; }
limits() { in_guest 16 "cat /sys/fs/cgroup/worker.service/memory.max /sys/fs/cgroup/worker.service/pids.max" | paste -s -d ' '; }
expect_equal "the limits at the start" "$(limits)" '33554432 20'

before=$(pid worker)
in_guest 16 "sed -i 's/32M, pids: 20/48M/' $services/worker.yaml; initctl reload" >"$tmp/said"
expect_text "$tmp/said" '0 added, 0 removed, 0 restarted, 1 updated'
expect_equal "the limits after the reload" "$(limits)" '50331648 max'
expect_equal "its process" "$(pid worker)" "$before"

# The checks: below the service's own group, and none of them stays.
checked() { [ "$(in_guest 16 'grep -c . /run/checks')" -ge 2 ]; }
wait_for 30 checked
expect_equal "groups of the checks" "$(in_guest 16 'sort -u /run/checks | grep -vc "/checked.service/[^/]*$"')" 0
in_guest 16 'touch /run/ill' >"$tmp/out"
failed() { in_guest 16 'initctl status checked' | grep -q unhealthy; }
wait_for 60 failed
expect_equal "what is left of its checks" "$(in_guest 16 'cat /proc/[0-9]*/cmdline | tr "\000" " " | grep -c "sleep 100[0]"')" 0

# Forgotten, with its group.
in_guest 16 "rm $services/worker.yaml $services/checked.yaml; initctl reload" >"$tmp/said"
expect_text "$tmp/said" '0 added, 2 removed'
gone() { [ "$(in_guest 16 "ls -d /sys/fs/cgroup/worker.service /sys/fs/cgroup/checked.service 2>/dev/null | wc -l")" = 0 ]; }
wait_for 20 gone
