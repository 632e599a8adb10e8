#!/bin/sh
# Output is captured line by line with its stream; a last line without newline and very long lines
# are told; output of grandchildren counts; the last words come before the end is logged.
. "$(dirname "$0")/lib.sh"
script talk.sh <<'SH'
echo to stdout
echo to stderr >&2
head -c 9000 /dev/zero | tr '\0' x
echo
printf 'no newline'
SH
service talk <<'YAML'
exec: [/talk.sh]
type: oneshot
YAML
run
expect '^20[0-9-]*T[0-9:.]*Z talk out: to stdout$'
expect 'talk err: to stderr$'
expect 'talk out+: x\{8192\}$'
expect 'talk out: x\{808\}$'
expect 'talk out: no newline$'
expect_order 'talk out: no newline' 'service talk exited with code 0'
