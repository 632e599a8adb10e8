#!/bin/sh
# A thousand orphans are reaped, and the service that left them is not confused with any.
. "$(dirname "$0")/lib.sh"
script leave.sh <<'SH'
# Each subshell leaves a child that ends after its parent.
count=0
while [ "$count" -lt 1000 ]; do
    count=$((count + 1))
    ( (read -r _ </out/gate; exit 7) & )
done
exec 3<>/out/gate
closed() { ! grep -l '^PPid:[[:space:]]*1$' /proc/[0-9]*/status 2>/dev/null | grep -qv "^/proc/$$/"; }
left=1000
while [ "$left" -gt 0 ]; do
    left=$((left - 1))
    echo >&3
done
tries=0
until closed; do
    tries=$((tries + 1))
    [ "$tries" -lt 400 ] || { echo "orphans are left"; exit 1; }
    echo >&3
    sleep 0.05
done
zombies=$(grep -l '^State:[[:space:]]*Z' /proc/[0-9]*/status 2>/dev/null | wc -l)
echo "zombies: $zombies"
exit 3
SH
mkfifo "$root/out/gate"
service leaver <<'YAML'
exec: [/leave.sh]
restart: never
YAML
run
expect 'leaver out: zombies: 0'
expect 'service leaver failed: exited with code 3'
expect_status 3
