#!/bin/sh
# Orders and requirements in all shapes: who starts after whom, who is not started and why, what a stop and
# a restart take along, and how deep and wide it may be.
. "$(dirname "$0")/lib.sh"
# unit NAME COMMAND KEYS
unit() {
    service "$1" <<YAML
exec: [/bin/sh, -c, '$2']
restart: never
$3
YAML
}
stay='exec sleep infinity'
# A diamond of services that are ready when they have done their work.
unit top 'echo top >>/out/order' 'type: oneshot'
unit left 'echo left >>/out/order' 'type: oneshot
requires: [top]'
unit right 'sleep 0.05; echo right >>/out/order' 'type: oneshot
requires: [top]'
unit bottom 'echo bottom >>/out/order' 'requires: [left, right]
type: oneshot'
# Cycles of one, two and three, and who hangs on them.
unit self "$stay" 'after: [self]'
unit self-required "$stay" 'requires: [self-required]'
unit ring-a "$stay" 'requires: [ring-b]'
unit ring-b "$stay" 'before: [ring-a]
after: [ring-a]'
unit on-ring "$stay" 'requires: [ring-a]'
unit beside-ring "$stay" 'wants: [ring-a]'
# What fails, and who minds.
unit failing 'exit 7' 'type: oneshot'
unit strict "$stay" 'requires: [failing]'
unit stricter "$stay" 'requires: [strict]'
unit tolerant "$stay" 'wants: [failing]'
unit later "$stay" 'after: [failing]'
unit absent-required "$stay" 'requires: [nobody]'
unit absent-wanted "$stay" 'wants: [nobody]'
unit absent-after "$stay" 'after: [nobody]'
unit off "$stay" 'enabled: false'
unit off-required "$stay" 'requires: [off]'
unit off-wanted "$stay" 'wants: [off]'
unit first 'echo first >>/out/before' 'before: [second]
type: oneshot'
unit second 'echo second >>/out/before' 'type: oneshot'
unit broken "$stay" 'nonsense: true'
unit on-broken "$stay" 'requires: [broken]'
# Deep and wide.
unit chain-1 "$stay" ''
for number in $(seq 2 100); do unit "chain-$number" "$stay" "requires: [chain-$((number - 1))]"; done
for number in $(seq 1 60); do unit "leaf-$number" "$stay" 'requires: [chain-1]'; done
start
wait_for_control
pid() { ctl status --json "$1" | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p'; }
state() { ctl status --json "$1" | sed -n 's/^ *"state": "\(.*\)",*$/\1/p'; }
is_state() { [ "$(state "$1")" = "$2" ]; }
is() {
    wait_until is_state "$1" "$2"
    passed "$3"
}
is bottom finished 'a diamond is gone through'
[ "$(head -n 1 "$root/out/order") $(tail -n 1 "$root/out/order") $(wc -l <"$root/out/order")" = 'top bottom 4' ] || fail "order: $(cat "$root/out/order")"
passed 'a diamond has its order, and each part runs once'
is self failed 'after itself: a cycle'
is self-required failed 'required by itself: a cycle'
is ring-a failed 'a cycle through before and after'
expect 'service ring-b: its order is a cycle: '
is on-ring failed 'who requires a part of a cycle fails'
is beside-ring running 'who only wants a part of a cycle runs'
is strict failed 'who requires what failed is not started'
is stricter failed 'nor is who requires that one'
expect 'service strict is not started: what it requires failed'
is tolerant running 'who wants what failed runs'
is later running 'who comes after what failed runs'
is absent-required failed 'who requires nobody fails'
is absent-wanted running 'who wants nobody runs'
is absent-after running 'who comes after nobody runs'
is off idle 'what is disabled is not started'
is off-required failed 'who requires what is disabled fails'
is off-wanted running 'who wants what is disabled runs'
is second finished 'before is kept'
[ "$(tr '\n' ' ' <"$root/out/before")" = 'first second ' ] || fail "before: $(cat "$root/out/before")"
passed 'before has its order'
is on-broken failed 'who requires a service with a bad file fails'
is chain-100 running 'a chain of a hundred starts to its end'
is leaf-60 running 'sixty that require one start'
before=$(pid chain-50)
ctl restart chain-99 || fail 'restart at the end of the chain'
[ "$(pid chain-50)" = "$before" ] || fail 'a restart went up the chain'
passed 'a restart does not go up the chain'
ctl stop chain-2 || fail 'stop in the chain'
is chain-100 stopped 'a stop goes down the chain to its end'
is leaf-60 running 'and does not go beside'
ctl start chain-100 || fail 'start at the end of the chain'
is chain-2 running 'a start brings up the chain above'
ctl system poweroff || fail poweroff
await
expect_order 'service chain-100 stopped' 'service chain-1 is being stopped'
expect_order 'service leaf-60 stopped' 'service chain-1 is being stopped'
passed 'the stop goes through chain and leaves in reverse order'
expect_status 0
