#!/bin/sh
# A child that cannot become its program tells the step and the errno, at every step; what will not
# change by itself is not tried again, and the enclave's end tells 127 from 126.
. "$(dirname "$0")/lib.sh"
mkdir "$root/programs"
cd "$root/programs" || exit 99
printf 'not a program' >text
printf 'x' >plain
printf '#!/no/such/interpreter\n' >orphaned
printf '#!/programs/plain\n' >misled
: >empty
printf '\177ELF' >stump
cp /bin/true busy
ln -s loop loop
chmod 755 text orphaned misled empty stump busy
cd "$tmp" || exit 99
long=$(printf '%0300d' 0)

# fails NAME PROGRAM ERROR STEP [MORE]: the service cannot start and says why.
wanted=$tmp/wanted
: >"$wanted"
fails() {
    service "$1" <<YAML
exec: [$2]
restart: always
backoff: {initial: 1ms, max: 1ms}
start_limit: {burst: 3, interval: 60s}
${5-}
YAML
    printf '%s\t%s\n' "$1" "service $1 failed: cannot exec '$2': $3 (step $4)\$" >>"$wanted"
}
fails missing /usr/bin/no-such-program 'No such file or directory' exec
fails pathless no-such-program 'No such file or directory' exec
fails forbidden /programs/plain 'Permission denied' exec
fails folder /programs 'Permission denied' exec
fails below-a-file /programs/plain/x 'No such file or directory' exec
fails nonsense /programs/text 'Exec format error' exec
fails stump /programs/stump 'Exec format error' exec
fails no-interpreter /programs/orphaned 'No such file or directory' exec
fails bad-interpreter /programs/misled 'Permission denied' exec
fails loop /programs/loop 'Too many levels of symbolic links' exec
fails long-word /bin/true 'Argument list too long' exec "env: {LONG: $(head -c 140000 /dev/zero | tr '\0' x)}"
fails nowhere /bin/true 'No such file or directory' folder 'cwd: /no/such/folder'
fails cwd-file /bin/true 'Not a directory' folder 'cwd: /programs/plain'
fails greedy /bin/true 'Operation not permitted' limits 'limits: {nofile: 4294967295}'
fails foreign /bin/true '.*' 'groups*' 'user: 4242
group: 4242'
# A long name is shortened, the reason is not.
service long-name <<YAML
exec: [/programs/$long]
YAML
printf 'long-name\t%s\n' "service long-name failed: cannot exec '/programs/0*\.\.\.': File name too long (step exec)\$" >>"$wanted"
# Found in PATH behind a folder that has it, but not executable.
mkdir "$root/first"
printf 'x' >"$root/first/true"
service in-path <<'YAML'
exec: [true]
type: oneshot
env: {PATH: /first:/no/such/folder:/bin}
YAML
# Busy is what changes by itself.
service busy <<'YAML'
exec: [/programs/busy]
restart: always
backoff: {initial: 100ms, max: 100ms}
start_limit: {burst: 0}
YAML
service keeper <<'YAML'
exec: [/bin/sleep, infinity]
YAML
exec 8>>"$root/programs/busy"
start 8>&-
wait_for_control
while IFS='	' read -r name line; do
    wait_for "$line"
    [ "$(grep -c "service $name .*next start" "$console")" -eq 0 ] || fail "$name is tried again"
    passed "cannot exec: $name"
done <"$wanted"
wait_for 'service in-path exited with code 0'
passed 'PATH is searched on after what is not executable'
wait_for "service busy cannot exec '/programs/busy': Text file busy (step exec), next start in 100 ms"
exec 8>&-
wait_for 'service busy started'
passed 'a busy text file is tried again until it is free'
# No descriptor, process or zombie is left of all that.
[ "$(ctl ps | grep -c ' Z ')" -eq 0 ] || fail "zombies: $(ctl ps)"
passed 'failed starts leave no zombies'
ctl system poweroff || fail poweroff
await

rm "$root"/etc/enclavebox/services/*
for pair in '/no/such/program 127' '/programs/text 126' '/programs/plain 126'; do
    service app <<YAML
exec: [${pair% *}]
critical: true
YAML
    run
    expect "initd: end reason=critical-failed action=poweroff status=${pair#* } service=app detail=\"cannot exec"
    expect_status "${pair#* }"
done
passed 'the end tells 127 for what is not there and 126 for what cannot be executed'
