#!/bin/sh
# Services in a cycle, or with a missing requirement, fail by name; the others run.
. "$(dirname "$0")/lib.sh"
service a <<'YAML'
exec: [/bin/echo, a ran]
after: [c]
YAML
service b <<'YAML'
exec: [/bin/echo, b ran]
after: [a]
YAML
service c <<'YAML'
exec: [/bin/echo, c ran]
requires: [b]
YAML
service needy <<'YAML'
exec: [/bin/echo, needy ran]
requires: [ghost]
YAML
service free <<'YAML'
exec: [/bin/echo, free ran]
type: oneshot
after: [a, nobody]
YAML
run
for name in a b c; do
    expect "service $name: its order is a cycle: a -> c -> b -> a"
    expect_not "$name ran"
done
expect "service needy: it requires 'ghost', which does not exist or is disabled"
expect "initd warning: service free: it starts after 'nobody', which does not exist"
expect 'free out: free ran'
