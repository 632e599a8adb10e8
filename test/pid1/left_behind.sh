#!/bin/sh
# What a service leaves behind ends with it, also in a session of its own where there is a cgroup,
# and at the latest with PID 1; its open pipe holds nobody up.
. "$(dirname "$0")/lib.sh"
service parent <<'YAML'
exec: [/bin/sh, -c, '(trap "" TERM HUP; echo left; exec sleep infinity) & read line </out/gate; exit 0']
restart: never
YAML
mkfifo "$root/out/gate"
start
wait_for 'parent out: left'
echo go >"$root/out/gate"
await
expect 'service parent exited with code 0'
expect 'initd: end reason=workload-done'
expect_status 0
