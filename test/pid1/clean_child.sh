#!/bin/sh
# A service starts clean: descriptors 0, 1 and 2 only, no signal blocked or ignored, a session of
# its own, the environment of its files and nothing of the kernel's words, its umask and folder.
. "$(dirname "$0")/lib.sh"
printf 'heartbeat: off\nenv: {COMMON: yes}\n' | system
printf 'FROM_FILE=f\nBOTH=file\n' >"$root/etc/app.env"
script look.sh <<'SH'
echo "stdin: $(readlink /proc/$$/fd/0)"
echo "session: $(cut -d' ' -f5,6,7 /proc/$$/stat) $$"
(: </dev/tty) 2>/dev/null && echo there is a terminal
echo "umask: $(umask) cwd: $(pwd) nofile: $(ulimit -n) core: $(ulimit -c)"
echo "env: $(tr '\0' ' ' </proc/$$/environ)"
SH
# The fourth is the folder that ls reads.
service fds <<'YAML'
exec: [/bin/ls, /proc/self/fd]
type: oneshot
YAML
# No shell in between: it blocks signals while it forks.
service state <<'YAML'
exec: [/bin/grep, -E, '^(SigBlk|SigIgn|NoNewPrivs):', /proc/self/status]
type: oneshot
YAML
service look <<'YAML'
exec: [/look.sh]
type: oneshot
env: {OWN: o, BOTH: own}
env_file: /etc/app.env
cwd: /etc
umask: "027"
limits: {nofile: 99, core: 0}
YAML
# initd itself is started with junk: open descriptors, ignored signals, words of the kernel.
trap '' PIPE HUP CHLD
junk=1
export junk
exec 7<"$root/look.sh" 9>"$tmp/junk"
# Signals 32 and 33, which only the kernel's own call can ignore (rt_sigaction is 13 on x86_64).
if [ "$(uname -m)" = x86_64 ] && command -v python3 >/dev/null 2>&1; then
    cat >"$tmp/ignore.py" <<'PYTHON'
import ctypes, os, sys
for number in 32, 33:
    if ctypes.CDLL(None).syscall(13, number, (ctypes.c_uint64 * 4)(1), None, 8) != 0:
        sys.exit("cannot ignore signal %d" % number)
os.execvp(sys.argv[1], sys.argv[1:])
PYTHON
    namespaces="python3 $tmp/ignore.py $namespaces"
fi
start
await
fds=$(sed -n 's/.* fds out: //p' "$console" | tr '\n' ' ')
[ "$fds" = '0 1 2 3 ' ] || fail "descriptors leak: $fds"
passed 'only descriptors 0, 1 and 2'
expect 'look out: stdin: /dev/null'
passed 'standard input is empty'
expect 'state out: SigBlk:	0000000000000000'
passed 'no signal is blocked'
expect 'state out: SigIgn:	0000000000000000'
passed 'no signal is ignored, not even those that the C library hides'
expect 'state out: NoNewPrivs:	1'
passed 'no new privileges'
session=$(sed -n 's/.*look out: session: //p' "$console")
process=${session##* }
[ "$session" = "$process $process 0 $process" ] || fail "group, session, terminal and process: $session"
expect_not 'there is a terminal'
passed 'a process group and a session of its own, no terminal'
expect 'look out: umask: 0027 cwd: /etc nofile: 99 core: 0'
passed 'umask, folder and limits as its file says'
expect 'env: BOTH=own COMMON=yes FROM_FILE=f HOME=/root LOGNAME=root OWN=o PATH=[^ ]* USER=root $'
passed 'the environment of its files and nothing else'
