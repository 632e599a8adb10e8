#!/bin/sh
# A child that cannot become its program tells the step and the errno, at every step.
. "$(dirname "$0")/lib.sh"
printf 'not a program' >"$root/text"
chmod 755 "$root/text"
printf 'x' >"$root/plain"
service missing <<'YAML'
exec: [/usr/bin/no-such-program]
YAML
service pathless <<'YAML'
exec: [no-such-program]
YAML
service forbidden <<'YAML'
exec: [/plain]
YAML
service nonsense <<'YAML'
exec: [/text]
YAML
service nowhere <<'YAML'
exec: [/bin/true]
cwd: /no/such/folder
YAML
service greedy <<'YAML'
exec: [/bin/true]
limits: {nofile: 4294967295}
YAML
service foreign <<'YAML'
exec: [/bin/true]
user: 4242
group: 4242
YAML
run
expect "service missing failed: cannot exec '/usr/bin/no-such-program': No such file or directory (step exec)"
expect "service pathless failed: cannot exec 'no-such-program': No such file or directory (step exec)"
expect "service forbidden failed: cannot exec '/plain': Permission denied (step exec)"
expect "service nonsense failed: cannot exec '/text': Exec format error (step exec)"
expect "service nowhere failed: cannot exec '/bin/true': No such file or directory (step folder)"
expect "service greedy failed: cannot exec '/bin/true': Operation not permitted (step limits)"
expect "service foreign failed: cannot exec '/bin/true': .* (step group"
