#!/bin/sh
# Every kind of system call that PID 1 makes while it runs fails once, one life for each: amid crashes,
# orphans, output, readers and requests, after which PID 1 answers, has its services up again and stops
# them in order; amid health checks, watchdogs, confinement, reloads and programs run once; and where
# nothing else happens that would make good what was missed.
#
#   FAILING_CALLS=all      every plausible error at FAILING_OCCURRENCES (12) calls of each kind: the first,
#                          or in a watched life, which begins as a busy one does, from all parts of it
#   FAILING_CALLS=CALL     every plausible error of this one
#   FAILING_CALLS=sample   one error, at one call of each kind (the default)
#   FAILING_LIVES          which lives, of busy, watched, quiet and told (all)
. "$(dirname "$0")/lib.sh"
need socat perl
inject=${INJECT:?the path of inject}
[ -x "$inject" ] || skip 'no tracer for this processor'
extent=${FAILING_CALLS:-sample}
occurrences=${FAILING_OCCURRENCES:-12}
lives=${FAILING_LIVES:-busy watched quiet told}
plain=$namespaces
PATIENCE=20
patience=20

mkdir "$root/out/ports"
printf 'heartbeat: off\nlog: {ring: 64K}\nlog_port: unix:/out/ports/log\nstatus_port: unix:/out/ports/status\nlinger: 3s\n' | system
script steady.sh <<'SH'
trap 'echo $1 >>/out/order; exit 0' TERM
(sleep 0.02 &)
echo up
echo up >&2
echo ready >&5
while :; do sleep 100 & wait; done
SH
service base <<'YAML'
exec: [/steady.sh, base]
type: ready-fd
ready: {fd: 5, timeout: 2s}
stop: {timeout: 3s}
restart: always
backoff: {initial: 10ms, max: 20ms}
YAML
service follower <<'YAML'
exec: [/steady.sh, follower]
type: ready-fd
ready: {fd: 5, timeout: 2s}
requires: [base]
stop: {timeout: 3s}
restart: always
backoff: {initial: 10ms, max: 20ms}
YAML
service crash <<'YAML'
exec: [/bin/sh, -c, 'echo crashing; sleep 0.05; exit 3']
restart: always
backoff: {initial: 20ms, max: 20ms}
start_limit: {burst: 0}
log: {file: /out/crash.log, max_size: 64K, files: 2}
YAML
service deaf <<'YAML'
exec: [/bin/sh, -c, 'trap "" TERM; while :; do sleep 100; done']
stop: {timeout: 50ms}
restart: always
backoff: {initial: 10ms, max: 20ms}
YAML
# Ready in every way there is, each within a second or it starts again.
ready() {
    service "$1" <<YAML
exec: [/bin/sh, -c, '$2']
type: $3
ready: {timeout: 1s$4}
restart: always
backoff: {initial: 10ms, max: 20ms}
start_limit: {burst: 0}
stop: {timeout: 500ms}
YAML
}
ready by-line 'echo >&5; exec sleep 100' ready-fd ', fd: 5'
ready by-message 'printf READY=1 | socat - "UNIX-SENDTO:$NOTIFY_SOCKET"; exec sleep 100' notify ''
ready by-file 'sleep 0.05; touch /out/ready; exec sleep 100' simple ', file: /out/ready'
ready by-socket 'exec socat UNIX-LISTEN:/run/by-socket,fork,unlink-early -' simple ', unix: /run/by-socket'
service missing <<'YAML'
exec: [/no/such/program]
YAML

state() { ctl status --json "$1" | sed -n 's/^ *"state": "\(.*\)",*$/\1/p'; }
starts() { ctl status --json "$1" | sed -n 's/^ *"starts": \([0-9]*\),*$/\1/p'; }
pid() { ctl status --json "$1" | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p'; }
are_running() { # NAME...
    ctl list >"$tmp/list" || return
    for one; do grep -q "^$one  *running " "$tmp/list" || return; done
}
# Asked again, as the request to start it may be the one that failed.
crashes_on() { [ "$(starts crash)" -gt "$1" ] || { ctl --timeout 1s start crash; false; }; }
is_up_again() { [ "$(starts base)" -gt "$count" ] && are_running base follower; }

# One busy life. Requests may fail, as one of the calls does; what counts is checked.
busy() {
    readers=
    start
    wait_until ctl ping
    socket=/proc/$(pid_of_init)/root/run/initd.sock
    socat -u "UNIX-CONNECT:$root/out/ports/log" - >/dev/null 2>&1 &
    readers=$!
    socat -u "UNIX-CONNECT:$root/out/ports/status" - >/dev/null 2>&1 &
    readers="$readers $!"
    for words_of_client in 'events' 'logs -f' 'logs -f base'; do
        # shellcheck disable=SC2086
        "$INITCTL" --socket "$socket" $words_of_client >/dev/null 2>&1 &
        readers="$readers $!"
    done
    for words_of_client in list 'status base' ps 'logs -n 2' 'system status' 'restart base' 'stop crash' 'start crash' \
        'start missing' 'status nobody'; do
        # shellcheck disable=SC2086
        "$INITCTL" --socket "$socket" --timeout 2s $words_of_client >/dev/null 2>&1
    done
    kill -HUP "$(pid_of_init)"
    # Whatever failed by now, it works again.
    wait_until are_running base follower deaf by-line by-message by-file by-socket
    count=$(starts crash)
    wait_until crashes_on "${count:-0}"
    count=$(starts base)
    ctl --timeout 2s signal "$(pid base)" KILL >/dev/null 2>&1 || count=0
    wait_until is_up_again
    : >"$root/out/order"
    ctl --timeout 2s system poweroff >/dev/null 2>&1 || kill -TERM "$(pid_of_init)" 2>/dev/null
    await
    # shellcheck disable=SC2086
    kill $readers 2>/dev/null
    [ "$status" -eq 0 ] || fail "PID 1 ended with $status"
    # Whoever was not told by the signal that failed was killed later, in the same order.
    order=$(tr '\n' ' ' <"$root/out/order")
    [ "$order" != 'base follower ' ] || fail "order of the stop: $order"
}

# One watched life: services in cages that are looked after by checks and watchdogs, a reload that
# changes, adds and removes, and programs that are run once.
lasting() { # NAME, and its keys on the input: a service that starts again whatever happens to it
    {
        printf 'restart: always\nbackoff: {initial: 10ms, max: 100ms}\nstart_limit: {burst: 0}\nstop: {timeout: 2s}\n'
        cat
    } | service "$1"
}
watched_services() {
    rm -f "$root"/etc/enclavebox/services/*
    printf 'heartbeat: off\nlog: {ring: 64K}\n' | system
    mkdir -p "$root/secret" "$root/srv"
    : >"$root/secret/file"
    script check.sh <<'SH'
echo checking
[ ! -e /out/sick ]
SH
    script caged.sh <<'SH'
for path in /tmp/mine /srv/file /secret/file; do
    [ ! -e "$path" ] || echo "$path is there" >>/out/open
done
: >/tmp/mine
(: >/srv/file) 2>/dev/null && echo 'srv can be written' >>/out/open
grep -q '^CapBnd:[^0-9]*0*$' /proc/self/status || echo 'there are capabilities' >>/out/open
echo >&5
while :; do sleep 100 & wait; done
SH
    # Its sender may end at once, as what it sent is read before its end is told.
    cat >"$root/talker.pl" <<'PERL'
use Socket;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die;
my $to = pack_sockaddr_un($ENV{NOTIFY_SOCKET});
if (my $child = fork) { send($socket, "MAINPID=$child\nREADY=1\nSTATUS=here", 0, $to); exit 0 }
while (1) { select(undef, undef, undef, 0.1); send($socket, "WATCHDOG=1", 0, $to) }
PERL
    lasting caged <<'YAML'
exec: /caged.sh
type: ready-fd
ready: {fd: 5, timeout: 2s}
health: {exec: /check.sh, interval: 20ms, timeout: 1s, retries: 2}
private_tmp: 1M
read_only: [/srv]
inaccessible: [/secret]
capabilities: []
YAML
    lasting rooted <<'YAML'
exec: /caged.sh
type: ready-fd
ready: {fd: 5, timeout: 2s}
read_only_root: true
writable: [/out]
inaccessible: [/secret]
private_tmp: true
private_network: true
capabilities: []
YAML
    lasting hung <<'YAML'
exec: [/bin/sleep, 1000]
health: {exec: [/bin/sh, -c, 'sleep 4321 & sleep 4321'], interval: 20ms, timeout: 50ms, retries: 1}
YAML
    lasting moves <<'YAML'
exec: [/usr/bin/perl, /talker.pl]
type: notify
ready: {timeout: 2s}
watchdog: 1s
YAML
    lasting silent <<'YAML'
exec: [/bin/sleep, 1000]
watchdog: 50ms
YAML
    edited 1
    lasting removed <<'YAML'
exec: [/bin/sleep, 1000]
YAML
}
edited() {
    lasting edited <<YAML
exec: [/bin/sh, -c, ': >/out/edited-$1; exec sleep 1000']
YAML
}
health() { ctl status --json "$1" | sed -n 's/^ *"health": "\(.*\)",*$/\1/p'; }
is_healthy() { [ "$(health "$1")" = healthy ]; }
starts_on() { [ "$(starts "$1")" -gt "$2" ]; }
# Asked again, as in a busy life.
is_reloaded() {
    if [ -e "$root/out/edited-2" ] && are_running added && ! grep -q '^removed ' "$tmp/list"; then return; fi
    ctl --timeout 2s reload
    false
}
runs_once() { ctl --timeout 2s ps run --wait -- /bin/sh -c 'echo once; exit 7'; [ $? -eq 7 ]; }
has_long() { [ "$(state long)" = starting ] || { ctl --timeout 2s ps run --name long -- sleep 1000; false; }; }
has_no_long() {
    case $(state long) in stopped | failed) return ;; esac
    ctl --timeout 2s stop long
    false
}
watched() {
    readers=
    rm -rf "$root"/out/*
    watched_services
    start
    wait_until ctl ping
    wait_until are_running caged rooted moves
    edited 2
    rm "$root/etc/enclavebox/services/removed.yaml"
    lasting added <<'YAML'
exec: [/bin/sleep, 1000]
private_tmp: true
health: {exec: [/bin/true], interval: 50ms}
YAML
    wait_until is_reloaded
    wait_until is_healthy caged
    count=$(starts caged)
    : >"$root/out/sick"
    wait_until runs_once
    wait_until has_long
    wait_until has_no_long
    wait_until starts_on caged "${count:-0}"
    rm "$root/out/sick"
    for name in hung silent; do wait_until starts_on "$name" 1; done
    for name in caged added; do wait_until is_healthy "$name"; done
    wait_until are_running rooted moves edited
    ctl --timeout 2s system poweroff >/dev/null 2>&1 || kill -TERM "$(pid_of_init)" 2>/dev/null
    await
    [ "$status" -eq 0 ] || fail "PID 1 ended with $status"
    [ ! -e "$root/out/open" ] || fail "a cage was open: $(cat "$root/out/open")"
}

# One quiet life: a service fails three times, a tenth of a second apart, and that is the end. Nothing
# else wakes PID 1, so nothing else makes good what was missed.
quiet() {
    readers=
    rm -f "$root"/etc/enclavebox/services/*
    printf 'heartbeat: off\n' | system
    service lonely <<'YAML'
exec: [/bin/sh, -c, 'echo one >>/out/lives; exit 1']
backoff: {initial: 100ms, max: 100ms}
start_limit: {burst: 3, interval: 60s}
YAML
    rm -f "$root/out/lives"
    run
    # A start that failed counts as well, and may be the last.
    case $status in 1 | 126) ;; *) fail "PID 1 ended with $status" ;; esac
    [ "$(wc -l <"$root/out/lives")" -ge 2 ] || fail "$(wc -l <"$root/out/lives") starts"
}

# One told life: two services say that they are ready, once, and a third waits for them. Neither ends
# before it has run, so that a word that was missed is missed for good.
told() {
    readers=
    rm -rf "$root"/out/* "$root"/etc/enclavebox/services/*
    printf 'heartbeat: off\n' | system
    cat >"$root/once.pl" <<'PERL'
use Socket;
select(undef, undef, undef, 0.05);
if ($ENV{NOTIFY_SOCKET}) {
    socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die;
    send($socket, "READY=1", 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET}));
} else {
    open(my $ready, ">&=", 5) or die;
    syswrite($ready, "\n");
}
select(undef, undef, undef, 0.02) until -e "/out/told";
PERL
    for type in notify ready-fd; do
        service "$type" <<YAML
exec: [/usr/bin/perl, /once.pl]
type: $type
ready: {timeout: 5s$([ "$type" = notify ] || echo ', fd: 5')}
backoff: {initial: 10ms}
YAML
    done
    service waits <<'YAML'
exec: [/bin/touch, /out/told]
type: oneshot
restart: on-failure
backoff: {initial: 10ms}
requires: [notify, ready-fd]
YAML
    run
    [ "$status" -eq 0 ] || fail "PID 1 ended with $status"
    expect_not 'ready timeout'
}

# spread COUNT MOST: at most so many of the numbers from 1 to COUNT, from all parts of it.
spread() {
    awk -v count="$1" -v most="$2" 'BEGIN {
        if (most > count) most = count
        for (at = 0; at < most; at++) print 1 + int(at * count / most) }'
}

# fail_each LIFE: first one in which nothing fails, which tells the calls there are.
runs=0
failures=0
fail_each() {
    namespaces="$inject --log $tmp/calls -- $plain"
    began=$(date +%s%N)
    "$1"
    took=$((($(date +%s%N) - began) / 1000000))
    ! grep unknown "$tmp/calls" || fail 'calls.h does not know these calls'
    [ "$(wc -l <"$tmp/calls")" -ge 15 ] || fail "too few calls to be true: $(cat "$tmp/calls")"
    echo "a $1 life takes $took ms and makes $(awk '{ sum += $2 } END { print sum }' "$tmp/calls") calls of $(wc -l <"$tmp/calls") kinds"
    while read -r call count <&3; do
        errors=$("$inject" --errors "$call")
        [ -n "$errors" ] || { echo "$call cannot fail"; continue; }
        [ "$count" -le "$occurrences" ] || [ "$1" = watched ] || count=$occurrences
        case $extent in
        sample) errors=${errors%% *} numbers=1 ;;
        all | "$call") numbers=$(spread "$count" "$occurrences") ;;
        *) continue ;;
        esac
        case $extent-$1-$call in
        # Nothing about these is another than in a busy life.
        sample-watched-accept4 | sample-watched-sendto | sample-watched-recvfrom | sample-watched-getsockopt | \
            sample-watched-ioctl | sample-watched-brk | sample-watched-munmap | sample-watched-madvise) continue ;;
        sample-watched-*) numbers=$(((count + 1) / 2)) ;;
        # A descriptor that is watched late must not make the order of its news another.
        sample-told-epoll_ctl) numbers=$(spread "$count" "$occurrences") ;;
        esac
        for error in $errors; do
            before=$failures
            for number in $numbers; do fail_one "$1"; done
            [ "$failures" -gt "$before" ] ||
                passed "a $1 life: $call fails with $error, at $(echo "$numbers" | wc -l) of its calls"
        done
    done 3<"$tmp/calls"
}
fail_one() {
    namespaces="$inject --fail $call:$error:$number -- $plain"
    doing="$call fails with $error at call $number"
    if ! (
        # The cgroup is for the lives to come as well.
        trap 'kill $readers 2>/dev/null; end_init' EXIT
        "$1"
    ); then
        failures=$((failures + 1))
        tail -n 20 "$console"
    fi
    runs=$((runs + 1))
    doing=
}

for life in $lives; do fail_each "$life"; done
echo "$runs lives with one failure each"
[ "$failures" -eq 0 ] || fail "$failures of $runs lives"
