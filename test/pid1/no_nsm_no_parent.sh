#!/bin/sh
# Without /dev/nsm and with nobody to answer the heartbeat the boot goes on, and says so.
. "$(dirname "$0")/lib.sh"
printf 'heartbeat_timeout: 200ms\n' | system
service web <<'YAML'
exec: [/bin/true]
type: oneshot
YAML
run
expect 'initd info: no /dev/nsm'
expect 'initd warning: heartbeat failed: '
expect 'service web exited with code 0'
expect_status 0
