#!/bin/sh
# A requirement that finally fails takes what requires it down, those first, by name; a critical one
# among them ends the enclave with a failure. One between two restarts takes nobody down.
. "$(dirname "$0")/lib.sh"
script obey.sh <<'SH'
trap 'echo "told to go"; exit 0' TERM
sleep 1000 & wait
SH
service store <<'YAML'
exec: [/bin/sh, -c, 'sleep 0.2; exit 9']
backoff: {initial: 50ms}
start_limit: {burst: 2}
YAML
service web <<'YAML'
exec: [/obey.sh]
requires: [store]
YAML
page() {
    service page <<YAML
exec: [/obey.sh]
requires: [web]
critical: $1
YAML
}
service other <<'YAML'
exec: [/obey.sh]
after: [store]
YAML
page false
start
wait_for_control
wait_for 'service web failed: lost what it requires and exited with code 0'
expect_order 'service store exited with code 9, next start in 50 ms' 'service store exited with code 9; it failed'
[ "$(grep -c 'page out: told to go' "$console")" -eq 1 ] || fail 'page went down more than once'
expect_order 'it failed: 2 starts' 'service page is stopped: store failed and it requires that'
expect_order 'page out: told to go' 'service web is stopped: store failed and it requires that'
ctl status other | grep -q '^  state *running' || fail 'other does not require store and is down'
ctl system poweroff
await
expect_status 0

page true
run
expect 'initd: end reason=critical-failed action=poweroff status=1 service=page'
expect_status 1
