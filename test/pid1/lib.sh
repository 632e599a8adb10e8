# Shared by the scenarios of this folder: runs initd as a real PID 1 in namespaces.
#
# Each scenario gets a root folder ($root) over the host's programs, writes configuration with
# `system` and `service NAME`, and runs initd in it. Everything PID 1 and its services print is in
# $console. What all kinds of scenarios share is scenario.sh.
# shellcheck shell=sh
. "$(dirname "$0")/../scenario.sh"

initd=${INITD:?the path of initd}
[ -x "$initd" ] || exit 99
initd=$(realpath "$initd")

root=$tmp/root
console=$tmp/console
holder=
patience=${PATIENCE:-30} # seconds until a wait gives up
TELLING_LINES=+1

# A cgroup for this scenario, where we may make one: the groups of services are named by their services,
# and scenarios that run at the same time must not share them.
cgroup_root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
group=
if [ -n "$cgroup_root" ] && mkdir "$cgroup_root/${tmp##*/}" 2>/dev/null; then
    group=$cgroup_root/${tmp##*/}
    (echo 0 >"$group/cgroup.procs") 2>/dev/null || { rmdir "$group"; group=; }
fi

end_init() {
    [ -n "$holder" ] || return
    kill -KILL "$holder" 2>/dev/null
    wait "$holder" 2>/dev/null
}
wind_up() {
    end_init
    [ -n "$group" ] || return
    # The dead may take a moment to leave.
    holds 5 leave_cgroup
}
leave_cgroup() {
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    [ ! -d "$group" ]
}
telling_files() { ls "$console" 2>/dev/null; }

# Words, not a function: a function in the background would put a shell between us and unshare.
namespaces='unshare --user --map-root-user --pid --fork --kill-child --mount --net --uts --ipc --cgroup'
$namespaces true 2>/dev/null || skip 'namespaces are closed here'

mkdir -p "$root/etc/enclavebox/services" "$root/usr" "$root/dev" "$root/proc" "$root/sys" \
    "$root/run" "$root/tmp" "$root/root" "$root/out"
for folder in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$folder" ]; then
        ln -s "usr/$folder" "$root/$folder"
    elif [ -d "/$folder" ]; then
        mkdir "$root/$folder"
    fi
done
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\n' >"$root/etc/group"
cp "$initd" "$root/init"

# No enclave, no parent: boots at once unless a scenario wants it otherwise.
system() {
    cat >"$root/etc/enclavebox/initd.yaml"
}
printf 'heartbeat: off\n' | system

service() {
    cat >"$root/etc/enclavebox/services/$1.yaml"
}

# A shell script at $root/NAME, executable.
script() {
    { echo '#!/bin/sh'; cat; } >"$root/$1"
    chmod 755 "$root/$1"
}

# Becomes the command, in the scenario's cgroup: for a process in the background.
enter_cgroup() {
    [ -z "$group" ] || echo 0 >"$group/cgroup.procs"
    exec "$@"
}

# Starts initd as PID 1 in the background, with $words as arguments; its exit status comes from
# `await`.
words=
start() {
    : >"$console"
    # shellcheck disable=SC2016,SC2086
    enter_cgroup $namespaces sh -c '
        root=$1; shift
        for folder in usr bin sbin lib lib32 lib64 libx32; do
            [ -d "$root/$folder" ] && [ ! -L "$root/$folder" ] || continue
            mount --rbind "/$folder" "$root/$folder" || exit 99
        done
        mount --rbind /dev "$root/dev" || exit 99
        exec chroot "$root" /init "$@"' sh "$root" $words </dev/null >>"$console" 2>&1 &
    holder=$!
}

# Waits for the end; $status is the exit status of PID 1.
await() {
    (
        left=$((patience * 20))
        while [ "$left" -gt 0 ] && kill -0 "$holder" 2>/dev/null; do
            left=$((left - 1))
            sleep 0.05
        done
        kill -KILL "$holder" 2>/dev/null
    ) &
    guard=$!
    wait "$holder"
    status=$?
    holder=
    kill "$guard" 2>/dev/null
    wait "$guard" 2>/dev/null
}

run() {
    start
    await
}

# wait_until COMMAND...: the scenario fails when it does not hold within our patience.
wait_until() {
    holds "$patience" "$@" || fail "not within $patience s: $*"
}

# Waits until the console has a line that matches.
wait_for() {
    holds "$patience" grep -q -- "$1" "$console" || fail "no line '$1' within $patience s"
}

# The process id of PID 1 as seen from here: below unshare, which a tracer may have started.
pid_of_init() {
    init_pid=$holder
    until grep -q '^NSpid:.*[[:space:]]1$' "/proc/$init_pid/status"; do
        init_pid=$(cut -d' ' -f1 "/proc/$init_pid/task/$init_pid/children") || return
        [ -n "$init_pid" ] || return
    done
    echo "$init_pid"
}

# initctl with the control socket of this PID 1.
ctl() {
    "${INITCTL:?the path of initctl}" --socket "/proc/$(pid_of_init)/root/run/initd.sock" "$@"
}

# Waits until initd answers.
wait_for_control() {
    holds "$patience" ctl ping || fail "initd does not answer within $patience s"
}

# until_logged SERVICE PATTERN: waits until the service's log has a line that matches.
until_logged() {
    holds "$patience" logged "$1" "$2" || fail "no '$2' in the log of $1 within $patience s"
}
logged() { ctl logs "$1" | grep -q -- "$2"; }

expect() {
    grep -q -- "$1" "$console" || fail "no line '$1'"
}

expect_not() {
    ! grep -q -- "$1" "$console" || fail "there is a line '$1'"
}

expect_status() {
    [ "$status" -eq "$1" ] || fail "exit status $status instead of $1"
}

# expect_order FIRST SECOND: both are there, in this order.
expect_order() {
    first=$(grep -n -- "$1" "$console" | head -n 1 | cut -d: -f1)
    second=$(grep -n -- "$2" "$console" | head -n 1 | cut -d: -f1)
    if [ -z "$first" ] || [ -z "$second" ] || [ "$first" -ge "$second" ]; then
        fail "'$1' (line ${first:-none}) does not come before '$2' (line ${second:-none})"
    fi
}
