#!/bin/sh
# The final failure of a critical service ends everything with its exit status.
. "$(dirname "$0")/lib.sh"
service app <<'YAML'
exec: [/bin/sh, -c, 'read line </out/gate; exit 42']
restart: never
critical: true
YAML
service helper <<'YAML'
exec: [/bin/sh, -c, 'trap "echo bye; exit 0" TERM; echo go >/out/gate; while :; do sleep 1 & wait; done']
YAML
mkfifo "$root/out/gate"
run
expect 'service app failed: exited with code 42'
expect 'helper out: bye'
expect 'service helper stopped: exited with code 0'
expect 'initd: end reason=critical-failed action=poweroff status=42 service=app detail="exited with code 42"'
expect_status 42
