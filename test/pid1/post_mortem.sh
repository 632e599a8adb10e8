#!/bin/sh
# What failed is told on the status port behind the last line, and when nobody reads there, in one block on the console.
. "$(dirname "$0")/lib.sh"
need socat
mkdir "$root/out/ports"
mkfifo "$root/out/gate"
service app <<'YAML'
exec: [/bin/sh, -c, 'read line </out/gate; echo "the \"reason\""; exit 42']
restart: never
critical: true
YAML
service worker <<'YAML'
exec: [/bin/sh, -c, 'echo broken; exit 3']
restart: never
YAML
service missing <<'YAML'
exec: [/no/such/program]
YAML
service fine <<'YAML'
exec: [/bin/echo, nobody needs to see this]
type: oneshot
YAML

# With a reader.
printf 'heartbeat: off\nstatus_port: unix:/out/ports/status\nlinger: 20s\n' | system
start
wait_for 'service worker failed'
socat -u "UNIX-CONNECT:$root/out/ports/status" - >"$tmp/status" &
reader=$!
wait_until grep -q running "$tmp/status"
echo go >"$root/out/gate"
await
wait "$reader"
expect_status 42
expect_not 'BEGIN ENCLAVEBOX'
sed -n 2p "$tmp/status" >"$tmp/last"
[ "$(cat "$tmp/last")" = '{ "status": "exited", "code": 42 }' ] || fail "last line: $(cat "$tmp/last")"
sed -n 3p "$tmp/status" >"$tmp/more"
case $(cat "$tmp/more") in
'{ "status": "exited", "code": 42, "post_mortem": ["time='*'"] }') ;;
*) fail "post-mortem line: $(cat "$tmp/more")" ;;
esac
for text in 'reason=critical-failed action=poweroff status=42 service=app services=4 detail=\"exited with code 42\"' \
    '"service=app state=failed starts=1 last=\"exited with code 42\"", "| ' 'app out: the \"reason\"' \
    '"service=worker state=failed starts=1 last=\"exited with code 3\"", "| ' 'worker out: broken' \
    'service=missing state=failed' 'No such file or directory (step exec)'; do
    grep -qF "$text" "$tmp/more" || fail "no $text in $(cat "$tmp/more")"
done
! grep -q 'nobody needs\|service=fine' "$tmp/more" || fail "told of what went well: $(cat "$tmp/more")"
if command -v jq >/dev/null; then
    [ "$(jq -r '.post_mortem | length' "$tmp/more")" -ge 6 ] || fail 'no JSON'
fi

# Without one.
printf 'heartbeat: off\nstatus_port: unix:/out/ports/status\nlinger: 100ms\n' | system
start
wait_for 'service worker failed'
echo go >"$root/out/gate"
await
expect_status 42
expect_order '-----BEGIN ENCLAVEBOX POST-MORTEM-----' 'service=app state=failed starts=1 last="exited with code 42"'
expect_order 'service=app state=failed' '^| .* app out: the "reason"'
expect_order 'service=app state=failed' 'service=worker state=failed'
expect_order 'service=worker state=failed' '-----END ENCLAVEBOX POST-MORTEM-----'

# A boot that cannot go on has one too, a good end has none.
printf 'nonsense: 1\n' | system
run
expect 'reason=fatal action=poweroff status=78'
expect_order '-----BEGIN ENCLAVEBOX POST-MORTEM-----' 'time=.* reason=fatal'
printf 'heartbeat: off\n' | system
rm "$root"/etc/enclavebox/services/*.yaml
service fine <<'YAML'
exec: [/bin/true]
type: oneshot
YAML
run
expect_status 0
expect_not 'BEGIN ENCLAVEBOX'
