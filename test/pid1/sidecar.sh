#!/bin/sh
# A sidecar does not keep the enclave alive, and is stopped in order when the work is done.
. "$(dirname "$0")/lib.sh"
service work <<'YAML'
exec: [/bin/sh, -c, 'read line </out/gate; exit 3']
restart: never
YAML
service helper <<'YAML'
exec: [/bin/sh, -c, 'trap "echo bye; exit 0" TERM; echo go >/out/gate; while :; do sleep 1 & wait; done']
restart: always
sidecar: true
YAML
mkfifo "$root/out/gate"
run
expect 'service work failed: exited with code 3'
expect 'helper out: bye'
expect 'initd: end reason=workload-done action=poweroff status=3 service=work detail="exited with code 3"'
expect_status 3
