#!/bin/sh
# pipeline run as its users know docker exec and ssh: bytes, exit codes, signals, ends, jobs, terminals.
# shellcheck disable=SC2086,SC2046,SC2015,SC2154  # $trust and lists are several words
. "$(dirname "$0")/pipeline.sh"
need python3 sha256sum

pipeline keygen >"$tmp/keys" 2>"$tmp/err" || fail "keygen: $(cat "$tmp/err")"
serve socket "$tmp/keys"
server=$started

doing="exit codes"
expect_status 0 run_there true
expect_status 7 run_there sh -c 'exit 7'
expect_status 255 run_there sh -c 'exit 255'
expect_status 127 run_there no-such-program-anywhere
expect_status 126 run_there /etc/passwd
for signal in HUP:129 KILL:137 SEGV:139 TERM:143; do
    expect_status "${signal#*:}" run_there sh -c "kill -${signal%:*} \$\$"
done
expect_status 64 call run "$address"
expect_status 64 call run "$address" --command 'true' -- true
expect_status 64 call run "$address" -- "$(head -c 70000 /dev/zero | tr '\0' x)"
passed "exit codes and deaths come through"

doing="bytes"
head -c 10000000 /dev/urandom >"$tmp/data"
run_there cat <"$tmp/data" >"$tmp/got" || fail "cat"
expect_same "$tmp/data" "$tmp/got"
expect_equal "sum of the input" "$(sha256sum <"$tmp/data")" "$(run_there sha256sum <"$tmp/data")"
run_there sh -c 'head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2' >"$tmp/got" 2>"$tmp/got2"
expect_equal "both outputs" "3000000 3000000" "$(wc -c <"$tmp/got") $(wc -c <"$tmp/got2")"
expect_status 0 run_there sh -c 'echo out; echo err >&2'
expect_equal "output" out "$(cat "$tmp/out")"
expect_equal "errors" err "$(grep -v 'pipeline:\|PCR' "$tmp/err")"
passed "10 MB each way, and errors apart"

doing="half-close"
expect_equal "after the end of input" "3 end" "$(printf abc | run_there sh -c 'printf "%s " "$(wc -c)"; echo end')"
expect_equal "no input" 0 "$(call run -n "$address" -- wc -c <"$tmp/data")"
expect_equal "program that reads nothing" ready "$(run_there echo ready <"$tmp/data")"
passed "the end of input is passed on"

doing="a closed output"
timeout 10 pipeline run $trust "$address" -- yes 2>/dev/null | head -1 >"$tmp/out"
expect_equal "one line" y "$(cat "$tmp/out")"
call run "$address" -- echo lost >/dev/full 2>"$tmp/err"
expect_equal "a full disk behind the output" 74 $?
expect_text "$tmp/err" "No space left on device"
passed "a closed output ends the program, a full one is an error"

doing="what goes along"
expect_equal "variables" "1 two words" "$(call run -e A=1 -e 'B=two words' "$address" -- sh -c 'echo "$A $B"')"
expect_equal "folder" /usr "$(call run -w /usr "$address" -- pwd)"
expect_status 126 call run -w /no/such/folder "$address" -- pwd
expect_text "$tmp/err" "/no/such/folder"
expect_equal "descriptors" "0 1 2 3" "$(run_there sh -c 'cd /proc/self/fd && echo *')"
expect_equal "signals" 0000000000000000 "$(run_there sed -n 's/^SigIgn:\t//p' /proc/self/status)"
expect_equal "blocked signals" 0000000000000000 "$(run_there sed -n 's/^SigBlk:\t//p' /proc/self/status)"
if [ "$(id -u)" -eq 0 ]; then
    expect_equal "user" "65534 65534" "$(call run -u 65534 -w / "$address" -- sh -c 'echo $(id -u) $(id -G)')"
    expect_status 126 call run -u 65534 -w /root "$address" -- true
fi
expect_status 78 call run -u no-such-user-here "$address" -- true
passed "variables, folder, user, and nothing else"

doing="time limit"
before=$(date +%s)
expect_status 143 call run --timeout 300ms "$address" -- sleep 60
[ $(($(date +%s) - before)) -le 3 ] || fail "the limit took $(($(date +%s) - before)) s"
passed "a time limit holds"

doing="json"
expect_status 3 call run --json "$address" -- sh -c 'printf "a\377b\000c\033"; printf "\200" >&2; exit 3'
python3 - "$tmp/out" <<'END' || fail "not the object: $(cat "$tmp/out")"
import json, sys
value = json.loads(open(sys.argv[1], 'rb').read().decode('utf-8'))
assert value['rc'] == 3, value
assert value['stdout'].startswith('a') and value['stdout'].endswith('b\0c\x1b'), value
assert set(value) == {'stdout', 'stderr', 'rc'}, value
END
expect_status 137 call run --json "$address" -- sh -c 'kill -KILL $$'
expect_text "$tmp/out" '"signal":9'
passed "one object, whatever bytes there are"

doing="signals"
start signalled pipeline run $trust "$address" -- sh -c 'trap "echo got; exit 5" TERM; echo $$; while :; do sleep 0.05; done'
wait_for 10 grep -q '^[0-9]' "$tmp/signalled.log"
kill -TERM "$started"
wait "$started"
expect_equal "exit of the signalled" 5 $?
expect_text "$tmp/signalled.log" got
passed "TERM goes to the program"

# A program with a child in the background and one in a session of its own.
family='echo $$; sleep 1000 & echo $!; setsid sleep 1000 & sleep 0.1; echo $!; wait'
family_of() { grep '^[0-9]*$' "$tmp/$1.log"; }
three_lines() { [ "$(family_of "$1" | wc -l)" -eq 3 ]; }

doing="killed client"
start victim pipeline run $trust "$address" -- sh -c "$family"
wait_for 10 three_lines victim
kill -KILL "$started"
wait_for 3 gone $(family_of victim | head -2)
passed "the client killed: program and children are gone"

doing="stopped connection"
start stuck pipeline run $trust "$address" -- sh -c 'trap "" TERM; echo $$; sleep 1000 & wait; sleep 1000'
wait_for 10 grep -q '^[0-9]' "$tmp/stuck.log"
kill -KILL "$started"
wait_for 3 gone "$(grep '^[0-9]*$' "$tmp/stuck.log")"
passed "a program that ignores TERM is gone, too"

doing="killed server"
serve doomed "$tmp/keys"
doomed=$started
at doomed
start orphan pipeline run $trust "$address" -- sh -c "$family"
orphan=$started
wait_for 10 three_lines orphan
mkfifo "$tmp/fifo"
sh -c 'exec sleep 1000' <"$tmp/fifo" &
jobs_started="$jobs_started $!"
pipeline run $trust "$address" -- cat /dev/zero >"$tmp/fifo" 2>"$tmp/blocked.log" &
blocked=$!
jobs_started="$jobs_started $blocked"
wait_for 10 grep -q 'client=' "$tmp/doomed.log"
before=$(date +%s%N)
kill -KILL "$doomed"
wait "$orphan"
expect_equal "exit of the client" 69 $?
took=$((($(date +%s%N) - before) / 1000000))
[ "$took" -lt 1000 ] || fail "the client took $took ms"
wait_for 3 gone $(family_of orphan | head -2)
# A client whose output nobody reads waits for that, and does not burn the processor meanwhile.
ticks() { awk '{ print $14 + $15 }' "/proc/$blocked/stat"; }
used=$(ticks)
sleep 0.5
[ $(($(ticks) - used)) -lt 20 ] || fail "a client whose output is stuck spins: $(($(ticks) - used)) ticks in 0.5 s"
kill -KILL "$blocked"
at socket
passed "the server killed: 69 after $took ms, and nothing is left"

doing="jobs"
job=$(call run -d "$address" -- sh -c 'echo out; echo err >&2; sleep 0.2; exit 4' 2>/dev/null) || fail "no job"
job_ended() { call jobs "$address" 2>/dev/null | grep -F "$job" | grep -q 4; }
wait_for 10 job_ended
expect_status 0 call jobs "$address" "$job"
expect_text "$tmp/out" out
expect_text "$tmp/err" err
expect_status 66 call jobs "$address" ../../etc
expect_status 66 call jobs "$address" 00000000
passed "a job outlives its session, and tells its end"

doing="terminal"
python3 - $trust "$address" >"$tmp/terminal.log" 2>&1 <<'END' || fail "the terminal"
import fcntl, os, pty, select, struct, sys, termios, time

def shell(*words):
    pid, fd = pty.fork()
    if pid == 0:
        os.environ['TERM'] = 'xterm'
        os.execvp('pipeline', ['pipeline', *words])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 99, 0, 0))
    return pid, fd

def until(fd, text, seconds=10):
    heard = b''
    end = time.time() + seconds
    while text not in heard:
        if not select.select([fd], [], [], max(0, end - time.time()))[0]:
            raise SystemExit(f'no {text!r} in {heard!r}')
        try:
            heard += os.read(fd, 4096)
        except OSError:
            raise SystemExit(f'ended without {text!r}: {heard!r}')
    return heard

def status(pid, fd):
    try:
        while os.read(fd, 4096):
            pass
    except OSError:
        pass
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

trust = sys.argv[1:]
pid, fd = shell('shell', *trust)
os.write(fd, b'echo si""ze $(stty size) $TERM\r')
until(fd, b'size 33 99 xterm')
os.write(fd, b'sleep 100; echo inter""rupted $?\r')
time.sleep(0.3)
os.write(fd, b'\x03')
os.write(fd, b'echo af""ter\r')
until(fd, b'after')
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
os.kill(pid, 28)
os.write(fd, b'sleep 0.2; echo si""ze $(stty size)\r')
until(fd, b'size 40 120')
os.write(fd, b'exit 9\r')
assert status(pid, fd) == 9

pid, fd = shell('run', '-t', *trust, '--', 'sh', '-c', 'test -t 0 && test -t 1 && echo both; kill -TERM $$')
until(fd, b'both')
assert status(pid, fd) == 143

pid, fd = shell('shell', *trust)
os.write(fd, b'echo rea""dy\r')
until(fd, b'ready')
os.write(fd, b'\r~.')
assert status(pid, fd) == 69
END
passed "a terminal: size, Ctrl-C, resize, exit status, way out"

doing="a session that its own program kills"
expect_status 69 pipeline run $trust "$address" -- sh -c 'kill -9 $PPID; sleep 1000'
cut_off() { pipeline audit "$tmp/socket.audit" | grep 'kill -9 .*PPID' | grep -q 'cut off: its session was killed'; }
wait_for 10 cut_off
passed "whoever kills its session is in the audit log all the same"

doing="end of the server"
start last pipeline run $trust "$address" -- sh -c 'echo $$; sleep 1000'
last=$started
wait_for 10 grep -q '^[0-9]*$' "$tmp/last.log"
kill -TERM "$server"
wait "$last"
expect_equal "exit of the client" 69 $?
wait "$server"
expect_equal "exit of the server" 0 $?
expect_status 0 pipeline audit "$tmp/socket.audit"
expect_text "$tmp/out" "exit 7"
expect_text "$tmp/out" "signal 15, out of time"
passed "the server ends in order, and its audit log is whole"
