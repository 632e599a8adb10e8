#!/bin/sh
# The whole shutdown is bounded: after shutdown_timeout what is left is killed.
. "$(dirname "$0")/lib.sh"
printf 'heartbeat: off\nshutdown_timeout: 300ms\n' | system
service deaf <<'YAML'
exec: [/bin/sh, -c, 'trap "" TERM; echo up; while :; do sleep 1; done']
stop: {timeout: 1h}
YAML
start
wait_for 'deaf out: up'
kill -TERM "$(pid_of_init)"
await
expect 'services took too long to stop; killing what is left'
expect_status 0
