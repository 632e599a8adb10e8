#!/bin/sh
# initctl --remote: every command over pipeline's channel says what it says locally; keys decide, pipeline's own errors
# and exit codes reach the user, and no pipeline outlives its initctl.
. "$(dirname "$0")/lib.sh"
pipeline=${PIPELINE:?the path of pipeline}
nsm=${NSM:?the path of nsm}
PATH=${pipeline%/*}:$PATH
XDG_CONFIG_HOME=$tmp/config
export PATH XDG_CONFIG_HOME
printf 'heartbeat: off\nlog: {console: false}\n' | system
service store <<'YAML'
exec: [/bin/sh, -c, 'echo store opened; exec sleep 1000']
YAML
service web <<'YAML'
exec: [/bin/sh, -c, 'n=0; while sleep 0.05; do n=$((n + 1)); echo "request $n"; done']
requires: [store]
YAML
start
wait_for_control

# A server with a module in software. Three keys: one for all, one that only looks about itself, one that is another user.
printf '{"Measurements": {"PCR0": "%096d", "PCR1": "%096d", "PCR2": "%096d"}}' 1 2 3 >"$tmp/pcrs"
module=emulator:$tmp/module,measurements=$tmp/pcrs
"$nsm" --device "$module" describe >/dev/null 2>"$tmp/said" || {
    grep -qF 'this build has no NSM emulator' "$tmp/said" && skip 'this build has no NSM emulator'
    fail "no module: $(cat "$tmp/said")"
}
"$pipeline" keygen >"$tmp/keys" 2>/dev/null || fail 'keygen'
for name in looker other stranger; do
    "$pipeline" keygen -o "$tmp/$name" >"$tmp/$name.line" 2>/dev/null || fail "keygen $name"
done
{ printf 'allow=info+run '; cat "$tmp/looker.line"; } >>"$tmp/keys"
[ "$(id -u)" -ne 0 ] || { printf 'user=4711 '; cat "$tmp/other.line"; } >>"$tmp/keys"
mkfifo "$tmp/ready"
socket=/proc/$(pid_of_init)/root/run/initd.sock
# By a name from within its folder: to another user the way through /proc is closed.
(
    cd "${socket%/*}" && exec "$pipeline" serve -a "$tmp/keys" -m "$module" --control-socket initd.sock --jobs "$tmp/jobs" --ready-fd 3 \
        "unix:$tmp/way" 3>"$tmp/ready" 2>"$tmp/served"
) &
jobs_started="$jobs_started $!"
read -r _ <"$tmp/ready"
# remote STATUS WORD...: output in $tmp/out and $tmp/err.
remote() {
    wanted=$1
    shift
    "$INITCTL" --remote "unix:$tmp/way" --remote-option "pcrs=$tmp/pcrs" --remote-option "root=$tmp/module/root.pem" "$@" \
        >"$tmp/out" 2>"$tmp/err"
    got=$?
    [ "$got" -eq "$wanted" ] || fail "status $got instead of $wanted: $* ($(cat "$tmp/err"))"
}
# same WORD...: both ways the same, but for the time that goes on.
same() {
    remote 0 "$@"
    ctl "$@" >"$tmp/local" || fail "$*"
    sed -i -E 's/[0-9.]+(ms|s|min) *//' "$tmp/local" "$tmp/out"
    diff "$tmp/local" "$tmp/out" >"$tmp/difference" || fail "$*: $(cat "$tmp/difference")"
}

until_logged web 'request 2$'
remote 0 ping
remote 0 ping -c 5
grep -q '^answers 5 ' "$tmp/out" || fail "ping: $(cat "$tmp/out")"
same list
same tree
same tree --json
same logs store
same logs --json store
remote 0 list --json
grep -q '"web"' "$tmp/out" || fail 'list --json'
remote 0 status web store
grep -q running "$tmp/out" || fail 'status'
remote 0 ps
grep -q ' web' "$tmp/out" || fail 'ps'
remote 0 system status
grep -q '^services  2, 2 up' "$tmp/out" || fail "system status: $(cat "$tmp/out")"
remote 0 logs -n 3 web
[ "$(wc -l <"$tmp/out")" -eq 3 ] || fail "logs -n 3: $(cat "$tmp/out")"
for change in 'stop web' 'start web' 'restart store' 'disable web' 'enable web'; do
    # shellcheck disable=SC2086
    remote 0 $change
done
remote 66 status nobody
grep -q "^initctl: service 'nobody'" "$tmp/err" || fail "of nobody: $(cat "$tmp/err")"
remote 7 ps run --wait -- /bin/sh -c 'exit 7'
remote 127 ps run --wait -- /no/such/program
remote 0 ps run --name sleeper -- /bin/sleep 1000
remote 0 ps --json
sleeper=$("$INITCTL" --socket "$socket" status --json sleeper | sed -n 's/^ *"pid": *\([0-9]*\).*/\1/p')
remote 0 signal "$sleeper" KILL
service late <<'YAML'
exec: [/bin/sleep, '1000']
YAML
remote 0 reload
grep -q 'late' "$tmp/out" || fail "reload: $(cat "$tmp/out")"
remote 0 system reload

# Followers: a reader that goes away ends the channel without a word, and a kill leaves no pipeline behind.
remote 0 logs -n 5 web
"$INITCTL" -r "unix:$tmp/way" -o "pcrs=$tmp/pcrs" -o "root=$tmp/module/root.pem" logs -f -n 1 web 2>"$tmp/err" | head -n 3 >"$tmp/out"
[ "$(grep -c 'web out: request' "$tmp/out")" -eq 3 ] || fail "logs -f: $(cat "$tmp/out" "$tmp/err")"
[ ! -s "$tmp/err" ] || fail "a reader that went away is worth words: $(cat "$tmp/err")"
"$INITCTL" -r "unix:$tmp/way" -o "pcrs=$tmp/pcrs" -o "root=$tmp/module/root.pem" events >"$tmp/events" 2>"$tmp/err" &
follower=$!
has_clients() { ctl system status | grep -q "^clients *$1\$"; }
wait_until has_clients 2
remote 0 restart web
wait_until grep -q ' web running ' "$tmp/events"
child=$(cut -d ' ' -f 1 "/proc/$follower/task/$follower/children")
[ "$(cat "/proc/$child/comm")" = pipeline ] || fail 'the follower has no pipeline'
kill -KILL "$follower"
wait "$follower" 2>/dev/null
wait_until test ! -e "/proc/$child"
wait_until has_clients 1

# Refused: by the key's options, by user, for want of a key, by measurements that are others, by nobody.
remote 77 -o "key=$tmp/looker" list
grep -q '^pipeline: .*control' "$tmp/err" || fail "without the right: $(cat "$tmp/err")"
remote 77 -o "key=$tmp/stranger" list
[ "$(grep -c '^pipeline: ' "$tmp/err")" -ge 1 ] || fail "a stranger: $(cat "$tmp/err")"
! grep -q '^initctl: ' "$tmp/err" || fail "initctl adds nothing to: $(cat "$tmp/err")"
printf '{"Measurements": {"PCR0": "%096d"}}' 9 >"$tmp/others"
remote 77 -o "pcrs=$tmp/others" list
grep -q 'PCR0' "$tmp/err" || fail "other measurements: $(cat "$tmp/err")"
if [ "$(id -u)" -eq 0 ]; then
    # The session has become that user before it connects, and initd looks at who connects.
    chmod 711 "$tmp" "$root"
    remote 0 -o "key=$tmp/other" list
    remote 77 -o "key=$tmp/other" stop web
    remote 0 -o "key=$tmp/other" logs -n 1 web
fi
remote 64 -o no-such-option list
grep -q '^pipeline: ' "$tmp/err" || fail "an unknown option: $(cat "$tmp/err")"
remote 64 -o --pcrs=x list
remote 64 -s "$socket" list
"$INITCTL" -o "pcrs=$tmp/pcrs" list 2>/dev/null
[ $? -eq 64 ] || fail 'an option for nobody'
"$INITCTL" -t 1s -r "unix:$tmp/nobody" list 2>"$tmp/err"
[ $? -eq 69 ] || fail "nobody listens: $(cat "$tmp/err")"
grep -q "^pipeline: .*$tmp/nobody" "$tmp/err" || fail "nobody listens: $(cat "$tmp/err")"
PATH=/nowhere "$INITCTL" -r "unix:$tmp/way" list 2>"$tmp/err"
[ $? -eq 127 ] || fail "no pipeline: $(cat "$tmp/err")"
grep -q 'neither beside initctl nor on the PATH' "$tmp/err" || fail "no pipeline: $(cat "$tmp/err")"

# The end of initd is the end of a log, and no failure.
"$INITCTL" -r "unix:$tmp/way" -o "pcrs=$tmp/pcrs" -o "root=$tmp/module/root.pem" logs -f >"$tmp/log" 2>"$tmp/followed" &
follower=$!
wait_until grep -q 'web out: request' "$tmp/log"
remote 0 system poweroff
[ ! -s "$tmp/err" ] || fail "the end is worth words: $(cat "$tmp/err")"
await
expect_status 0
wait "$follower"
code=$?
[ "$code" -eq 0 ] || fail "the follower ended with $code: $(cat "$tmp/followed")"
