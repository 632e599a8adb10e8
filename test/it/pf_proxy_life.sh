#!/bin/sh
# A proxy's life: names, ready, drain, reload, workers, metrics, --explain, wrong use.
. "$(dirname "$0")/pf_proxy_lib.sh"

server echo serve_echo
echo_port=$port
target="tcp:127.0.0.1:$echo_port"

# By the name of a mode.
ln -s "$(command -v pf-proxy)" "$tmp/ip-to-vsock"
PF_PROXY="$tmp/ip-to-vsock"
proxy named tcp:127.0.0.1:0 "$target"
peer many_echoes "$(port_of named)" 1
PF_PROXY=pf-proxy
ln -s "$(command -v pf-proxy)" "$tmp/addr-info"
expect_status 0 "$tmp/addr-info"
expect_text "$tmp/out" "interface   lo"
expect_status 0 pf-proxy addr-info --json
python3 -m json.tool <"$tmp/out" >/dev/null || fail "addr-info --json is no JSON"

# Drain: who is there stays, nobody comes; in the end all are cut off.
proxy draining ip-to-vsock "unix:$tmp/draining" "$target"
peer survives_drain "$tmp/draining" "$started"
wait "$started" || fail "exit status $? after a drain"
[ ! -e "$tmp/draining" ] || fail "the socket's file was left behind"
proxy impatient ip-to-vsock --drain-timeout 200ms tcp:127.0.0.1:0 "$target"
peer cut_off "$(port_of impatient)" "$started"
wait "$started" || fail "exit status $? after cutting off"
expect_text "$tmp/impatient.log" "cut off"

proxy waiting vsock-to-ip-transparent --drain-timeout 60s "unix:$tmp/waiting"
peer unused_ends_at_once "$tmp/waiting" "$started"
wait "$started" || fail "exit status $? with an unused stream"

# Reload: a good file counts, a bad one does not.
printf 'rules:\n  - allow: 127.0.0.1\n' >"$tmp/policy.yaml"
proxy far vsock-to-ip-transparent --policy "$tmp/policy.yaml" "unix:$tmp/far"
far=$started
peer asked "$tmp/far" 127.0.0.1 "$echo_port"
printf 'rules:\n  - alow: 127.0.0.1\n' >"$tmp/policy.yaml"
kill -HUP "$far"
wait_for 10 grep -q "the old policy stays.*policy.yaml:2:" "$tmp/far.log"
peer asked "$tmp/far" 127.0.0.1 "$echo_port"
printf '' >"$tmp/policy.yaml"
kill -HUP "$far"
wait_for 10 grep -q "policy reloaded" "$tmp/far.log"
peer refused "$tmp/far" 127.0.0.1 "$echo_port"

# Workers: all count together, one that dies is replaced, and none outlives its parent.
proxy team ip-to-vsock --workers 3 --metrics tcp:127.0.0.1:0 tcp:127.0.0.1:0 "$target"
team=$started
peer many_echoes "$(port_of team)" 50
metric_is team connections_total 50 || fail "$(metric team connections_total) of 50 connections counted"
workers=$(pgrep -P "$team")
[ "$(echo "$workers" | wc -l)" -eq 3 ] || fail "not three workers: $workers"
kill -KILL "$(echo "$workers" | head -n 1)"
wait_for 10 grep -q "worker ended.*signal=9" "$tmp/team.log"
three_workers() { [ "$(pgrep -P "$team" | wc -l)" -eq 3 ]; }
wait_for 10 three_workers
peer many_echoes "$(port_of team)" 20
workers=$(pgrep -P "$team")
kill "$team"
wait "$team" || fail "exit status $? of the workers' parent"
for worker in $workers; do
    [ ! -d "/proc/$worker" ] || fail "worker $worker is left behind"
done

# --explain names the rule.
cat >"$tmp/explain.yaml" <<END
rules:
  - deny: bad.example.org
  - allow: "*.example.org"
    ports: [443]
END
expect_status 0 pf-proxy vsock-to-ip-transparent --policy "$tmp/explain.yaml" --explain www.example.org:443
expect_text "$tmp/out" "allowed: line 3"
expect_status 1 pf-proxy vsock-to-ip-transparent --policy "$tmp/explain.yaml" --explain bad.example.org:443
expect_text "$tmp/out" "denied: line 2"
expect_status 1 pf-proxy ip-to-vsock-transparent --policy "$tmp/explain.yaml" --explain "[fd00:ec2::254]:80/udp"
expect_status 64 pf-proxy ip-to-vsock-transparent --policy "$tmp/explain.yaml" --explain example.org
expect_status 64 pf-proxy ip-to-vsock-transparent --explain example.org:80

# Wrong use, and a policy with a mistake, before anything listens.
printf 'rules:\n  - allow: 300.1.2.3\n' >"$tmp/bad.yaml"
expect_status 78 pf-proxy vsock-to-ip-transparent --policy "$tmp/bad.yaml" "unix:$tmp/never"
expect_text "$tmp/err" "bad.yaml:2:"
[ ! -e "$tmp/never" ] || fail "listened with a bad policy"
expect_status 66 pf-proxy vsock-to-ip-transparent --policy "$tmp/absent.yaml" "unix:$tmp/never"
expect_status 64 pf-proxy
expect_status 64 pf-proxy ip-to-vsock tcp:127.0.0.1:0
expect_status 64 pf-proxy ip-to-vsok
expect_text "$tmp/err" "did you mean ip-to-vsock?"
expect_status 64 pf-proxy ip-to-vsock tcp:127.0.0.1:0 fd:3
expect_status 64 pf-proxy ip-to-vsock udp:127.0.0.1:0 udp:127.0.0.1:1
expect_status 64 pf-proxy ip-to-vsock "unix:$tmp/x" udp:127.0.0.1:1 "unix:$tmp/y"
expect_status 64 pf-proxy vsock-to-ip-transparent udp:127.0.0.1:0
expect_status 64 pf-proxy transparent-port-to-vsock tcp:127.0.0.1:90-80 16
expect_status 64 pf-proxy vsock-to-ip-transparent "muxed:$tmp/x:1"
