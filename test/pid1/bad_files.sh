#!/bin/sh
# A bad service file fails that service with its place; a bad initd.yaml ends the boot with its.
. "$(dirname "$0")/lib.sh"
service good <<'YAML'
exec: [/bin/echo, good ran]
type: oneshot
YAML
service bad <<'YAML'
exec: [/bin/echo, bad ran]
helth: {}
YAML
service later <<'YAML'
exec: [/bin/echo, later ran]
ready: {tcp: "example.org:80"}
YAML
service follower <<'YAML'
exec: [/bin/echo, follower ran]
requires: [bad]
YAML
run
expect "service bad: /etc/enclavebox/services/bad.yaml:2:1: unknown key 'helth', did you mean 'health'?"
expect 'service later: /etc/enclavebox/services/later.yaml:2:14: expected a numeric ADDRESS:PORT'
expect 'service follower is not started: what it requires failed'
expect 'good out: good ran'
expect_not 'bad ran'
expect_not 'later ran'
expect_not 'follower ran'
expect_status 78

printf 'heartbeat: off\nhostnam: x\n' | system
run
expect 'initd: end reason=fatal action=poweroff status=78 detail="/etc/enclavebox/initd.yaml:2:1: '
expect_not 'ran$'
expect_status 78
