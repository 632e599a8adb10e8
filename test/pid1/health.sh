#!/bin/sh
# Health checks: so many failures in a row end a service, output is logged only then, a check that
# hangs is killed with its children, and a healthy service is left alone.
. "$(dirname "$0")/lib.sh"
script check.sh <<'SH'
echo "checked $WHO"
[ ! -e "/out/sick-$WHO" ] || { echo "bad news of $WHO" >&2; exit 4; }
SH
service sick <<'YAML'
exec: [/bin/sleep, 1000]
env: {WHO: sick}
health: {exec: /check.sh, interval: 50ms, retries: 3}
backoff: {initial: 10ms}
YAML
service well <<'YAML'
exec: [/bin/sleep, 1000]
env: {WHO: well}
health: {exec: [/check.sh], interval: 20ms, retries: 1}
YAML
service hangs <<'YAML'
exec: [/bin/sleep, 1000]
health: {exec: [/bin/sh, -c, 'sleep 4321 & sleep 4321'], interval: 20ms, timeout: 100ms, retries: 2}
restart: never
YAML
service absent <<'YAML'
exec: [/bin/sleep, 1000]
health: {exec: [/no/such/check], interval: 20ms, retries: 1}
restart: never
YAML
start
wait_for_control
wait_for 'service hangs: its health check took too long, failure 2 of 2'
wait_for 'service hangs failed: was unhealthy and was killed by SIGTERM'
wait_for 'service absent: its health check cannot start: errno 2 (step exec), failure 1 of 1'
wait_for 'service absent failed: was unhealthy'
left=200
until ctl status sick | grep -q '^  health *healthy$'; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || fail "status says: $(ctl status sick)"
    sleep 0.05
done
expect_not 'checked'
ctl ps >"$tmp/ps" || fail 'ps'
! grep -q 'sleep 4321' "$tmp/ps" || fail "a check was not killed: $(cat "$tmp/ps")"
: >"$root/out/sick-sick"
wait_for 'service sick: its health check exited with code 4, failure 3 of 3'
expect 'service sick: its health check says: checked sick'
expect 'service sick: its health check says: bad news of sick'
wait_for 'service sick is stopped: unhealthy'
rm "$root/out/sick-sick"
wait_for 'service sick was unhealthy and was killed by SIGTERM, next start in 10 ms'
ctl status --json well | grep -q '"starts": 1' || fail 'well was restarted'
ctl status --json well | grep -q '"health": "healthy"' || fail 'well is not healthy'
ctl system poweroff
await
expect_status 0
