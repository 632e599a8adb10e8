#!/bin/sh
# SIGTERM stops services in reverse order of their start, each after the one before is down.
. "$(dirname "$0")/lib.sh"
for name in first second third; do
    script "$name.sh" <<SH
trap 'echo down; exit 0' TERM
echo up
while :; do sleep 1 & wait; done
SH
done
service a-third <<'YAML'
exec: [/third.sh]
requires: [b-second]
YAML
service b-second <<'YAML'
exec: [/second.sh]
after: [c-first]
YAML
service c-first <<'YAML'
exec: [/first.sh]
YAML
start
wait_for 'a-third out: up'
wait_for 'b-second out: up'
wait_for 'c-first out: up'
kill -TERM "$(pid_of_init)"
await
expect_order 'service c-first started' 'service b-second started'
expect_order 'service b-second started' 'service a-third started'
expect_order 'service a-third stopped' 'service b-second is being stopped'
expect_order 'service b-second stopped' 'service c-first is being stopped'
expect_order 'c-first out: down' 'service c-first stopped'
expect 'initd: end reason=signal action=poweroff status=0 detail="SIGTERM"'
expect_status 0
