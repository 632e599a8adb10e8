#!/bin/sh
# A service that ignores its stop signal is killed with everything it started, and nothing waits
# longer than its time-out says.
. "$(dirname "$0")/lib.sh"
script stubborn.sh <<'SH'
trap '' TERM
sh -c 'trap "" TERM; echo grandchild; exec sleep infinity' &
echo up
while :; do sleep 1; done
SH
service stubborn <<'YAML'
exec: [/stubborn.sh]
stop: {timeout: 300ms}
YAML
service polite <<'YAML'
exec: [/bin/sleep, infinity]
before: [stubborn]
YAML
start
wait_for 'stubborn out: up'
wait_for 'stubborn out: grandchild'
kill -TERM "$(pid_of_init)"
await
expect 'service stubborn did not stop in time and is killed'
expect 'service stubborn stopped: was killed by SIGKILL'
expect_order 'service stubborn stopped' 'service polite is being stopped'
expect_status 0
