#!/bin/sh
# pipeline from the host into an enclave, as its manual page shows it: commands with their streams and ends, a terminal,
# trees there and back, forwards, who is refused, and the audit log.
. "$(dirname "$0")/lib.sh"
test_image
need tar sha256sum
mkdir -p "$tmp/more/data" "$tmp/more/etc"
sed 's,^\(root:.*\):/bin/sh$,\1:/bin/bash,' "$here/root/etc/passwd" >"$tmp/more/etc/passwd"
remote_image app "$tmp/more"
start_switch 16
start_guest 16 "$tmp/app.eif"
ENCLAVEBOX_VSOCK_DIR=$vsock
export ENCLAVEBOX_VSOCK_DIR
cd "$tmp" || exit 99
there=vsock:16:53000
# An emulated module signs nothing; all else is as the page has it.
pipeline() {
    pipeline_command=$1
    shift
    case $pipeline_command in
    keygen | audit) command pipeline "$pipeline_command" "$@" ;;
    *) command pipeline "$pipeline_command" --allow-emulated "$@" ;;
    esac
}
enters() { pipeline ping --pcrs app.eif.pcr "$there"; }
wait_for 150 enters

# Ends of commands, and their streams.
expect_status 0 pipeline run --pcrs app.eif.pcr $there -- uname -a
expect_text out 'Linux e2e'
expect_text err 'emulated'
for end in 0 7 255; do expect_status $end pipeline run --pcrs app.eif.pcr $there -- sh -c "exit $end"; done
expect_status 127 pipeline run --pcrs app.eif.pcr $there -- no-such-program
expect_text err no-such-program
expect_status 126 pipeline run --pcrs app.eif.pcr $there -- /etc/passwd
# shellcheck disable=SC2016  # for the shell over there
for number in 9 11 15; do expect_status $((128 + number)) pipeline run --pcrs app.eif.pcr $there -- sh -c 'kill -'$number' $$'; done
expect_status 3 pipeline run --pcrs app.eif.pcr $there --command 'echo to stdout; echo to stderr >&2; exit 3'
expect_equal "standard output" "$(cat out)" 'to stdout'
expect_text err 'to stderr'
head -c 10000000 /dev/urandom >big
pipeline run --pcrs app.eif.pcr $there -- sha256sum <big >sum 2>err || fail "10 MB in: $(cat err)"
expect_equal "10 MB in" "$(cut -d ' ' -f 1 <sum)" "$(sha256sum <big | cut -d ' ' -f 1)"
pipeline run --pcrs app.eif.pcr $there -- cat <big >back 2>err || fail "10 MB there and back: $(cat err)"
expect_same big back
expect_status 0 pipeline run --pcrs app.eif.pcr --json $there -- sh -c 'echo one; echo two >&2'
expect_text out '"stdout":"one\n"'
expect_status 143 pipeline run --pcrs app.eif.pcr --timeout 1s $there -- sleep 1000
passed "commands"

# A tree with what trees have.
mkdir -p 'dir/sub/.hidden' 'dir/empty' 'dir/a b'
echo plain >dir/plain
printf 'exe\n' >dir/sub/exe
chmod 750 dir/sub/exe
printf 'x' >dir/-dash
printf 'y' >"dir/new
line"
printf 'z' >"dir/$(printf 'n\377')"
: >dir/a\ b/nothing
ln dir/plain dir/sub/hard
ln -s ../plain dir/sub/soft
ln -s /nowhere dir/dangling
truncate -s 64M dir/sparse
echo end | dd of=dir/sparse bs=1 seek=5000000 conv=notrunc 2>/dev/null
chmod 711 dir/empty
touch -d '2020-02-02 02:02:02' dir/plain dir/sub dir/empty
# tree FOLDER NAME: every entry with kind, mode, links, time in seconds, target, and the content's digest, in $tmp/tree.NAME.
tree() {
    (
        cd "$1" || exit
        find . -mindepth 1 -printf '%P %y %m %T@ %l\0' | sed -z 's/\.[0-9]* / /' | sort -z | tr '\0' '\n'
        find . -type f -links +1 | sort
        find . -type f -print0 | sort -z | xargs -0 sha256sum
    ) >"$tmp/tree.$2"
}
# same_tree WHAT ONE OTHER
same_tree() {
    tree "$2" one
    tree "$3" other
    diff "$tmp/tree.one" "$tmp/tree.other" >"$tmp/tree.log" || fail "$1: $(cat -v "$tmp/tree.log")"
}

# The page's examples, in its order, then what came of them is brought back.
mkdir conf
cp -r dir/sub conf/
sed -n '/^\.Sh EXAMPLES/,/^\.Sh [^E]/p' "$top/man/pipeline.1" | sed -nE 's/^(\.Dl )?\$ //p' | sed 's/\\&//g; s/\\-/-/g' >examples
[ "$(wc -l <examples)" -ge 7 ] || fail "the page has fewer examples than it should: $(cat examples)"
while read -r example <&9; do
    case $example in
    *' shell '* | *' forward '*) continue ;; # below, with a terminal and without a fixed port
    *keygen*) example="XDG_CONFIG_HOME=$tmp/fresh; $example" ;;
    esac
    (eval "$example") >out 2>err </dev/null || fail "$example: $(cat err)"
done 9<examples
expect_status 0 pipeline cp $there :/tmp/conf came
same_tree "the example's folder" conf came
expect_text os-release Debian
passed "the page's examples"

tar c dir | pipeline run $there -- tar x -C /data 2>err || fail "a tree by tar: $(cat err)"
mkdir by-tar by-cp by-dir
pipeline run $there -- tar c -C /data dir 2>err | tar x -C by-tar || fail "a tree back by tar: $(cat err)"
same_tree "the tree by tar" dir by-tar/dir
expect_status 0 pipeline cp $there dir :/data/copied
expect_status 0 pipeline cp $there :/data/copied by-cp/dir
same_tree "the tree by cp" dir by-cp/dir
expect_status 0 pipeline send-dir --json $there dir /data/deep/sent
expect_text out '"failures":0'
expect_status 0 pipeline recv-dir $there /data/deep/sent by-dir
same_tree "the tree by send-dir" dir by-dir
[ "$(du -k by-dir/sparse | cut -f 1)" -lt 1024 ] || fail "the sparse file is full"
expect_status 0 pipeline send-file $there big /data/big
expect_text out "$(sha256sum <big | cut -d ' ' -f 1)"
expect_status 0 pipeline recv-file $there /data/big again
expect_same big again
expect_status 66 pipeline recv-file $there /data/none again
expect_text err /data/none
passed "trees and files there and back"

# A forward to a server inside, and one from inside to a server here; both end with their client.
expect_status 0 pipeline run --no-wait $there -- vcat --listen --keep tcp:127.0.0.1:8080 -- echo from inside
job=$(cat out)
start forward env pipeline forward --allow-emulated -L "unix:$tmp/here=tcp:127.0.0.1:8080" $there
asks_here() { [ "$(vcat "unix:$tmp/here" </dev/null)" = 'from inside' ]; }
wait_for 20 asks_here
start server vcat --listen --keep "unix:$tmp/server" -- echo from outside
start backward env pipeline forward --allow-emulated -R "tcp:127.0.0.1:9090=unix:$tmp/server" $there
asks_there() { [ "$(pipeline run -n $there -- vcat tcp:127.0.0.1:9090)" = 'from outside' ]; }
wait_for 20 asks_there
expect_status 0 pipeline jobs $there
expect_text out "$job"
expect_status 0 pipeline jobs --json $there "$job"
passed "forwards and jobs"

# Facts.
expect_status 0 pipeline info --pcrs app.eif.pcr $there
expect_text out "$(pcr_of 0 app.eif.pcr)"
expect_status 0 pipeline info --json --pcrs app.eif.pcr $there
expect_status 0 pipeline ping -n 3 --interval 10ms --pcrs app.eif.pcr $there

# Refused: other measurements, told with what was expected and seen; a key that is not in the image; no consent to emulation.
seen=$(pcr_of 0 app.eif.pcr)
wrong=$(printf '%096d' 7)
sed "s/$seen/$wrong/" app.eif.pcr >wrong.pcr
expect_status 77 pipeline run --pcrs wrong.pcr $there -- touch /data/refused
for text in PCR0 "$seen" "$wrong"; do expect_text err "$text"; done
command pipeline keygen -o "$tmp/stranger" >stranger.line 2>err || fail "keygen"
expect_status 77 pipeline run --key stranger --pcrs app.eif.pcr $there -- touch /data/refused
expect_text err 'not authorised'
expect_status 77 command pipeline run --pcrs app.eif.pcr $there -- touch /data/refused
expect_text err '--allow-emulated'
expect_status 1 pipeline run $there -- test -e /data/refused
passed "refusals"

# The audit log is whole, and names who did what.
expect_status 0 pipeline run $there -- pipeline audit /run/pipeline/audit.log
for text in tester 'uname -a' /data/big; do expect_text out "$text"; done
passed "audit log"

# A terminal: editing, an interrupt, another size, and the shell's end. tmux is the better judge.
printf '#!/bin/sh\npipeline shell --allow-emulated --pcrs app.eif.pcr %s\necho "left with $?"\nexec sleep 1000\n' $there >login
chmod +x login
if command -v tmux >/dev/null; then
    mux() { env -u TMUX tmux -S "$tmp/tmux" -f /dev/null "$@"; }
    wind_up() { mux kill-server 2>/dev/null; }
    mux new-session -d -s shell -x 100 -y 30 "$tmp/login"
    mux set-option -g window-size manual >/dev/null 2>&1
    shows() { mux capture-pane -p -t shell | grep -q -- "$1"; }
    types() { mux send-keys -t shell "$@"; }
    resizes() { mux resize-window -t shell -x "$1" -y "$2"; }
elif command -v python3 >/dev/null; then
    mkfifo keys
    python3 "$here/terminal.py" "$tmp/login" <keys >shown 2>terminal.log &
    jobs_started="$jobs_started $!"
    exec 8>keys
    shows() { grep -q -- "$1" shown; }
    types() {
        for key; do
            case $key in
            Enter) key='\r' ;;
            BSpace) key='\177' ;;
            Left) key='\033[D' ;;
            C-c) key='\003' ;;
            esac
            # shellcheck disable=SC2059  # a key is a format
            printf "$key" >&8
        done
    }
    resizes() { printf '\0resize %s %s\n' "$1" "$2" >&8; }
else
    echo "neither tmux nor python3: no terminal to log in from"
    exit 0
fi
wait_for 30 shows '[#$] *$'
types 'tty; stty size' Enter
wait_for 20 shows '^/dev/pts/'
wait_for 20 shows '^30 100$'
types 'echo abx' BSpace 'c' Left Left 'Z' Enter
wait_for 20 shows '^aZbc$'
types 'sleep 1000' Enter
# shellcheck disable=SC2016  # for the shell over there
wait_for 20 pipeline run $there -- sh -c 'for file in /proc/[0-9]*/comm; do read -r name <$file; [ "$name" = sleep ] && exit 0; done; exit 1'
types C-c
types 'echo ali"v"e' Enter
wait_for 20 shows '^alive$'
resizes 80 24
types 'stty size' Enter
wait_for 20 shows '^24 80$'
types 'exit 5' Enter
wait_for 20 shows '^left with 5$'
passed "a terminal"
