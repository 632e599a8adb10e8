#!/bin/sh
# sd_notify: READY, STATUS, MAINPID, STOPPING, bad datagrams, strangers, floods; systemd-notify itself
# where it is installed.
. "$(dirname "$0")/lib.sh"
need perl
cat >"$root/notify.pm" <<'PERL'
package notify;
use Socket;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die;
my $to = pack_sockaddr_un($ENV{TO} // $ENV{NOTIFY_SOCKET});
sub say { send($socket, $_[0], 0, $to) or print "send: $!\n"; }
sub wait_for { select(undef, undef, undef, 0.02) until -e "/out/$_[0]"; }
$| = 1;
1;
PERL
service web <<'YAML'
exec: [/usr/bin/perl, -I/, -Mnotify, -e, 'notify::say("STATUS=loading"); notify::wait_for("go"); notify::say("junk") for 1..3;
  notify::say("X" x 5000); notify::say("READY=1\nSTATUS=serving \e[31mall"); notify::wait_for("flood");
  notify::say("STATUS=n$_") for 1..2000; notify::say("STATUS=done"); notify::wait_for("stop");
  notify::say("STOPPING=1"); notify::wait_for("end"); exit 3']
type: notify
restart: never
YAML
service stranger <<'YAML'
exec: [/usr/bin/perl, -I/, -Mnotify, -e, 'notify::say("READY=1\nSTATUS=forged"); print "sent\n"; sleep 1000']
env: {TO: /run/initd.notify/web}
YAML
service moves <<'YAML'
exec: [/usr/bin/perl, -I/, -Mnotify, -e, 'if (my $child = fork) { notify::say("MAINPID=$child\nREADY=1"); exit 0 } notify::wait_for("move"); exit 5']
type: notify
restart: never
YAML
service after-web <<'YAML'
exec: [/bin/sh, -c, 'echo web is there; exec sleep 1000']
after: [web]
YAML
if [ -x /usr/bin/systemd-notify ]; then
    service helper <<'YAML'
exec: [/bin/sh, -c, 'systemd-notify --ready --status="by helper" && echo helper done; exec sleep 1000']
type: notify
YAML
fi
said() { ctl status --json "$1" | sed -n 's/^ *"status_text": "\(.*\)",*$/\1/p'; }
is_said() { [ "$(said "$1")" = "$2" ]; }
until_said() { holds "$patience" is_said "$1" "$2" || fail "$1 says '$(said "$1")', not '$2'"; }
start
wait_for_control
until_said web loading
wait_for 'stranger out: sent'
wait_for 'service web: a notification is passed over, .*: its sender is no process of the service'
[ "$(said web)" = loading ] || fail 'a stranger spoke for web'
expect_not 'web is there'
: >"$root/out/go"
wait_for 'web is there'
expect_order 'service web is ready' 'web is there'
until_said web 'serving  [31mall'
[ "$(grep -c 'service web: a notification is passed over' "$console")" -eq 1 ] || fail 'bad datagrams are logged more than once'
: >"$root/out/flood"
until_said web 'done'
expect 'service web: it sends too many notifications and is slowed down'
: >"$root/out/stop"
wait_for 'service web says that it ends'
: >"$root/out/end"
wait_for 'service web failed: exited with code 3'

wait_for 'service moves: its main process is [0-9]* instead of [0-9]*'
wait_for 'service moves is ready'
main=$(ctl status --json moves | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p')
grep -q "service moves: its main process is $main instead" "$console" || fail "the pid of moves is '$main'"
: >"$root/out/move"
wait_for 'service moves failed: exited with code 5'
if [ -x /usr/bin/systemd-notify ]; then
    wait_for 'helper out: helper done'
    until_said helper 'by helper'
    expect 'service helper is ready'
    # It waits at a barrier until it has been heard, so it is there when it is judged.
    expect_not 'service helper: a notification is passed over'
fi
ctl system poweroff
await
expect_status 0
