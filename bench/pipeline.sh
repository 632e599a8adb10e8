#!/bin/bash
# pipeline beside scp, rsync over ssh, and socat's raw copy: one large file, a tree of small ones, and a command that
# does nothing beside ssh with a shared connection. Everything on this machine, files in memory; each round runs all of
# them in turn, the best counts. Prints rates, ratios, memory and the machine.
#
#   bench/pipeline.sh [BUILD_FOLDER]
#
# MIB is the size of the large file (4096), FILES the number of small ones of 16 KiB (10000), ROUNDS how often (3), RUNS how many
# commands (100). Peers that are not installed are left out: sshd, scp, rsync, socat.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build}
build=$(cd "$build" 2>/dev/null && pwd) || { echo 'pipeline: no build folder'; exit 66; }
pipeline=$build/tools/pipeline/pipeline
nsm=$build/tools/nsm/nsm
if [ ! -x "$pipeline" ] || [ ! -x "$nsm" ]; then
    echo 'pipeline: not built'
    exit 77
fi
mib=${MIB:-4096} files=${FILES:-10000} rounds=${ROUNDS:-3} runs=${RUNS:-100}
tmp=$(mktemp -d "${TMPDIR:-/dev/shm}/pipeline-bench.XXXXXX") || exit 71
server=
ssh_server=
finish() {
    [ -z "$server" ] || pkill -TERM -P "$server" 2>/dev/null
    [ -z "$ssh_server" ] || kill "$ssh_server" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 99' HUP INT TERM
have() { command -v "$1" >/dev/null 2>&1; }

# -- both sides ----------------------------------------------------------------------------------
export HOME=$tmp XDG_CONFIG_HOME=$tmp/config
"$pipeline" keygen -C bench >"$tmp/keys" || exit 71
"$nsm" -d "emulator:$tmp/module" describe >/dev/null || exit 71
/usr/bin/time -f %M -o "$tmp/server.rss" "$pipeline" serve -a "$tmp/keys" -m "emulator:$tmp/module" --jobs "$tmp/jobs" "unix:$tmp/s" 2>"$tmp/server.log" &
server=$!
connect=(--root "$tmp/module/root.pem" --allow-debug --connect-timeout 5s)
until "$pipeline" ping "${connect[@]}" "unix:$tmp/s" >/dev/null 2>&1; do sleep 0.1; done

ssh_words=()
if have sshd || [ -x /usr/sbin/sshd ]; then
    port=$((20000 + RANDOM % 20000))
    for key in host id; do ssh-keygen -q -t ed25519 -N '' -f "$tmp/$key" || exit 71; done
    cp "$tmp/id.pub" "$tmp/authorized"
    mkdir -p /run/sshd 2>/dev/null
    "$(command -v sshd || echo /usr/sbin/sshd)" -D -e -f /dev/null -p "$port" -h "$tmp/host" -o ListenAddress=127.0.0.1 -o "AuthorizedKeysFile=$tmp/authorized" \
        -o StrictModes=no -o UsePAM=no -o "PidFile=$tmp/sshd.pid" -o "Subsystem=sftp internal-sftp" 2>"$tmp/sshd.log" &
    ssh_server=$!
    ssh_words=(-q -F /dev/null -i "$tmp/id" -o Port="$port" -o StrictHostKeyChecking=no -o "UserKnownHostsFile=$tmp/hosts" -o BatchMode=yes)
    for _ in 1 2 3 4 5 6 7 8 9 10; do ssh "${ssh_words[@]}" 127.0.0.1 true 2>/dev/null && break; sleep 0.2; done
    ssh "${ssh_words[@]}" 127.0.0.1 true || { echo 'pipeline: sshd does not serve here, left out'; ssh_words=(); }
fi

# -- measuring -----------------------------------------------------------------------------------
# timed NAME COMMAND...: appends the seconds it took to NAME.
timed() {
    local name=$1 start
    shift
    start=$EPOCHREALTIME
    "$@" >/dev/null 2>"$tmp/err" || { echo "pipeline: $name failed: $(tail -n 1 "$tmp/err")"; exit 71; }
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.6f\n", b - a }' >>"$tmp/$name.times"
}
best() { [ ! -f "$tmp/$1.times" ] || sort -n "$tmp/$1.times" | head -n 1; }
median() { [ ! -f "$tmp/$1.times" ] || sort -n "$tmp/$1.times" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

raw_copy() {
    rm -f "$tmp/raw" "$tmp/out.raw"
    socat -u -b 65536 "UNIX-LISTEN:$tmp/raw" "OPEN:$tmp/out.raw,creat,trunc" &
    local listener=$!
    until [ -S "$tmp/raw" ]; do sleep 0.01; done
    socat -u -b 65536 "OPEN:$tmp/large" "UNIX-CONNECT:$tmp/raw" && wait "$listener"
}

row() { # LABEL NAME BYTES
    local ours=$2 time
    time=$(best "$ours")
    [ -n "$time" ] || { printf '%-34s %10s\n' "$1" '-'; return; }
    awk -v label="$1" -v t="$time" -v bytes="$3" 'BEGIN { printf "%-34s %8.2f s %8.0f MB/s\n", label, t, bytes / t / 1e6 }'
}
ratio() { # LABEL OURS PEER
    local a b
    a=$(best "$2") b=$(best "$3")
    if [ -n "$a" ] && [ -n "$b" ]; then
        awk -v label="$1" -v a="$a" -v b="$b" 'BEGIN { printf "  %-32s %8.2f times as fast\n", label, b / a }'
    fi
}

printf '%s, %s processors, load %s, %s\n' "$(uname -m)" "$(nproc)" "$(cut -d ' ' -f 1 /proc/loadavg)" "$(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)"

# -- one large file ------------------------------------------------------------------------------
openssl enc -aes-128-ctr -K 00 -iv 00 </dev/zero 2>/dev/null | head -c $((mib * 1048576)) >"$tmp/large"
[ "$(stat -c %s "$tmp/large")" -eq $((mib * 1048576)) ] || { echo "pipeline: no room for $mib MiB in $tmp"; exit 74; }
for ((round = 0; round < rounds; round++)); do
    timed file.ours /usr/bin/time -f %M -o "$tmp/client.rss" "$pipeline" send-file "${connect[@]}" "unix:$tmp/s" "$tmp/large" "$tmp/out"
    rm -f "$tmp/out"
    timed file.back "$pipeline" recv-file "${connect[@]}" "unix:$tmp/s" "$tmp/large" "$tmp/out"
    rm -f "$tmp/out"
    ((${#ssh_words[@]} == 0)) || { timed file.scp scp "${ssh_words[@]}" "$tmp/large" "127.0.0.1:$tmp/out"; rm -f "$tmp/out"; }
    ((${#ssh_words[@]} == 0)) || ! have rsync || { timed file.rsync rsync -W -e "ssh ${ssh_words[*]}" "$tmp/large" "127.0.0.1:$tmp/out"; rm -f "$tmp/out"; }
    ! have socat || { timed file.socat raw_copy; rm -f "$tmp/out.raw"; }
done
rm -f "$tmp/large"
bytes=$((mib * 1048576))
row "pipeline send-file, $mib MiB" file.ours "$bytes"
row 'pipeline recv-file' file.back "$bytes"
row 'scp' file.scp "$bytes"
row 'rsync -W over ssh' file.rsync "$bytes"
row 'socat, raw, unix socket' file.socat "$bytes"
ratio 'of scp' file.ours file.scp
ratio 'of socat raw' file.ours file.socat
printf '  %-32s %8.1f MiB\n' 'memory of the client' "$(awk '{ print $1 / 1024 }' "$tmp/client.rss")"

# -- many small ones -----------------------------------------------------------------------------
mkdir "$tmp/many"
for ((folder = 0; folder < 100; folder++)); do mkdir "$tmp/many/$folder"; done
openssl enc -aes-128-ctr -K 01 -iv 00 </dev/zero 2>/dev/null | head -c $((files * 16384)) | (cd "$tmp/many" && split -b 16384 -a 6 -d -)
(cd "$tmp/many" && for ((folder = 0; folder < 100; folder++)); do mv "x"*"$(printf %02d "$folder")" "$folder/" 2>/dev/null; done)
for ((round = 0; round < rounds; round++)); do
    timed tree.ours "$pipeline" send-dir "${connect[@]}" "unix:$tmp/s" "$tmp/many" "$tmp/tree"
    rm -rf "$tmp/tree"
    ((${#ssh_words[@]} == 0)) || { timed tree.scp scp -r "${ssh_words[@]}" "$tmp/many" "127.0.0.1:$tmp/tree"; rm -rf "$tmp/tree"; }
    ((${#ssh_words[@]} == 0)) || ! have rsync || { timed tree.rsync rsync -a -W -e "ssh ${ssh_words[*]}" "$tmp/many/" "127.0.0.1:$tmp/tree"; rm -rf "$tmp/tree"; }
done
bytes=$((files * 16384))
row "pipeline send-dir, $files x 16 KiB" tree.ours "$bytes"
row 'scp -r' tree.scp "$bytes"
row 'rsync -a -W over ssh' tree.rsync "$bytes"
ratio 'of scp' tree.ours tree.scp
ratio 'of rsync' tree.ours tree.rsync

# -- a command that does nothing -----------------------------------------------------------------
if ((${#ssh_words[@]} > 0)); then
    ssh "${ssh_words[@]}" -o ControlMaster=yes -o "ControlPath=$tmp/mux" -o ControlPersist=60 -fN 127.0.0.1 2>/dev/null
fi
for ((run = 0; run < runs; run++)); do
    timed run.ours "$pipeline" run -n "${connect[@]}" "unix:$tmp/s" -- /bin/true
    ((${#ssh_words[@]} == 0)) || timed run.mux ssh -n "${ssh_words[@]}" -o "ControlPath=$tmp/mux" 127.0.0.1 /bin/true
    ((${#ssh_words[@]} == 0 || run >= 20)) || timed run.ssh ssh -n "${ssh_words[@]}" 127.0.0.1 /bin/true
done
show() { [ -z "$(median "$2")" ] || awk -v label="$1" -v m="$(median "$2")" -v b="$(best "$2")" 'BEGIN { printf "%-34s %8.2f ms median, %.2f least\n", label, m * 1000, b * 1000 }'; }
show 'pipeline run /bin/true' run.ours
show 'ssh, shared connection' run.mux
show 'ssh, new connection' run.ssh
((${#ssh_words[@]} == 0)) || ssh "${ssh_words[@]}" -o "ControlPath=$tmp/mux" -O exit 127.0.0.1 2>/dev/null
pkill -TERM -P "$server"
wait "$server" 2>/dev/null
printf '  %-32s %8.1f MiB\n' 'most memory of a server process' "$(awk 'END { print $1 / 1024 }' "$tmp/server.rss")"
server=
