#!/bin/sh
# With `format: json` every line that a reader gets is an object, whatever services print, on the
# port, over the control socket, in files, and where lines were lost.
. "$(dirname "$0")/lib.sh"
need socat
need python3
mkdir -p "$root/out/ports"
mkfifo "$root/out/gate" "$tmp/hold"
printf 'heartbeat: off\nlog: {format: json, ring: 16K}\nlog_port: unix:/out/ports/log\nlinger: 20s\n' | system
script talk <<'SH'
printf 'a "quoted" \\ line\twith \001 and \200\n'
printf 'unfinished'
head -c 12000 /dev/zero | tr '\0' '"'
echo
echo over >&2
read line </out/gate
seq 1 20000
echo end
SH
service talk <<'YAML'
exec: /talk
type: oneshot
log: {console: false, file: /out/talk.log}
YAML
start
wait_for_control
until_logged talk '"stream":"err","text":"over"}'
ctl logs talk >"$tmp/control"
socat -u "UNIX-CONNECT:$root/out/ports/log,retry=100,interval=0.05" - >"$tmp/hold" &
reader=$!
exec 5<"$tmp/hold"
read -r first <&5
echo go >"$root/out/gate"
wait_for 'service talk exited with code 0'
{ echo "$first"; cat <&5; } >"$tmp/port"
await
wait "$reader"
cat >"$tmp/judge.py" <<'PY'
import json, sys
lost, numbers, text = 0, 0, ""
for line in open(sys.argv[1], encoding="utf-8"):
    entry = json.loads(line)
    assert entry["time"].endswith("Z"), line
    if entry.get("level") == "lost":
        lost += entry["lost_lines"]
    elif "service" in entry:
        assert entry["service"] == "talk" and entry["stream"] in ("out", "err"), line
        numbers += entry["text"].isdigit()
        text += entry["text"] + ("" if entry.get("more") else "\n")
    else:
        assert entry["level"] in ("info", "warning", "error", "repeated", "end"), line
print(sys.argv[1], numbers, "numbers", lost, "lost lines")
if sys.argv[2] == "start":
    assert 'a "quoted" \\ line\twith \x01 and \ufffd\n' in text
    assert "unfinished" + '"' * 12000 + "\n" in text
else:
    assert lost > 0 and text.endswith("end\n"), text[-100:]
PY
python3 "$tmp/judge.py" "$tmp/control" start || fail 'the control socket'
python3 "$tmp/judge.py" "$tmp/port" end || fail 'the port'
grep -q '"level":"end","text":"initd: end reason=workload-done' "$tmp/port" || fail 'the end is missing'
sed 's/$//' "$root/out/talk.log" >"$tmp/file"
python3 "$tmp/judge.py" "$tmp/file" start || fail 'the file'
expect '^{"time":"[^"]*","level":"info","text":"service talk started'
expect '^initd: end reason=workload-done'
expect_status 0
