#!/bin/sh
# `initd --check` names what is wrong with file, line and column, all of it, and exits 78.
. "$(dirname "$0")/lib.sh"
check() {
    "$initd" --check "$@" >"$console" 2>&1
    status=$?
}
service good <<'YAML'
exec: [/bin/true]
YAML
mkdir -p "$root/bin-real"
# The root's programs are links to a /usr that only the scenario mounts: lay one down.
mkdir -p "$root/usr/bin"
[ -e "$root/bin/true" ] || cp /bin/true "$root/usr/bin/true"
[ -x "$root/bin/true" ] || cp /bin/true "$root/bin/true"
check "$root"
expect ': 1 service, no errors'
expect_status 0

service bad <<'YAML'
exec: [/bin/true]
restart: nver
YAML
service typo <<'YAML'
exec: [/bin/true]
  after: [good]
YAML
service lost <<'YAML'
exec: [/opt/missing]
YAML
service needy <<'YAML'
exec: [/bin/true]
requires: [ghost]
YAML
service twin-a <<'YAML'
exec: [/bin/true]
log: {file: /var/log/twin.log}
YAML
service twin-b <<'YAML'
exec: [/bin/true]
log: {file: /var/log/twin.log}
YAML
printf 'read\nraed\n' >"$root/etc/calls"
service caller <<'YAML'
exec: [/bin/true]
seccomp: /etc/calls
YAML
service ring-a <<'YAML'
exec: [/bin/true]
after: [ring-b]
YAML
service ring-b <<'YAML'
exec: [/bin/true]
after: [ring-a]
YAML
service unwatched <<'YAML'
exec: [/bin/true]
health: {exec: /opt/no-check}
YAML
service user <<'YAML'
exec: [/bin/true]
user: nobody-here
YAML
printf 'hostname: x\nheartbeet: off\n' | system
check "$root"
services=$root/etc/enclavebox/services
expect "^$services/bad.yaml:2:10: 'nver' is not one of .*did you mean 'never'?"
expect "^$services/typo.yaml:2:"
expect "^$services/lost.yaml: /opt/missing is not an executable"
expect "^$services/unwatched.yaml: /opt/no-check is not an executable"
expect "^$services/needy.yaml: it requires 'ghost'"
expect "^$services/twin-b.yaml: its log file '/var/log/twin.log' is that of service twin-a as well"
expect "^$root/etc/calls:2:1: 'raed' is not a system call here"
expect "^$services/ring-a.yaml: its order is a cycle: ring-a -> ring-b -> ring-a"
expect "^$services/user.yaml: user 'nobody-here' is not in /etc/passwd"
expect "^$root/etc/enclavebox/initd.yaml:2:1: unknown key 'heartbeet', did you mean 'heartbeat'?"
expect_not 'good'
expect_status 78

# A configuration folder by itself: programs and accounts cannot be known.
check "$root/etc/enclavebox"
expect "^$services/bad.yaml:2:10: "
expect_not 'lost'
expect_status 78
check "$root/nowhere"
expect_status 66
"$initd" >"$console" 2>&1
status=$?
expect 'initd runs as PID 1 only'
expect_status 64
