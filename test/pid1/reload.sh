#!/bin/sh
# A reload touches only what changed: of 20 services one edited file restarts exactly that one; bad
# files are refused with their place and nothing changes; what is new starts, what is gone is
# stopped and forgotten; what was stopped or disabled by request stays so.
. "$(dirname "$0")/lib.sh"
script obey.sh <<'SH'
trap 'exit 0' TERM
echo "begins as $WHO"
sleep 1000 & wait
SH
one() {
    service "$1" <<YAML
exec: [/obey.sh]
env: {WHO: $1$3}
$2
YAML
}
numbers='01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19'
for number in $numbers; do one "s$number" 'requires: [base]' ''; done
pids() { ctl list --json | sed -n 's/^ *"name": "\(.*\)",*$/\1/p; s/^ *"pid": \([0-9]*\),*$/\1/p' | paste -s -d ' '; }
changed() { grep -E '^(added|removed|restarted|updated) ' "$tmp/said" | tr -s ' ' | sort | paste -s -d ,; }
refused() {
    ctl reload >"$tmp/said" 2>&1
    code=$?
    [ "$code" -eq 78 ] || fail "a reload of a bad tree gives $code: $(cat "$tmp/said")"
    grep -q "$1" "$tmp/said" || fail "a reload of a bad tree says: $(cat "$tmp/said")"
    [ "$(pids)" = "$before" ] || fail 'a refused reload changed something'
}
one base '' ''
start
wait_for_control
for number in $numbers; do wait_for "s$number out: begins"; done
before=$(pids)

ctl reload >"$tmp/said" || fail 'reload'
grep -q '^0 added, 0 removed, 0 restarted, 0 updated, 20 kept$' "$tmp/said" || fail "$(cat "$tmp/said")"
[ "$(pids)" = "$before" ] || fail 'a reload of nothing new touched a process'

# One of 20, and it is even one that all others require.
one base '' -again
ctl system reload >"$tmp/said" || fail 'reload'
[ "$(changed)" = 'restarted base' ] || fail "$(cat "$tmp/said")"
wait_for 'base out: begins as base-again'
after=$(pids)
[ "$(echo "$before" | tr ' ' '\n' | sort)" != "$(echo "$after" | tr ' ' '\n' | sort)" ] || fail 'base was not restarted'
[ "${before#base [0-9]* }" = "${after#base [0-9]* }" ] || fail "others were touched: $before / $after"
ctl logs base | grep -q 'begins as base$' || fail 'the log of base was lost'
ctl status --json base | grep -q '"starts": 2' || fail 'the starts of base were lost'
before=$after

# Bad files: the place, and nothing changes, not even what is right.
one s05 'requires: [base]' -new
printf 'exec: [/obey.sh]\nrestrat: always\n' | service s03
refused '/etc/enclavebox/services/s03.yaml:2:1: unknown key .*restrat.*, did you mean .*restart'
one s03 'requires: [nobody]' ''
refused 'service s03: it requires .*nobody.*, which does not exist'
one s03 'requires: [s04]' ''
one s04 'requires: [s03]' ''
refused 'its order is a cycle: s03 -> s04 -> s03'
one s03 'requires: [base]' ''
one s04 'requires: [base]' ''
printf 'heartbeat: off\nlinger: soon\n' | system
refused '/etc/enclavebox/initd.yaml:2:9: '
printf 'heartbeat: off\n' | system
rm "$root/etc/enclavebox/services/base.yaml"
refused 'it requires .*base.*, which does not exist'
one base '' -again

# Added, removed, restarted, updated; stopped and disabled ones stay so.
ctl stop s06 || fail 'stop'
ctl disable s07 || fail 'disable'
one s05 'requires: [base]' ''
one s06 'requires: [base]' -new
one s07 'requires: [base]' -new
one s08 'restart: always' ''
one s09 'requires: [base]' -new
rm "$root/etc/enclavebox/services/s10.yaml"
service t01 <<'YAML'
exec: [/obey.sh]
env: {WHO: t01}
after: [s09]
YAML
ctl logs -f s10 >"$tmp/follows" 2>&1 &
follower=$!
pid_08=$(ctl status --json s08 | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p')
ctl reload >"$tmp/said" || fail "$(cat "$tmp/said")"
[ "$(changed)" = 'added t01,removed s10,restarted s06,restarted s07,restarted s09,updated s08' ] || fail "$(cat "$tmp/said")"
wait_for 't01 out: begins as t01'
wait_for 's09 out: begins as s09-new'
order=$(grep -o 'service [a-z0-9]* started' "$console" | grep -e s09 -e t01 | tail -n 2 | paste -s -d ,)
[ "$order" = 'service s09 started,service t01 started' ] || fail "the order is $order"
wait "$follower" && fail 'a follower of a removed service is not told'
grep -q 'not there any more' "$tmp/follows" || fail "the follower is told: $(cat "$tmp/follows")"
expect_order 'service s10 stopped' 'service s10 is forgotten'
expect_not 'begins as s06-new'
expect_not 'begins as s07-new'
[ "$(ctl status --json s08 | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p')" = "$pid_08" ] || fail 's08 was restarted'
ctl status --json s08 | grep -q '"restart_policy": "always"' || fail 's08 has its old policy'
ctl status s10 2>/dev/null && fail 's10 is still there'
ctl start s06 || fail 'start of what was stopped'
wait_for 's06 out: begins as s06-new'
ctl start s07 2>/dev/null && fail 's07 is not disabled any more'
ctl reload --json | grep -q '"change": "kept"' || fail 'reload --json'

# SIGHUP is the same.
one s11 'requires: [base]' -hup
kill -HUP "$(pid_of_init)" || fail 'kill'
wait_for 's11 out: begins as s11-hup'
wait_for 'initd info: reload: 0 added, 0 removed, 1 restarted, 0 updated, 19 kept'
ctl system poweroff
await
expect_status 0
