#!/bin/sh
# A thousand clients of another user talk nonsense, half sentences and too much at once: all the while root
# is answered within 100 ms, and PID 1 needs no more memory than before.
#
#   FLOOD_SECONDS=600   how long (4)
. "$(dirname "$0")/lib.sh"
flood=${FLOOD:?the path of flood}
[ -x "$flood" ] || exit 99
# Only root can have a second user without helpers; then no user namespace is needed.
[ "$(id -u)" -eq 0 ] || skip 'not root, so there is no second user'
namespaces='unshare --pid --fork --kill-child --mount --net --uts --ipc --cgroup'
$namespaces true 2>/dev/null || skip 'namespaces are closed here'
seconds=${FLOOD_SECONDS:-4}
seed=${FLOOD_SEED:-$(date +%s)}
chmod 755 "$tmp" "$root"
cp "$flood" "$root/flood"
mkdir "$root/vectors"
cp "$(dirname "$0")"/../vectors/control/* "$root/vectors/"
printf 'heartbeat: off\nlog: {console: false}\n' | system
service steady <<'YAML'
exec: [/bin/sh, -c, 'while :; do echo steady; sleep 0.01; done']
YAML
service attack <<YAML
exec: [/bin/sh, -c, 'exec nice -n 19 /flood attack /run/initd.sock 1000 $((seconds + 2)) $seed /vectors/*']
user: '4711'
group: '4711'
type: oneshot
limits: {nofile: 4096}
YAML
start
wait_for_control
resident() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$(pid_of_init)/status"; }
is_attacking() { ctl list 2>/dev/null | grep -q '^attack  *starting '; }
wait_until is_attacking
before=$(resident)
"$flood" ask "/proc/$(pid_of_init)/root/run/initd.sock" "$seconds" >"$tmp/asked"
code=$?
for _ in 1 2 3 4 5 6 7 8 9 10; do ctl ping || fail 'initctl is not answered'; done
after=$(resident)
echo "seed $seed, $seconds s: $(cat "$tmp/asked")"
echo "resident memory $before kB, then $after kB"
[ "$code" -eq 0 ] || fail 'a good client was not answered'
passed 'a good client is always answered, and initctl'
# An answer cannot come sooner than the machine lets the two run, in turns: twice there, twice back.
awk '$1 == "asked" { exit !($10 <= 100 + 4 * $12) }' "$tmp/asked" || fail 'a good client waited for longer than 100 ms'
passed 'within 100 ms'
[ "$after" -lt $((before + 1024)) ] || fail 'memory grows'
passed 'memory stays bounded'
wait_until sh -c "! '$INITCTL' --socket /proc/$(pid_of_init)/root/run/initd.sock list | grep -q '^attack  *starting '"
ctl logs attack
ctl status --json steady | grep -q '"state": "running"' || fail 'the attack stopped a service'
[ "$(ctl status --json steady | sed -n 's/^ *"starts": \([0-9]*\),*$/\1/p')" -eq 1 ] || fail 'the attack restarted a service'
passed 'no request of the attackers was carried out'
ctl system poweroff || fail poweroff
await
expect_status 0
