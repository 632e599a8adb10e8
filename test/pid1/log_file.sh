#!/bin/sh
# Log files: every line in order across rotations, also when the writer hangs or is killed; a full
# disk costs the lines that it had no room for, and says how many; PID 1 goes on through all of it.
. "$(dirname "$0")/lib.sh"
mkdir -p "$root/var/log" "$root/small"
mkfifo "$root/out/burst" "$root/out/steady" "$root/out/lossy" "$root/out/full"
service steady <<'YAML'
exec: [/bin/sh, -c, 'seq 1 30000; read line </out/steady; seq 30001 60000; read line </out/steady; echo last words']
type: oneshot
log: {ring: 4M, console: false, file: /var/log/steady.log, max_size: 256K, files: 20}
YAML
service lossy <<'YAML'
exec: [/bin/sh, -c, 'seq 1 100; read line </out/lossy; seq 101 20000; read line </out/lossy; echo last words']
type: oneshot
log: {ring: 16K, console: false, file: /var/log/lossy.log, files: 1}
YAML
# A service with the mounts of PID 1 gives all a small disk.
service disk <<'YAML'
exec: [/bin/mount, -t, tmpfs, -o, size=128k, tmpfs, /small]
type: oneshot
YAML
service full <<'YAML'
exec: [/bin/sh, -c, 'seq 1 5000; read line </out/full; echo room again']
type: oneshot
requires: [disk]
log: {ring: 1M, console: false, file: /small/full.log, max_size: 64K, files: 3}
YAML
service burst <<'YAML'
exec: [/bin/sh, -c, 'read line </out/burst; seq 1 20000']
type: oneshot
log: {ring: 16K, console: false, file: /var/log/burst.log, files: 1}
YAML
service nowhere <<'YAML'
exec: [/bin/echo, into nothing]
type: oneshot
log: {console: false, file: /no/such/folder/log}
YAML
start
# The gates are held open: writing to one never waits, and a read of the services ends by a line only,
# not because who wrote the line before had not closed the pipe yet.
exec 5<>"$root/out/steady" 6<>"$root/out/lossy" 7<>"$root/out/full" 8<>"$root/out/burst"
wait_for_control
pid_1=$(pid_of_init)
inside=/proc/$pid_1/root

# From the oldest file to the youngest.
all_of() { # PATH
    for number in 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1; do
        [ ! -e "$1.$number" ] || cat "$1.$number"
    done
    cat "$1"
}
await_line() { # PATH PATTERN
    left=$((patience * 20))
    until all_of "$1" 2>/dev/null | grep -q -- "$2"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || fail "no '$2' in $1"
        sleep 0.05
    done
}
writer_of() { # FILE: the process that has it open
    tr ' ' '\n' <"/proc/$pid_1/task/$pid_1/children" | while read -r child; do
        [ "$(cat "/proc/$child/comm")" = initd-log ] || continue
        for descriptor in "/proc/$child/fd"/*; do
            case $(readlink "$descriptor") in */"$1") echo "$child" ;; esac
        done
    done
}
# The numbers as they were printed; fails unless they and the lost ones are 1 to $2, each once.
account() { # FILE LAST
    all_of "$1" >"$tmp/all"
    lost=$(sed -n 's/^.* initd lost: \([0-9]*\) lines, .*/\1/p' "$tmp/all" | awk '{ sum += $1 } END { print sum + 0 }')
    repeated=$(sed -n 's/^.* initd repeated: the last \([0-9]*\) lines .*/\1/p' "$tmp/all" | awk '{ sum += $1 } END { print sum + 0 }')
    sed -n 's/^.* out: \([0-9]*\)$/\1/p' "$tmp/all" | awk -v last="$2" -v lost="$lost" -v repeated="$repeated" '
        $1 <= before { again++; next }
        { before = $1; seen++ }
        END { printf "%d seen, %d lost, %d of at most %d repeated\n", seen, lost, again, repeated
              exit !(seen + lost == last && again <= repeated) }' || fail "$1: lines are missing or repeated"
}

await_line "$root/var/log/steady.log" 'out: 30000$'
account "$root/var/log/steady.log" 30000
[ "$lost" -eq 0 ] || fail 'lines were lost while the writer kept up'
files=$(find "$root/var/log" -name 'steady.log*' | wc -l)
[ "$files" -gt 4 ] || fail "only $files files: nothing was rotated"
[ -z "$(find "$root/var/log" -size +256k)" ] || fail 'a file is too large'

# The writer hangs, as on a disk that does not answer, and then dies, which is no crash of PID 1.
writer=$(writer_of steady.log)
[ -n "$writer" ] || fail 'there is no writer'
grep -q '^CapEff:[^0-9]*0*$' "/proc/$writer/status" || fail 'the writer has capabilities'
kill -STOP "$writer"
echo go >&5
until_logged steady 'out: 60000$'
kill -SEGV "$writer"
kill -CONT "$writer"
await_line "$root/var/log/steady.log" 'out: 60000$'
account "$root/var/log/steady.log" 60000
[ "$lost" -eq 0 ] || fail 'lines were lost that the ring still had'

# The same with a ring that is too small for what is printed meanwhile.
await_line "$root/var/log/lossy.log" 'out: 100$'
writer=$(writer_of lossy.log)
kill -STOP "$writer"
echo go >&6
until_logged lossy 'out: 20000$'
kill -CONT "$writer"
await_line "$root/var/log/lossy.log" 'out: 20000$'
account "$root/var/log/lossy.log" 20000
[ "$lost" -gt 0 ] || fail 'nothing was lost: the test does not test'

# A full disk.
until_logged full 'out: 5000$'
wait_for "service full: cannot write the log to '/small/full.log': No space left on device"
# Until nothing comes any more.
: >"$tmp/before"
until all_of "$inside/small/full.log" >"$tmp/now" && cmp -s "$tmp/now" "$tmp/before"; do
    mv "$tmp/now" "$tmp/before"
    sleep 0.3
done
rm "$inside/small/full.log"*
echo go >&7
await_line "$inside/small/full.log" 'out: room again$'
cat "$inside/small/full.log" >"$tmp/young"
written=$(cat "$tmp/before" "$tmp/young" | grep -c ' out: [0-9]*$')
lost=$(cat "$tmp/before" "$tmp/young" | sed -n 's/^.* initd lost: \([0-9]*\) lines, .*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }')
echo "full disk: $written written, $lost lost"
[ "$lost" -gt 0 ] || fail 'nothing was lost on the full disk: the test does not test'
[ $((written + lost)) -eq 5000 ] || fail "full disk: $((written + lost)) lines"
wait_for "service full: the log is written to '/small/full.log' again"
wait_for "service nowhere: cannot write the log to '/no/such/folder/log': No such file or directory"

echo go >&5
echo go >&6
# Its end is the enclave's.
for name in steady lossy; do
    await_line "$root/var/log/$name.log" 'last words'
done
echo go >&8
await
for name in steady lossy; do
    [ "$(tail -n 1 "$root/var/log/$name.log" | sed 's/.* out: //')" = 'last words' ] || fail "the end of $name is missing"
done
# The end of the enclave kills writers, but not in the middle of their work.
account "$root/var/log/burst.log" 20000
[ "$repeated" -eq 0 ] || fail 'lines came twice at the end'
expect_not 'readers did not take the rest'
expect_not SIGSEGV
expect_status 0
