#!/bin/sh
# The options of keys, held to by every command of the client, in every way a session can start.
# shellcheck disable=SC2086,SC2046,SC2015,SC2154  # $trust and lists are several words
. "$(dirname "$0")/pipeline.sh"
need python3

mkdir -p "$tmp/data/in" "$tmp/outside"
echo inside >"$tmp/data/file"
echo secret >"$tmp/outside/secret"
echo local >"$tmp/local"
mkdir "$tmp/tree" && echo leaf >"$tmp/tree/leaf"
chmod 755 "$tmp" "$tmp/data" "$tmp/outside"
ln -s "$tmp/outside" "$tmp/data/way-out"
ln -s ../outside "$tmp/data/way-up"

line() { # OPTIONS NAME
    echo "$1 $(new_key "$2") $2" >>"$tmp/keys"
}
line 'command="echo one; echo \"asked $PIPELINE_ORIGINAL_COMMAND\""' command
line 'allow=copy' copy
line 'allow=run' run
line 'allow=shell' shell
line 'allow=info' info
line 'allow=forward' forward
line 'allow=control' control
line "path=$tmp/data" path
line 'from-cid=77' cid
line 'expires=2020-01-01' expired
line 'permit-open=tcp:127.0.0.1:1' open
line 'max-sessions=1' single
line 'max-time=700ms' brief
line 'environment=COLOUR=red,environment=A=1' coloured
[ "$(id -u)" -ne 0 ] || line 'user=65534' nobody
soon=$(date -u -d "+5 seconds" +%Y-%m-%dT%H:%M:%SZ)
line "expires=$soon" soon
started_at=$(date +%s)

start control vcat --listen --keep "unix:$tmp/control.sock" -- cat
wait_for 10 test -S "$tmp/control.sock"
serve socket "$tmp/keys" --control-socket "$tmp/control.sock"

# try NAME COMMAND...: with the key NAME. Output in $tmp/out.
try() {
    key=$tmp/$1.key
    shift
    timeout 20 pipeline "$1" $trust --key "$key" "$address" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
}

# Every way to ask, as NAME: does it with the key $1 and says whether the server let it.
rm_traces() { rm -rf "$tmp/trace" "$tmp/taken" "$tmp/outside/new" "$tmp/sock-l" "$tmp/sock-r"; }
way() {
    key=$tmp/$1.key
    case $2 in
    run) timeout 20 pipeline run $trust --key "$key" "$address" -- touch "$tmp/trace" ;;
    run-command) timeout 20 pipeline run $trust --key "$key" --command "touch $tmp/trace" "$address" ;;
    run-tty) timeout 20 pipeline run -t $trust --key "$key" "$address" -- touch "$tmp/trace" ;;
    run-json) timeout 20 pipeline run -j $trust --key "$key" "$address" -- touch "$tmp/trace" ;;
    job) timeout 20 pipeline run -d $trust --key "$key" "$address" -- touch "$tmp/trace" ;;
    shell) echo "touch $tmp/trace; exit" | timeout 20 pipeline shell $trust --key "$key" "$address" ;;
    jobs) timeout 20 pipeline jobs $trust --key "$key" "$address" ;;
    cp-to) timeout 20 pipeline cp $trust --key "$key" "$address" "$tmp/local" ":$tmp/outside/new" ;;
    cp-from) timeout 20 pipeline cp $trust --key "$key" "$address" ":$tmp/outside/secret" "$tmp/taken" ;;
    cp-stdin) echo x | timeout 20 pipeline cp $trust --key "$key" "$address" - ":$tmp/outside/new" ;;
    cp-streams) timeout 20 pipeline cp -s 3 $trust --key "$key" "$address" ":$tmp/outside/secret" "$tmp/taken" ;;
    send-file) timeout 20 pipeline send-file $trust --key "$key" "$address" "$tmp/local" "$tmp/outside/new" ;;
    recv-file) timeout 20 pipeline recv-file $trust --key "$key" "$address" "$tmp/outside/secret" "$tmp/taken" ;;
    send-dir) timeout 20 pipeline send-dir $trust --key "$key" "$address" "$tmp/tree" "$tmp/outside/new" ;;
    recv-dir) timeout 20 pipeline recv-dir $trust --key "$key" "$address" "$tmp/outside" "$tmp/taken" ;;
    local) echo | timeout 2 pipeline forward $trust --key "$key" -W "tcp:127.0.0.1:$web" "$address" ;;
    remote) timeout 2 pipeline forward $trust --key "$key" -R "tcp:127.0.0.1:0=unix:$tmp/nothing" --ready-fd 3 "$address" 3>"$tmp/trace" ;;
    remote-unix) timeout 2 pipeline forward $trust --key "$key" -R "unix:$tmp/sock-r=unix:$tmp/nothing" "$address" ;;
    local-unix) echo hello | timeout 2 pipeline forward $trust --key "$key" -W "unix:$tmp/control.sock" "$address" ;;
    control) echo hello | timeout 2 pipeline forward $trust --key "$key" --control "$address" ;;
    info) timeout 20 pipeline info $trust --key "$key" "$address" ;;
    ping) timeout 20 pipeline ping $trust --key "$key" "$address" ;;
    esac >"$tmp/out" 2>"$tmp/err" </dev/null
}
programs="run run-command run-tty run-json job shell"
copies="cp-to cp-from cp-stdin cp-streams send-file recv-file send-dir recv-dir"
forwards="local remote local-unix remote-unix"

cat >"$tmp/web.py" <<'END'
import socket, sys
server = socket.create_server(('127.0.0.1', 0))
print(server.getsockname()[1], flush=True)
while True:
    peer, _ = server.accept()
    peer.recv(100)
    peer.sendall(b"web\n")
    peer.close()
END
start web python3 "$tmp/web.py"
wait_for 10 test -s "$tmp/web.log"
web=$(cat "$tmp/web.log")

# refused KEY WAY...: 77 for each, and no trace of it.
refused() {
    refused_key=$1
    shift
    for one in "$@"; do
        rm_traces
        way "$refused_key" "$one"
        got=$?
        [ $got -eq 77 ] || fail "the key $refused_key may do $one: $got $(head -c 300 "$tmp/err")"
        for path in trace outside/new sock-r; do
            [ ! -s "$tmp/$path" ] && [ ! -S "$tmp/$path" ] && [ ! -d "$tmp/$path" ] || fail "the key $refused_key did $one"
        done
        [ ! -e "$tmp/taken" ] || [ -z "$(ls -A "$tmp/taken")" ] || fail "the key $refused_key took by $one"
        ! grep -q 'hello\|web\|secret$' "$tmp/out" || fail "the key $refused_key got an answer by $one: $(cat "$tmp/out")"
    done
}

doing="allow"
refused copy $programs jobs $forwards control info
refused run shell $copies $forwards control info
refused shell run run-command run-tty run-json job jobs $copies $forwards control info
refused info $programs jobs $copies $forwards control
refused forward $programs jobs $copies control info local-unix remote-unix
refused control $programs jobs $copies $forwards info
passed "allow: what is not named is refused in every way"

doing="what allow names works"
for pair in run:run run:job run:jobs run:run-tty copy:cp-to copy:cp-from copy:send-dir copy:recv-dir info:info info:ping forward:local control:control; do
    rm_traces
    way "${pair%:*}" "${pair#*:}" || fail "$pair: $? $(cat "$tmp/err")"
done
passed "allow: what is named works"

doing="command"
rm_traces
refused command $copies $forwards control
for one in run run-command run-tty run-json job shell; do
    rm_traces
    way command "$one" || fail "command by $one: $(cat "$tmp/err")"
    [ ! -e "$tmp/trace" ] || fail "another command than the key's by $one"
    case $one in
    job) ;;
    shell) expect_text "$tmp/out" "asked" ;;
    *) expect_text "$tmp/out" "asked touch $tmp/trace" ;;
    esac
done
for option in "-e ENV=/tmp/x" "-e LD_PRELOAD=/tmp/x.so" "-w /tmp"; do
    expect_status 77 pipeline run $trust --key "$tmp/command.key" $option "$address" -- true
done
passed "command: nothing else runs, whatever is asked for"

doing="path"
refused path $programs jobs $forwards control
refused path $copies
take() { timeout 20 pipeline "$1" $trust --key "$tmp/path.key" "$address" "$2" "$tmp/taken" >"$tmp/out" 2>"$tmp/err"; }
for source in ../outside/secret way-out/secret way-up/secret in/../../outside/secret "$tmp/data/../outside/secret" \
    "$tmp/data/way-out/secret" /proc/self/root/etc/passwd "$tmp/dataless" "$tmp/data/in/../../outside/secret" . ./way-out/.; do
    rm_traces
    take recv-file "$source" && fail "took $source"
    [ ! -e "$tmp/taken" ] || fail "took $source"
done
for target in ../outside/new way-out/new way-up/new "$tmp/data/../outside/new" "$tmp/data/way-up/new" in/../../outside/new; do
    for command in send-file send-dir; do
        rm_traces
        source=$tmp/local
        [ $command = send-file ] || source=$tmp/tree
        # A name that climbs may end at the folder's top, and so inside.
        timeout 20 pipeline $command $trust --key "$tmp/path.key" "$address" "$source" "$target" >"$tmp/out" 2>"$tmp/err"
        [ ! -e "$tmp/outside/new" ] || fail "$command wrote to $target"
    done
done
rm_traces
expect_status 0 pipeline recv-file $trust --key "$tmp/path.key" "$address" "$tmp/data/file" "$tmp/taken"
expect_same "$tmp/data/file" "$tmp/taken"
expect_status 0 pipeline send-file $trust --key "$tmp/path.key" "$address" "$tmp/local" in/new
expect_same "$tmp/local" "$tmp/data/in/new"
expect_status 0 pipeline info $trust --key "$tmp/path.key" "$address"
passed "path: nothing outside, by whatever names and links"

doing="who and when"
refused cid $programs jobs $copies $forwards control info ping
refused expired $programs jobs $copies $forwards control info ping
passed "from-cid and expires: nothing at all"

doing="permit-open"
refused open local local-unix remote remote-unix
port=$(awk -F: '{ print $1 }' "$tmp/web.log")
echo "permit-open=tcp:127.0.0.1:$port $(new_key web) web" >>"$tmp/keys"
serve second "$tmp/keys"
at second
rm_traces
way web local || fail "the named port: $(cat "$tmp/err")"
expect_text "$tmp/out" web
refused web remote local-unix
at socket
passed "permit-open: what is named and nothing else"

doing="user"
if [ "$(id -u)" -eq 0 ]; then
    one_nobody() { timeout 20 pipeline "$@"; }
    mkdir -m 777 "$tmp/open"
    : >"$tmp/mine" && chmod 600 "$tmp/mine" "$tmp/outside/secret"
    ids='id -u; id -g; id -G; sed -n "s/^CapEff:.//p;s/^Groups:.//p" /proc/self/status'
    expect_status 0 pipeline run $trust --key "$tmp/nobody.key" -w / "$address" -- sh -c "$ids"
    expect_equal "ids and capabilities" "65534 65534 65534 0000000000000000" "$(tr -s '\n ' ' ' <"$tmp/out" | sed 's/ $//; s/65534 65534 65534 65534/65534 65534 65534/')"
    expect_status 77 pipeline run -u root $trust --key "$tmp/nobody.key" "$address" -- id
    expect_status 77 pipeline shell -u 0 $trust --key "$tmp/nobody.key" "$address"
    expect_status 0 pipeline send-file $trust --key "$tmp/nobody.key" "$address" "$tmp/local" "$tmp/open/file"
    expect_equal "owner of what was sent" 65534 "$(stat -c %u "$tmp/open/file")"
    expect_status 0 pipeline send-dir $trust --key "$tmp/nobody.key" "$address" "$tmp/tree" "$tmp/open/tree"
    expect_status 0 pipeline cp -s 2 $trust --key "$tmp/nobody.key" "$address" "$tmp/local" ":$tmp/open/file2"
    timeout 20 pipeline recv-file $trust --key "$tmp/nobody.key" "$address" "$tmp/mine" "$tmp/taken2" 2>"$tmp/err" && fail "read another's file"
    expect_text "$tmp/err" "Permission denied"
    # What the session keeps for itself is out of reach of its programs.
    expect_status 0 pipeline run $trust --key "$tmp/nobody.key" -w / "$address" -- sh -c 'cat /proc/$PPID/environ /proc/$PPID/mem 2>&1 | head -c 300; ls /proc/$PPID/fd 2>&1; true'
    ! grep -qv 'Permission denied' "$tmp/out" || fail "a session's process lies open: $(cat "$tmp/out")"
    job=$(pipeline run -d $trust --key "$tmp/nobody.key" -w / "$address" -- sh -c 'id -u; sleep 0.1' 2>/dev/null) || fail "a job"
    job_says() { pipeline jobs $trust --key "$tmp/nobody.key" "$address" "$job" 2>/dev/null | grep -qx 65534; }
    wait_for 10 job_says
    expect_status 66 pipeline jobs $trust --key "$tmp/run.key" "$address" "$job"
    passed "user: for good, and of every operation"
fi

doing="environment"
expect_status 0 pipeline run $trust --key "$tmp/coloured.key" -e COLOUR=blue -e B=2 "$address" -- sh -c 'echo $COLOUR $A $B'
expect_equal "variables" "red 1 2" "$(cat "$tmp/out")"
passed "environment: the key's are stronger"

doing="max-time"
expect_status 143 pipeline run $trust --key "$tmp/brief.key" --timeout 1h "$address" -- sleep 60
# A shell on a terminal does not hear TERM, and is killed 5 s later.
mkfifo "$tmp/typing"
sleep 60 >"$tmp/typing" &
jobs_started="$jobs_started $!"
expect_status 137 pipeline shell $trust --key "$tmp/brief.key" "$address" <"$tmp/typing"
(sleep 3; cat /dev/zero) | timeout 20 pipeline cp $trust --key "$tmp/brief.key" "$address" - ":$tmp/outside/new" >/dev/null 2>&1 && fail "a copy without end"
[ ! -e "$tmp/outside/new" ] || fail "half a file under its name"
sleep 4 | timeout 20 pipeline forward $trust --key "$tmp/brief.key" --control "$address" >/dev/null 2>&1 && fail "a forward without end"
job=$(pipeline run -d $trust --key "$tmp/brief.key" "$address" -- sh -c 'echo $$; exec sleep 1000' 2>/dev/null)
job_started() { pipeline jobs $trust --key "$tmp/brief.key" "$address" "$job" 2>/dev/null | grep -q '^[0-9]*$'; }
wait_for 10 job_started
wait_for 10 gone $(pipeline jobs $trust --key "$tmp/brief.key" "$address" "$job" 2>/dev/null | grep '^[0-9]*$')
passed "max-time: programs, copies, forwards and jobs end"

doing="max-sessions"
start first pipeline run $trust --key "$tmp/single.key" "$address" -- sh -c 'echo in; exec sleep 1000'
wait_for 10 grep -qx in "$tmp/first.log"
refused single $programs jobs $copies $forwards control info ping
kill "$started"
let_in() { way single run; }
wait_for 5 let_in
job=$(pipeline run -d $trust --key "$tmp/single.key" "$address" -- sleep 1.5 2>/dev/null) || fail "a job"
refused single run shell cp-to
wait_for 10 let_in
passed "max-sessions: sessions and jobs count"

doing="expires in the middle"
[ $(($(date +%s) - started_at)) -ge 6 ] || sleep 1
wait_for 10 sh -c "[ \$(date +%s) -gt $((started_at + 5)) ]"
refused soon run info
passed "expires: from that moment on"
