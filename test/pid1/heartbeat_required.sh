#!/bin/sh
# With `heartbeat: required` and no parent nothing is started and the end says why.
. "$(dirname "$0")/lib.sh"
printf 'heartbeat: required\nheartbeat_timeout: 200ms\n' | system
service web <<'YAML'
exec: [/bin/echo, it ran]
YAML
run
expect 'initd error: heartbeat failed and is required: '
expect 'initd: end reason=fatal action=poweroff status=78 detail="heartbeat: '
expect_not 'it ran'
expect_status 78
