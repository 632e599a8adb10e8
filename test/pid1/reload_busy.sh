#!/bin/sh
# While a reload waits for a service that is slow to stop, others are served, the service itself
# cannot be started, another reload has to wait, and a failed service is started by its new file.
. "$(dirname "$0")/lib.sh"
script slow.sh <<'SH'
trap 'until [ -e /out/go ]; do sleep 0.02; done; exit 0' TERM
echo "slow $1"
sleep 1000 & wait
SH
service slow <<'YAML'
exec: [/slow.sh, one]
YAML
service other <<'YAML'
exec: [/bin/sleep, 1000]
YAML
service broken <<'YAML'
exec: [/bin/false]
type: oneshot
YAML
service waits <<'YAML'
exec: [/bin/sh, -c, 'echo waits ran; exec sleep 1000']
requires: [broken]
YAML
start
wait_for_control
wait_for 'service waits is not started'
wait_for 'slow out: slow one'
service slow <<'YAML'
exec: [/slow.sh, two]
YAML
service broken <<'YAML'
exec: [/bin/true]
type: oneshot
YAML
ctl reload >"$tmp/said" 2>&1 &
reload=$!
wait_for 'service slow is being stopped'
for request in 'start slow' 'restart slow' reload; do
    # shellcheck disable=SC2086
    ctl $request >"$tmp/answer" 2>&1
    code=$?
    [ "$code" -eq 75 ] || fail "$request gives $code: $(cat "$tmp/answer")"
    grep -q 'a reload is under way' "$tmp/answer" || fail "$request says: $(cat "$tmp/answer")"
done
ctl restart other || fail 'restart of another service'
: >"$root/out/go"
wait "$reload" || fail "reload says: $(cat "$tmp/said")"
grep -q '^restarted  *slow$' "$tmp/said" || fail "reload says: $(cat "$tmp/said")"
wait_for 'slow out: slow two'
wait_for 'service broken exited with code 0'
ctl start waits || fail 'start of what its requirement had failed'
wait_for 'waits out: waits ran'

# The end of the enclave ends a reload, too.
rm "$root/out/go"
service slow <<'YAML'
exec: [/slow.sh, three]
YAML
ctl reload >"$tmp/said" 2>&1 &
reload=$!
wait_for 'user [0-9]* asks for a reload'
left=200
until [ "$(grep -c 'service slow is being stopped' "$console")" -ge 2 ]; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || fail 'slow is not being stopped'
    sleep 0.05
done
ctl system poweroff
: >"$root/out/go"
wait "$reload" && fail 'a reload that never ended succeeded'
await
expect_not 'slow three'
expect_status 0
