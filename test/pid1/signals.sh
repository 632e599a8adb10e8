#!/bin/sh
# TERM, PWR and USR2 power off, INT reboots, USR1 halts, HUP reloads (reload.sh); other signals are logged and survived.
. "$(dirname "$0")/lib.sh"
service idle <<'YAML'
exec: [/bin/sleep, infinity]
YAML
for pair in TERM:poweroff PWR:poweroff USR2:poweroff INT:reboot USR1:halt; do
    start
    wait_for 'service idle started'
    init=$(pid_of_init)
    kill -QUIT "$init"
    wait_for 'initd info: SIGQUIT is ignored'
    kill -"${pair%:*}" "$init"
    await
    expect "initd: end reason=signal action=${pair#*:} status=0 detail=\"SIG${pair%:*}\""
    expect 'service idle stopped: was killed by SIGTERM'
    expect_status 0
done
