#!/bin/sh
# A service that stops feeding its watchdog is stopped and restarted; one that feeds it is left alone,
# and one may ask for it.
. "$(dirname "$0")/lib.sh"
need perl
cat >"$root/notify.pm" <<'PERL'
package notify;
use Socket;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die;
sub say { send($socket, $_[0], 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die; }
sub rest { select(undef, undef, undef, $_[0]); }
$| = 1;
1;
PERL
service silent <<'YAML'
exec: [/usr/bin/perl, -I/, -Mnotify, -e, 'print "has $ENV{WATCHDOG_USEC}\n"; for (1..4) { notify::say("WATCHDOG=1"); notify::rest(0.1) } print "silent\n"; sleep 1000']
watchdog: 300ms
backoff: {initial: 10ms}
start_limit: {burst: 2}
YAML
service fed <<'YAML'
exec: [/usr/bin/perl, -I/, -Mnotify, -e, 'while (1) { notify::say("WATCHDOG=1"); notify::rest(0.1) }']
type: simple
watchdog: 2s
YAML
service asks <<'YAML'
exec: [/usr/bin/perl, -I/, -Mnotify, -e, 'notify::say("READY=1"); notify::say("WATCHDOG=trigger"); sleep 1000']
type: notify
restart: never
YAML
start
wait_for_control
wait_for 'silent out: has 300000'
wait_for 'service silent missed its watchdog and was killed by SIGTERM, next start in 10 ms'
expect_order 'silent out: silent' 'service silent is stopped: watchdog'
wait_for 'service silent missed its watchdog .* it failed: 2 starts'
wait_for 'service asks failed: missed its watchdog and was killed by SIGTERM'
ctl status --json fed | grep -q '"starts": 1' || fail 'fed was restarted'
ctl status silent | grep -q 'last end *signaled 15: watchdog$' || fail "status says: $(ctl status silent)"
ctl system poweroff
await
expect_status 0
