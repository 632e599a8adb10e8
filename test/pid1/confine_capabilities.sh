#!/bin/sh
# Capabilities: root keeps all without a list and those of the list with one; another user has
# none without a list and those of the list with one, through exec and without setuid programs.
. "$(dirname "$0")/lib.sh"
# Only root can have a second user without helpers; then no user namespace is needed.
if [ "$(id -u)" -eq 0 ]; then
    namespaces='unshare --pid --fork --kill-child --mount --net --uts --ipc --cgroup'
    $namespaces true 2>/dev/null || skip 'namespaces are closed here'
    chmod 755 "$tmp" "$root"
    other=4711
else
    other=
fi
script show <<'SH'
sed -n 's/^Cap\(...\):[^0-9a-f]*0*\([0-9a-f]*\)$/\1=\2/p' /proc/self/status | tr '\n' ' '
echo
SH
add() { # NAME USER [LINES]
    service "$1" <<YAML
exec: /show
type: oneshot
${2:+user: "$2"}
${2:+group: "$2"}
$3
YAML
}
add root_all '' ''
add root_none '' 'capabilities: []'
add root_two '' 'capabilities: [NET_BIND_SERVICE, CAP_KILL]'
add root_free '' 'capabilities: [KILL]
no_new_privs: false'
if [ -n "$other" ]; then
    add other_plain "$other" ''
    add other_two "$other" 'capabilities: [NET_BIND_SERVICE, KILL]'
    add other_none "$other" 'capabilities: []'
fi
run
caps() { # SERVICE: "Inh=.. Prm=.. Eff=.. Bnd=.. Amb=.."; an empty set is no digit
    sed -n "s/^[^ ]* $1 out: //p" "$console"
}
expect_caps() {
    [ "$(caps "$1")" = "$2 " ] || fail "$1: $(caps "$1")"
}
# NET_BIND_SERVICE is bit 10, KILL is bit 5.
case $(caps root_all) in
'Inh= Prm=1ff'*|'Inh= Prm=3ff'*) ;;
*) fail "root_all: $(caps root_all)" ;;
esac
expect_caps root_none 'Inh= Prm= Eff= Bnd= Amb='
expect_caps root_two 'Inh=420 Prm=420 Eff=420 Bnd=420 Amb=420'
expect_caps root_free 'Inh=20 Prm=20 Eff=20 Bnd=20 Amb=20'
if [ -n "$other" ]; then
    case $(caps other_plain) in
    'Inh= Prm= Eff= Bnd='?*' Amb= ') ;;
    *) fail "other_plain: $(caps other_plain)" ;;
    esac
    expect_caps other_two 'Inh=420 Prm=420 Eff=420 Bnd=420 Amb=420'
    expect_caps other_none 'Inh= Prm= Eff= Bnd= Amb='
fi
expect_status 0
