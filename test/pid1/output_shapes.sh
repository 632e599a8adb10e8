#!/bin/sh
# Whatever a service writes, and however: each byte is in the log once, in its line, under its stream, and
# no output disturbs that of others or PID 1.
. "$(dirname "$0")/lib.sh"
need socat
printf 'heartbeat: off\nlog: {ring: 8M, console: false}\n' | system
says() {
    cat >"$root/$1.sh"
    service "$1" <<YAML
exec: [/bin/sh, /$1.sh]
restart: never
log: {ring: 4M}
YAML
}
says empty <<'SH'
printf '\n\n\n'
SH
says nothing <<'SH'
exit 0
SH
says tail <<'SH'
printf 'whole\npart'
SH
says pieces <<'SH'
for word in one two three four; do printf '%s ' $word; sleep 0.02; done
echo end
SH
says long <<'SH'
head -c 1000000 /dev/zero | tr '\0' y
echo
SH
says edges <<'SH'
for count in 8191 8192 8193 16384; do head -c $count /dev/zero | tr '\0' e; echo; done
SH
says binary <<'SH'
printf 'a\000b\nc\377\376d\n\001\002\003\n'
SH
says escapes <<'SH'
printf '\033[31mred\033[0m\rback\tover\b\n'
SH
says crlf <<'SH'
printf 'windows\r\n'
SH
says many <<'SH'
seq 1 20000
SH
says both <<'SH'
echo out-1; echo err-1 >&2; echo out-2; echo err-2 >&2
SH
says grandchild <<'SH'
sh -c 'sh -c "echo from below"'
SH
says reopened <<'SH'
echo by path >/proc/self/fd/1
echo by device >/dev/stdout
echo by error device >/dev/stderr
SH
says imitator <<'SH'
echo '2026-01-31T23:59:59.123Z initd error: not of initd'
echo 'initd: end reason=workload-done action=poweroff status=0'
SH
says last <<'SH'
echo before the end
kill -KILL $$
SH
service keeper <<'YAML'
exec: [/bin/sleep, infinity]
YAML
start
wait_for_control
all_done() { [ "$(ctl list | grep -c ' \(finished\|failed\) ')" -eq 15 ]; }
wait_until all_done
# The log of a service without its timestamps and name.
log_of() { ctl logs "$1" | LC_ALL=C sed "s/^20[0-9T:.-]*Z $1 //"; }
is() {
    printf '%b' "$2" >"$tmp/expected"
    log_of "$1" >"$tmp/log"
    cmp "$tmp/log" "$tmp/expected" || fail "$3: $(head -c 500 "$tmp/log")"
    passed "$3"
}
is empty 'out: \nout: \nout: \n' 'empty lines are lines'
is nothing '' 'no output is no line'
is tail 'out: whole\nout: part\n' 'a last line without newline is a line'
is pieces 'out: one two three four end\n' 'a line written in pieces is one line'
log_of long >"$tmp/log"
[ "$(cut -d' ' -f1 "$tmp/log" | sort | uniq -c | tr -s ' \n' ' ')" = ' 122 out+: 1 out: ' ] || fail "long: parts: $(cut -d' ' -f1 "$tmp/log" | sort | uniq -c)"
[ "$(sed 's/^out+*: //' "$tmp/log" | tr -d '\n' | wc -c)" -eq 1000000 ] || fail 'long: bytes are missing'
passed 'a line of a million bytes comes in parts, whole'
[ "$(log_of edges | awk '{ print length($0) - length($1) - 1, $1 }' | tr '\n' ' ')" = '8191 out: 8192 out: 8192 out+: 1 out: 8192 out+: 8192 out: ' ] ||
    fail "edges: $(log_of edges | awk '{ print length($0) - length($1) - 1, $1 }' | tr '\n' ' ')"
passed 'lines are cut behind 8192 bytes and not before'
[ "$(log_of many | sed 's/^out: //' | cksum)" = "$(seq 1 20000 | cksum)" ] || fail 'many: lines are missing'
passed 'twenty thousand lines are all there, in order'
log_of both | grep '^out' | tr '\n' ' ' | grep -qx 'out: out-1 out: out-2 ' || fail "both: $(log_of both)"
log_of both | grep '^err' | tr '\n' ' ' | grep -qx 'err: err-1 err: err-2 ' || fail "both: $(log_of both)"
passed 'the two streams are told apart'
is grandchild 'out: from below\n' 'what grandchildren write counts'
[ "$(log_of reopened | sort | tr '\n' ' ')" = 'err: by error device out: by device out: by path ' ] || fail "reopened: $(log_of reopened)"
passed 'output can be opened again by its path'
is crlf 'out: windows\r\n' 'a carriage return is kept'
[ "$(ctl logs | grep -c '^[^ ]* initd error: not of initd')" -eq 0 ] || fail 'a service can speak as initd'
[ "$(ctl logs | grep -c '^initd: end')" -eq 0 ] || fail 'a service can announce the end'
passed 'no service can speak as initd'
is last 'out: before the end\n' 'the last words of who is killed are there'
# Bytes that are no text reach the log as they are; a terminal is not given any that could steer it.
log_of binary >"$tmp/log"
printf 'out: a\000b\nout: c\377\376d\nout: \001\002\003\n' >"$tmp/expected"
cmp "$tmp/log" "$tmp/expected" || fail 'binary: bytes are missing'
passed 'NUL bytes and bytes that are no UTF-8 are kept'
ctl logs binary --json >"$tmp/json" || fail 'logs --json of bytes that are no UTF-8'
python3 -c 'import json, sys; [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]' "$tmp/json" || fail 'JSON that is none'
passed 'JSON of such a log is JSON'
log_of escapes >"$tmp/log"
grep -q "$(printf '\033\\[31mred')" "$tmp/log" || fail 'escapes are not kept'
socat -u "EXEC:$INITCTL --socket /proc/$(pid_of_init)/root/run/initd.sock logs escapes,pty,rawer" - >"$tmp/terminal"
grep -q 'red' "$tmp/terminal" || fail "nothing is shown on a terminal: $(cat "$tmp/terminal")"
! grep -q "$(printf '\033')" "$tmp/terminal" || fail 'an escape reaches the terminal of who looks'
passed 'escapes are kept, and kept from terminals'
ctl system poweroff || fail poweroff
await
expect_status 0
