#!/bin/sh
# `always` restarts a success too; without a delay the next one is there at once.
. "$(dirname "$0")/lib.sh"
service again <<'YAML'
exec: [/bin/sh, -c, 'echo run >>/out/runs']
restart: always
backoff: {initial: 0s}
start_limit: {burst: 20, interval: 60s}
YAML
run
[ "$(wc -l <"$root/out/runs")" -eq 20 ] || fail "$(wc -l <"$root/out/runs") runs instead of 20"
expect 'it failed: 20 starts'
expect_status 0
