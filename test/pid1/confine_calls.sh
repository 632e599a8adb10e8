#!/bin/sh
# A list of system calls: the program runs with those it names, gets an error or its end for
# others, and what cannot be executed is still told. A bad list fails its service by name.
. "$(dirname "$0")/lib.sh"
need strace
# What these programs need on this machine is best known by looking.
{
    strace -f -qq -e signal=none -o "$tmp/trace" sh -c 'mkdir "$0/made"; echo done' "$tmp" >/dev/null 2>&1
    strace -f -qq -e signal=none -o "$tmp/trace2" sh -c 'uname -s; echo done' >/dev/null 2>&1
    cat "$tmp/trace" "$tmp/trace2" | sed -n 's/^[0-9]* *\([a-z][a-z0-9_]*\)(.*/\1/p' | sort -u
} >"$tmp/calls"
grep -qx mkdir "$tmp/calls" || skip 'strace sees nothing here'
lists=$root/etc/enclavebox
{ echo '# all that is needed'; cat "$tmp/calls"; } >"$lists/enough.calls"
{ echo 'default: errno ENOSYS'; grep -vx -e mkdir "$tmp/calls"; } >"$lists/no_mkdir.calls"
{ echo 'default: kill'; grep -vx -e uname "$tmp/calls"; } >"$lists/no_uname.calls"
printf 'read\nraed\n' >"$lists/bad.calls"
: >"$lists/empty.calls"
add() { # NAME LIST COMMAND
    service "$1" <<YAML
exec: $3
type: oneshot
seccomp: /etc/enclavebox/$2.calls
YAML
}
add enough enough "[/bin/sh, -c, 'mkdir /out/enough; echo done']"
add no_mkdir no_mkdir "[/bin/sh, -c, 'mkdir /out/denied; echo done']"
add no_uname no_uname '[/bin/uname]'
add missing enough '[/bin/no-such-program]'
add empty empty '[/bin/true]'
add bad bad '[/bin/true]'
add gone gone '[/bin/true]'
start
await
expect 'enough out: done'
[ -d "$root/out/enough" ] || fail 'mkdir was not allowed'
expect "no_mkdir err: .*mkdir.*Function not implemented"
expect 'no_mkdir out: done'
[ ! -d "$root/out/denied" ] || fail 'mkdir was allowed'
expect 'service no_uname failed: was killed by SIGSYS'
expect "service missing failed: cannot exec '/bin/no-such-program': No such file or directory (step exec)"
# The dynamic loader can do nothing without its calls.
expect 'service empty failed: \(exited with code\|was killed by\)'
expect "service bad: /etc/enclavebox/bad.calls:2:1: 'raed' is not a system call here"
expect 'service gone: /etc/enclavebox/services/gone.yaml: seccomp ./etc/enclavebox/gone.calls. does not exist'
