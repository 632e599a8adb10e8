#!/bin/sh
# A service that is shut off from the rest, under the enclave's own kernel: rights, mounts, network, system calls,
# and a log file that is rotated.
. "$(dirname "$0")/lib.sh"
test_image
command -v cc >/dev/null || skip "there is no compiler to ask for the names of system calls"

mkdir -p "$tmp/more/etc/enclavebox/services" "$tmp/more/var/lib/app" "$tmp/more/var/log" "$tmp/more/var/tmp"
chmod 777 "$tmp/more/var/lib/app"
# All that there are but a few.
{
    echo 'default: errno ENOSYS'
    "$top/tools/initd/system_calls.sh" cc | sed 's/^SYSTEM_CALL(\(.*\))$/\1/' | grep -vx -e 'mkdir' -e 'mkdirat'
} >"$tmp/more/etc/app.calls"
cat >"$tmp/more/etc/guarded" <<'END'
try() { if "$@" >/dev/null 2>&1; then echo "$*: yes"; else echo "$*: no"; fi; }
while read -r name value; do
    case $name in Uid:|Cap*|NoNewPrivs:|Seccomp:) echo "$name" $value ;; esac
done </proc/self/status
while read -r name value; do
    case $name in *:) echo "interface $name" ;; esac
done </proc/net/dev
try touch /var/lib/app/file
try touch /var/log/file
try touch /tmp/file
try touch /var/tmp/file
try cat /etc/enclavebox/initd.yaml
try mkdir /tmp/folder
echo "priority $(nice)"
exec seq 1 20000
END
cat >"$tmp/more/etc/enclavebox/services/guarded.yaml" <<'END'
exec: [/bin/bash, /etc/guarded]
type: oneshot
user: app
capabilities: [NET_BIND_SERVICE]
seccomp: /etc/app.calls
read_only_root: true
writable: [/var/lib/app]
private_tmp: 1M
private_network: true
inaccessible: [/etc/enclavebox]
nice: -5
oom_score_adj: -500
log: {ring: 2M, console: false, file: /var/log/guarded.log, max_size: 256K, files: 9}
END
eif cpio -o "$tmp/more.cpio" --prefix rootfs "$tmp/more" 2>"$tmp/more.log" || fail "eif cpio"
build_image confined --cmdline-file "$top/rbuilds/kernel/cmdline" --ramdisk "$tmp/more.cpio"
start_switch 16
start_guest 16 "$tmp/confined.eif"
wait_for 150 guest_answers 16
finished() { in_guest 16 'cat /var/log/guarded.log' 2>/dev/null | grep -q 'out: 20000$'; }
wait_for 60 finished
in_guest 16 'cd /var/log; for n in 8 7 6 5 4 3 2 1; do [ ! -e guarded.log.$n ] || cat guarded.log.$n; done; cat guarded.log' >"$tmp/guarded"
said() { grep -qx -- "[^ ]* guarded out: $1" "$tmp/guarded" || fail "the service did not say '$1': $(head -n 30 "$tmp/guarded")"; }
said 'Uid: 1000 1000 1000 1000'
for set in Inh Prm Eff Bnd Amb; do said "Cap$set: 0000000000000400"; done
said 'NoNewPrivs: 1'
said 'Seccomp: 2'
said 'interface lo:'
[ "$(grep -c 'out: interface' "$tmp/guarded")" -eq 1 ] || fail "it has other interfaces"
said 'touch /var/lib/app/file: yes'
said 'touch /var/log/file: no'
said 'touch /tmp/file: yes'
said 'touch /var/tmp/file: yes'
said 'cat /etc/enclavebox/initd.yaml: no'
said 'mkdir /tmp/folder: no'
said 'priority -5'
sed -n 's/^.* guarded out: \([0-9]*\)$/\1/p' "$tmp/guarded" >"$tmp/numbers"
seq 1 20000 | cmp - "$tmp/numbers" || fail "lines are missing in the log files"
in_guest 16 'ls -l /var/log; ls /tmp /var/tmp; cat /etc/enclavebox/initd.yaml; while read -r line; do case $line in "sysfs /sys "*) echo "$line";; esac; done </proc/mounts' >"$tmp/outside"
expect_text "$tmp/outside" guarded.log.3
expect_text "$tmp/outside" 'hostname: e2e'
expect_text "$tmp/outside" 'sysfs /sys sysfs ro,'
