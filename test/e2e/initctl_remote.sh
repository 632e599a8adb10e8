#!/bin/sh
# initctl --remote into an enclave: every command of its page, as tables and as JSON, while PID 1 itself takes part in none.
. "$(dirname "$0")/lib.sh"
test_image
need jq
mkdir -p "$tmp/more/etc/enclavebox/services"
# Without the ports for log and status, which PID 1 would listen on.
grep -v '_port:' "$here/root/etc/enclavebox/initd.yaml" >"$tmp/more/etc/enclavebox/initd.yaml"
cat >"$tmp/more/etc/enclavebox/services/store.yaml" <<'END'
exec: [/bin/sh, -c, 'echo store opened; exec sleep infinity']
END
cat >"$tmp/more/etc/enclavebox/services/web.yaml" <<'END'
exec: [/bin/bash, -c, 'echo serving; while sleep 0.5; do echo request $((++n)); done']
requires: [store]
END
remote_image app "$tmp/more"
start_switch 16
start_guest 16 "$tmp/app.eif"
guest=$started
ENCLAVEBOX_VSOCK_DIR=$vsock
export ENCLAVEBOX_VSOCK_DIR
cd "$tmp" || exit 99
# An emulated module signs nothing; all else is as the page has it.
initctl() { command initctl -o allow-emulated "$@"; }
# ctl STATUS WORD...: output in out and err.
ctl() {
    wanted_end=$1
    shift
    expect_status "$wanted_end" initctl --remote vsock:16:53000 -o pcrs=app.eif.pcr "$@"
}
enters() { initctl --remote vsock:16:53000 -o pcrs=app.eif.pcr ping; }
wait_for 150 enters
web_serves() { ctl 0 logs web && grep -q 'request 2' out; }
wait_for 30 web_serves

# Tables.
ctl 0 list
for text in SERVICE STATE pipeline shell store web running; do expect_text out "$text"; done
ctl 0 status web store
expect_text out running
ctl 0 tree
expect_text out store
ctl 0 ps
expect_text out web
ctl 0 system status
expect_text out 'host      e2e'
ctl 0 logs -n 2 web
expect_equal "the last two lines" "$(grep -c 'web out: request' out)" 2
ctl 0 logs
expect_text out 'service web started'
ctl 0 ping -c 20
expect_text out 'answers 20'
ctl 66 status nobody
expect_text err nobody

# JSON.
fact() { expect_equal "$1" "$(jq -r "$1" out)" "$2"; }
ctl 0 list --json
fact 'map(.name) | sort | join(" ")' 'pipeline shell store web'
fact 'map(select(.sidecar).name) | join(" ")' pipeline
ctl 0 status --json web
fact '.[0].state' running
pid=$(jq '.[0].pid' out)
ctl 0 tree --json
fact 'map(.name) | index("web") != null' true
ctl 0 ps --json "$pid"
fact '.[0].service_name' web
ctl 0 system status --json
fact .hostname e2e
ctl 0 logs --json -n 3 web
expect_equal "lines of the log" "$(jq -c . out | wc -l)" 3

# Changes.
ctl 0 stop web
ctl 0 list --json
fact 'map(select(.name == "web").state)[0]' stopped
ctl 0 start web
ctl 0 restart -t 30s store
ctl 0 disable web
ctl 77 start web
ctl 0 enable web
ctl 0 ps run --json --name sleeper -- /bin/sleep 1000
fact .name sleeper
ctl 0 status --json sleeper
ctl 0 signal "$(jq '.[0].pid' out)" KILL
ctl 7 ps run --wait -- /bin/sh -c 'exit 7'
ctl 127 ps run --wait -- /no/such/program
pipeline run --allow-emulated --pcrs app.eif.pcr --command 'echo "env: {EDITED: yes}" >>/etc/enclavebox/services/web.yaml' vsock:16:53000 2>err ||
    fail "an edit: $(cat err)"
ctl 0 reload
expect_text out web
ctl 0 system reload --json
fact 'map(select(.change != "kept")) | length' 0

# Streams: lines as they come, to a reader that goes away, and the changes of services.
initctl --remote vsock:16:53000 -o pcrs=app.eif.pcr logs -f -n 1 web 2>err | head -n 3 >out
expect_equal "followed lines" "$(grep -c 'web out: ' out)" 3
start events initctl --remote vsock:16:53000 -o pcrs=app.eif.pcr events --json
events=$started
is_followed() { ctl 0 system status --json && [ "$(jq .clients out)" -ge 2 ]; }
wait_for 20 is_followed
ctl 0 restart web
wait_for 20 grep -q '"name":"web".*"state":"stopp' "$tmp/events.log"
wait_for 20 grep -q '"name":"web".*"state":"running"' "$tmp/events.log"

# PID 1's sockets are Unix and netlink sockets, and nobody listens on TCP.
cat >look.sh <<'END'
while read -r line; do for word in $line; do echo "$word"; done; done </proc/net/unix >/tmp/known
while read -r line; do for word in $line; do echo "$word"; done; done </proc/net/netlink >>/tmp/known
count=0
for file in /proc/1/fd/*; do
    name=$(readlink "$file")
    number=${name#socket:[}
    [ "$number" != "$name" ] || continue
    count=$((count + 1))
    grep -qxF "${number%]}" /tmp/known || echo "other: $name"
done
echo "sockets: $count"
cat /proc/net/tcp /proc/net/tcp6 | grep ' 0A '
exit 0
END
pipeline run --allow-emulated --pcrs app.eif.pcr vsock:16:53000 -- sh <look.sh >out 2>err || fail "a look at PID 1: $(cat err)"
expect_equal "sockets of PID 1 to a network, and listeners on TCP" "$(grep -v '^sockets: ' out)" ""
[ "$(sed -n 's/^sockets: //p' out)" -ge 1 ] || fail "PID 1's sockets were not found: $(cat out err)"

# Refused by pipeline: its words and its status.
sed "s/$(pcr_of 0 app.eif.pcr)/$(printf '%096d' 7)/" app.eif.pcr >wrong.pcr
expect_status 77 initctl --remote vsock:16:53000 -o pcrs=wrong.pcr list
expect_text err 'pipeline: '
expect_text err PCR0
expect_status 77 command initctl --remote vsock:16:53000 -o pcrs=app.eif.pcr list
expect_text err allow-emulated
expect_status 69 initctl --timeout 2s --remote vsock:16:53001 list

# The page's example for the host; then the end.
example=$(sed -n '/^\.Sh EXAMPLES/,/^\.Sh [^E]/p' "$top/man/initctl.1" | sed -nE 's/^(\.Dl )?\$ (.*--remote.*)/\2/p')
[ -n "$example" ] || fail "the page has no example with --remote"
(eval "$example") >out 2>err || fail "$example: $(cat err)"
expect_text out web
ctl 0 system poweroff
gone() { ! kill -0 "$guest"; }
wait_for 60 gone
# Whether initd or the channel ended first, a follower ends with the enclave.
wait "$events"
ended=$?
case $ended in
0 | 69) ;;
*) fail "the events ended with $ended: $(tail -n 2 events.log)" ;;
esac
