#!/bin/sh
# A service that is not ready in time fails by name: it is stopped, restarted as its policy says, and
# finally takes down what waits for it. One that closes its descriptor need not be waited for.
. "$(dirname "$0")/lib.sh"
service never <<'YAML'
exec: [/bin/sh, -c, 'trap "exit 0" TERM; while :; do sleep 0.05; done']
ready: {tcp: "127.0.0.1:9", timeout: 150ms}
backoff: {initial: 20ms}
start_limit: {burst: 2, interval: 60s}
YAML
service waits <<'YAML'
exec: [/bin/echo, waits ran]
requires: [never]
YAML
service follows <<'YAML'
exec: [/bin/echo, follows ran]
after: [never]
type: oneshot
YAML
service closes <<'YAML'
exec: [/bin/sh, -c, 'exec 3>&-; sleep 1000']
type: ready-fd
restart: never
YAML
service slow-job <<'YAML'
exec: [/bin/sleep, 1000]
type: oneshot
ready: {timeout: 100ms}
YAML
run
[ "$(grep -c 'service never is stopped: ready timeout, it was not ready within 150 ms' "$console")" -eq 2 ] ||
    fail 'not two attempts'
expect 'service never met its ready timeout and exited with code 0, next start in 20 ms'
expect 'service never met its ready timeout and exited with code 0; it failed: 2 starts'
expect 'service waits is not started: what it requires failed'
expect_not 'waits ran'
expect 'follows out: follows ran'
expect 'service closes is stopped: it closed descriptor 3 before it was ready'
expect 'service closes failed: closed its ready descriptor and was killed by SIGTERM'
expect 'service slow-job failed: met its ready timeout and was killed by SIGTERM'
[ "$status" -ne 0 ] || fail 'the enclave ends as if all were well'
