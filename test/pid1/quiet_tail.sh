#!/bin/sh
# Output that is kept from the console is shown there once its service has failed: the last lines.
. "$(dirname "$0")/lib.sh"
service quiet <<'YAML'
exec: [/bin/sh, -c, 'seq 101 200; exit 3']
restart: never
log: {console: false, ring: 4K}
YAML
service fine <<'YAML'
exec: [/bin/echo, nobody needs to see this]
type: oneshot
log: {console: false}
YAML
run
expect_order 'service quiet failed: exited with code 3' 'quiet out: 191'
expect 'quiet out: 200'
expect_not 'quiet out: 190'
expect_not 'nobody needs'
expect_status 3

# The same when initd.yaml keeps all output from the console.
printf 'heartbeat: off\nlog: {console: false}\n' | system
service quiet <<'YAML'
exec: [/bin/sh, -c, 'echo the reason; exit 4']
restart: never
YAML
run
expect_order 'service quiet failed: exited with code 4' 'quiet out: the reason'
expect_status 4
