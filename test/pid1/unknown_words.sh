#!/bin/sh
# Words that the kernel does not know reach PID 1 as arguments: it boots all the same.
. "$(dirname "$0")/lib.sh"
service web <<'YAML'
exec: [/bin/echo, hello from the service]
type: oneshot
YAML
words='nomodules --version -c /nowhere --check splash pci=off -- x'
run
expect 'web out: hello from the service'
expect 'initd: end reason=workload-done action=poweroff status=0'
expect_status 0
