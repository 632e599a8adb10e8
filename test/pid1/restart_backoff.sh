#!/bin/sh
# A crashing service is restarted after growing delays until its start limit, then it has failed.
. "$(dirname "$0")/lib.sh"
service crash <<'YAML'
exec: [/bin/sh, -c, 'echo up; kill -SEGV $$']
restart: on-failure
backoff: {initial: 20ms, max: 60ms, factor: 2}
start_limit: {burst: 4, interval: 60s}
YAML
run
[ "$(grep -c '^[0-9].* crash out: up' "$console")" -eq 4 ] || fail "not four starts"
expect 'service crash was killed by SIGSEGV, next start in 20 ms'
expect_order 'next start in 20 ms' 'next start in 40 ms'
expect_order 'next start in 40 ms' 'next start in 60 ms'
expect 'service crash was killed by SIGSEGV; it failed: 4 starts within 60000 ms'
expect_status 139
