#!/bin/sh
# Network, priority, resource limits, and the names of the steps that can fail.
. "$(dirname "$0")/lib.sh"
script look <<'SH'
echo "nice $(nice) oom $(cat /proc/self/oom_score_adj)"
echo "limits $(ulimit -t) $(ulimit -f) $(ulimit -s) $(ulimit -v) $(sed -n 's/^Max processes *\([0-9]*\) .*/\1/p' /proc/self/limits)"
echo "links $(ls /sys/class/net 2>/dev/null | tr '\n' ' ') interfaces $(sed -n 's/^ *\([a-z0-9]*\):.*/\1/p' /proc/net/dev | tr '\n' ' ')"
echo "same $(readlink /proc/self/ns/net)"
sed -n 's/^[^ ]* \(\/sys\|\/proc\) \([a-z]*\) \([^ ]*\) .*/mount \2 \3/p' /proc/mounts
SH
service plain <<'YAML'
exec: /look
type: oneshot
YAML
service set <<'YAML'
exec: /look
type: oneshot
after: [plain]
nice: 19
oom_score_adj: 500
private_network: true
limits: {cpu_time: 33, fsize: 1M, nproc: 4000, stack: 4M, as: 1G}
YAML
service no_folder <<'YAML'
exec: /look
read_only: [/no/such/folder]
YAML
service no_writable <<'YAML'
exec: /look
read_only_root: true
writable: [/no/such/folder]
YAML
service no_hidden <<'YAML'
exec: /look
inaccessible: [/no/such/folder]
YAML
run
said() {
    sed -n "s/^[^ ]* $1 out: //p" "$console" | grep -q -- "$2" || fail "$1 did not say '$2'"
}
said set '^nice 19 oom 500$'
said set '^limits 33 2048 4096 1048576 4000$'
said set 'interfaces lo $'
said plain '^mount sysfs ro,.*nosuid,nodev,noexec'
said plain '^mount proc .*nosuid,nodev,noexec.*hidepid='
expect "service no_folder failed: cannot exec '/look': No such file or directory (step read_only)"
expect "service no_writable failed: cannot exec '/look': No such file or directory (step writable)"
expect "service no_hidden failed: cannot exec '/look': No such file or directory (step inaccessible)"
plain=$(sed -n 's/^[^ ]* plain out: same //p' "$console")
set=$(sed -n 's/^[^ ]* set out: same //p' "$console")
if [ -z "$plain" ] || [ "$plain" = "$set" ]; then fail "networks $plain and $set"; fi
