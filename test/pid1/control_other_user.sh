#!/bin/sh
# Another user may look, and is refused what changes something.
. "$(dirname "$0")/lib.sh"
# Only root can have a second user without helpers; then no user namespace is needed.
[ "$(id -u)" -eq 0 ] || skip 'not root, so there is no second user'
namespaces='unshare --pid --fork --kill-child --mount --net --uts --ipc --cgroup'
$namespaces true 2>/dev/null || skip 'namespaces are closed here'
chmod 755 "$tmp" "$root"
cp "${INITCTL:?the path of initctl}" "$root/initctl"
chmod 755 "$root/initctl"
script ask.sh <<'SH'
for request in 'ping' 'list' 'status web' 'logs web' 'system status' 'ps' 'stop web' 'restart web' \
    'disable web' 'signal 2 TERM' 'system poweroff'; do
    /initctl $request >/dev/null 2>&1
    echo "$request: $?"
done
# Twelve at a time, so that root always finds a place.
while /initctl ping 2>/dev/null; do
    /initctl events >/dev/null 2>&1 &
done
/initctl ping 2>/dev/null
echo "one too many: $?"
sleep 1000
SH
service web <<'YAML'
exec: [/bin/sleep, '1000']
YAML
service ask <<'YAML'
exec: [/ask.sh]
after: [web]
user: '4711'
group: '4711'
critical: true
restart: never
type: oneshot
YAML
start
wait_for 'ask out: system poweroff: '
for request in 'ping' 'list' 'status web' 'logs web' 'system status' 'ps'; do
    expect "ask out: $request: 0\$"
done
for request in 'stop web' 'restart web' 'disable web' 'signal 2 TERM' 'system poweroff'; do
    expect "ask out: $request: 77\$"
done
expect_not 'service web is being stopped'
wait_for 'ask out: one too many: '
expect 'ask out: one too many: 75$'
ctl system status >"$tmp/said" || fail 'root is not served beside many others'
grep -q '^clients *13$' "$tmp/said" || fail "the state is: $(cat "$tmp/said")"
ctl system halt || fail 'halt as root'
await
expect 'initd: end reason=control action=halt status=0'
