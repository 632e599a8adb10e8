#!/bin/sh
# A service sees the file system that its file says: read-only, writable, hidden, with a /tmp of
# its own; others see nothing of that.
. "$(dirname "$0")/lib.sh"
mkdir -p "$root/srv/data" "$root/srv/open" "$root/secret/deep" "$root/var/tmp" "$root/etc/app"
echo hidden >"$root/secret/file"
echo hidden >"$root/etc/password"
echo kept >"$root/tmp-was-here"
script look <<'SH'
try() {
    if "$@" 2>/dev/null; then echo "$*: yes"; else echo "$*: no"; fi
}
try touch /srv/data/file
try touch /srv/open/file
try touch /etc/app/file
try touch /etc/other
try touch /out/file
try touch /tmp/file
try touch /var/tmp/file
try touch /run/file
try touch /dev/shm/file
try cat /etc/password
try ls /secret/deep
try sh -c 'echo x >/dev/null'
try sh -c 'echo x >/proc/self/comm'
if [ -z "$(ls -A /secret)" ]; then echo secret is empty; fi
SH
service open <<'YAML'
exec: /look
type: oneshot
YAML
service listed <<'YAML'
exec: /look
type: oneshot
after: [open]
private_tmp: 1M
read_only: [/srv, /etc]
writable: [/srv/open, /etc/app]
inaccessible: [/secret, /etc/password]
YAML
service strict <<'YAML'
exec: /look
type: oneshot
after: [listed]
read_only_root: true
private_tmp: true
writable: [/out]
inaccessible: [/secret]
YAML
service full <<'YAML'
exec: [/bin/sh, -c, 'head -c 2M /dev/zero >/tmp/zeros; ls -l /tmp/zeros; stat -f -c %T /tmp']
type: oneshot
after: [strict]
private_tmp: 1M
YAML
service after <<'YAML'
exec: [/bin/sh, -c, 'ls /tmp /var/tmp; cat /etc/password; touch /etc/other && echo still writable']
type: oneshot
after: [full]
YAML
run
said() { # SERVICE PATTERN
    sed -n "s/^[^ ]* $1 out: //p" "$console" | grep -qx -- "$2" || fail "$1 did not say '$2'"
}
for path in /srv/data/file /srv/open/file /etc/app/file /etc/other /out/file /tmp/file /run/file; do
    said open "touch $path: yes"
done
said open 'cat /etc/password: yes'
said open 'ls /secret/deep: yes'
for path in /srv/open/file /etc/app/file /out/file /tmp/file /var/tmp/file /run/file; do
    said listed "touch $path: yes"
done
for path in /srv/data/file /etc/other; do
    said listed "touch $path: no"
done
for word in 'cat /etc/password' 'ls /secret/deep'; do
    said listed "$word: no"
done
said listed 'secret is empty'
for path in /srv/data/file /srv/open/file /etc/app/file /etc/other /run/file; do
    said strict "touch $path: no"
done
for path in /out/file /tmp/file /var/tmp/file; do
    said strict "touch $path: yes"
done
said strict 'sh -c echo x >/dev/null: yes'
said strict 'sh -c echo x >/proc/self/comm: yes'
said strict 'secret is empty'
said full '.* 1048576 .*/tmp/zeros'
said full tmpfs
# The first service's file is there, those of private folders are not, and nothing else changed.
said after file
said after hidden
said after 'still writable'
[ "$(grep -c 'after out: file$' "$console")" -eq 2 ] || fail 'a private /tmp is left behind'
expect_status 0
