#!/bin/sh
# Dependents wait for readiness: a newline on a descriptor, a TCP or Unix socket, a file.
. "$(dirname "$0")/lib.sh"
need perl
# Each waits for /tmp/go-NAME before it becomes what its readiness asks for.
script wait.sh <<'SH'
until [ -e "/out/go-$1" ]; do sleep 0.02; done
SH
service fd <<'YAML'
exec: [/bin/sh, -c, '/wait.sh fd; printf "so\nready\n" >&5; exec 5>&-; sleep 1000']
type: ready-fd
ready: {fd: 5}
YAML
service tcp <<'YAML'
exec: [/bin/sh, -c, '/wait.sh tcp; exec perl -MIO::Socket::INET -e "@l = IO::Socket::INET->new(LocalAddr => q(127.0.0.1:7001), Listen => 1) or die; sleep 1000"']
ready: {tcp: "127.0.0.1:7001"}
YAML
service local <<'YAML'
exec: [/bin/sh, -c, '/wait.sh local; exec perl -MIO::Socket::UNIX -e "@l = IO::Socket::UNIX->new(Local => q(/run/local.sock), Listen => 1) or die; sleep 1000"']
ready: {unix: /run/local.sock}
YAML
: >"$root/out/stale"
service file <<'YAML'
exec: [/bin/sh, -c, '/wait.sh file; mv /out/fresh /out/stale; exec sleep 1000']
ready: {file: /out/stale}
YAML
for one in fd tcp local file; do
    service "after-$one" <<YAML
exec: [/bin/sh, -c, 'echo follows $one; exec sleep 1000']
requires: [$one]
YAML
done
start
wait_for_control
for one in fd tcp local file; do wait_for "service $one started"; done
ctl status tcp >"$tmp/said" || fail 'status'
grep -q '^  state *starting' "$tmp/said" || fail "status says: $(cat "$tmp/said")"
grep -q '^  ready *no, waits for tcp 127.0.0.1:7001$' "$tmp/said" || fail "status says: $(cat "$tmp/said")"
expect_not 'is ready'
: >"$root/out/fresh"
for one in fd tcp local file; do
    expect_not "follows $one"
    : >"$root/out/go-$one"
    wait_for "out: follows $one"
    expect_order "service $one is ready" "out: follows $one"
done
ctl status --json fd | grep -q '"ready": true' || fail 'the control protocol does not say ready'
ctl system poweroff
await
expect_status 0
