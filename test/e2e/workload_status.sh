#!/bin/sh
# What rbuilds makes of the status and log ports, with an enclave played by scripts: formats, reconnection, vanishing,
# control-C. The real ones are in services.sh.
. "$(dirname "$0")/lib.sh"
[ -x "$ENCLAVEBOX_BUILD/tools/eif/eif" ] || skip "the tools are not built"

# meaning LINE: kind, exit status and text, as status.sh reads it.
meaning() {
    # shellcheck disable=SC2016
    bash -c '. "$1/rbuilds/lib/status.sh"; status_take "$2"; printf "%s|%s|%s|%s\n" "$STATUS_KIND" "$STATUS_EXIT" "$STATUS_TEXT" "$POST_MORTEM"' \
        bash "$top" "$1"
}
means() { expect_equal "$1" "$(meaning "$1")" "$2"; }

means '{ "status": "running" }' 'running|||'
means '{ "status": "exited", "code": 0 }' 'exited|0|exited with code 0|'
means '{"status":"exited","code":42,"more":{"code":1}}' 'exited|42|exited with code 42|'
means '{ "status": "exited", "code": 300 }' 'exited|44|exited with code 300|'
means '{ "status": "signaled", "signal": 15, "name": "SIGTERM" }' 'signaled|143|was killed by SIGTERM (signal 15)|'
means '{ "status": "signaled", "signal": 35, "name": "SIGRTMIN+1" }' 'signaled|163|was killed by SIGRTMIN+1 (signal 35)|'
means '{ "status": "signaled", "signal": 9 }' 'signaled|137|was killed by signal 9 (signal 9)|'
means '{ "status": "signaled", "signal": "SIGSEGV" }' 'signaled|139|was killed by SIGSEGV (signal 11)|'
means '{ "status": "fatal", "error": "service \"x\": no \\ such" }' 'fatal|108|failed: service "x": no \ such|'
means '{ "status": "fatal", "error": "not "escaped" at all" }' 'fatal|108|failed: not "escaped" at all|'
means '{ "status": "exited", "code": 1, "post_mortem": ["a=\"b\", c", "", "  | d \\ e"] }' \
    "$(printf 'exited|1|exited with code 1|a="b", c\n\n  | d \\ e')"
# Nothing is made of what is not of these shapes, and nothing is evaluated.
for line in '' '{' '{ "status": "exited" }' '{ "status": "exited", "code": -1 }' '{ "status": "exited", "code": "0" }' \
    '{ "status": "signaled", "signal": 65 }' '{ "status": "signaled", "signal": "SIGNOT" }' '{ "code": 0, "status": "exited" }' \
    '{ "status": "exited", "code": 1234567890123 }' 'x{ "status": "running" }' '{ "status": "exited", "code": $(touch /tmp/x) }'; do
    means "$line" '|||'
done
touched='{ "status": "fatal", "error": "$(touch '$tmp'/evaluated) `touch '$tmp'/evaluated`" }'
meaning "$touched" >"$tmp/out"
[ ! -e "$tmp/evaluated" ] || fail "text of an enclave was evaluated"

# An enclave with the ports that $tmp/scene.PORT plays; without that file nobody listens.
play_nitro_cli
mkdir "$vsock"
ENCLAVEBOX_VSOCK_DIR=$vsock
export ENCLAVEBOX_VSOCK_DIR
cat >"$tmp/bin/played" <<'END'
#!/bin/sh
read -r word port
[ "$word" = CONNECT ] && [ -e "$NITRO_LOG.scene.$port" ] || exit 1
echo "OK 1024"
. "$NITRO_LOG.scene.$port"
END
chmod +x "$tmp/bin/played"
start played vcat --listen --keep "unix:$vsock/16.sock" -- "$tmp/bin/played"
printf kernel >"$tmp/kernel"
printf ramdisk >"$tmp/ramdisk"
eif build --kernel "$tmp/kernel" --cmdline words --ramdisk "$tmp/ramdisk" --name app --output "$tmp/app.eif" >"$tmp/app.json" || fail "eif build"

# scene PORT: what it says comes from standard input. `gone` there ends the enclave.
scene() {
    { echo 'gone() { : >"$NITRO_LOG.running"; }'; cat; } >"$NITRO_LOG.scene.$1"
}
no_scene() { rm -f "$NITRO_LOG.scene.$1"; }
# run_to STATUS OPTION...: run the image to its end.
run_to() {
    run_status=$1
    shift
    expect_status "$run_status" rbuilds --cid 16 --cmd "run_eif_image $tmp/app.eif" "$@"
}

# The ports open late, the status connection breaks once, and unknown lines and members are let pass.
scene 17001 <<'END'
while [ "$line" != 30 ]; do line=$((line + 1)); echo "2026-01-01T00:00:00.0${line}Z app out: line $line"; done
while [ -s "$NITRO_LOG.running" ]; do sleep 0.1; done
END
scene 17000 <<'END'
echo '{ "status": "running" }'
[ -e "$NITRO_LOG.broken" ] || { touch "$NITRO_LOG.broken"; exit; }
echo '{ "status": "odd" }'
echo '{ "status": "exited", "code": 42, "more": [1] }'
echo '{ "status": "exited", "code": 42, "post_mortem": ["service=app state=failed", "| the reason"] }'
gone
END
mv "$NITRO_LOG.scene.17000" "$NITRO_LOG.later"
(sleep 2 && mv "$NITRO_LOG.later" "$NITRO_LOG.scene.17000") &
run_to 42 --wait --tail 5 --json
expect_text "$tmp/err" "what is not known: { \"status\": \"odd\" }"
expect_text "$tmp/err" "the workload of app exited with code 42"
expect_text "$tmp/err" "  | 2026-01-01T00:00:00.030Z app out: line 30"
expect_text "$tmp/err" "  | service=app state=failed"
expect_text "$tmp/out" '"post_mortem": ['
expect_equal "log lines shown" "$(grep -c 'app out: line' "$tmp/err")" 5
expect_equal "the enclave's traces" "$(find "$RBUILDS_STATE/enclaves" -mindepth 1)" ""

# With --follow the log comes as it is, each line once although the connection breaks.
scene 17001 <<'END'
[ -e "$NITRO_LOG.begun" ] && last=6 || last=3
touch "$NITRO_LOG.begun"
while [ "$line" != "$last" ]; do line=$((line + 1)); echo "2026-01-01T00:00:00.00${line}Z app out: line $line"; done
[ "$last" = 6 ] || exit
touch "$NITRO_LOG.told"
while [ -s "$NITRO_LOG.running" ]; do sleep 0.1; done
END
scene 17000 <<'END'
while [ ! -e "$NITRO_LOG.told" ]; do sleep 0.1; done
echo '{ "status": "signaled", "signal": 9, "name": "SIGKILL" }'
gone
END
run_to 137 --follow
expect_equal "the followed log" "$(sed 's/.*line //' "$tmp/out" | tr '\n' ' ')" "1 2 3 4 5 6 "
expect_text "$tmp/err" "was killed by SIGKILL (signal 9)"

scene 17000 <<'END'
printf '{ "status": "fatal", "error": "no \033[31mNSM" }\n'
gone
END
run_to 108 --wait
expect_text "$tmp/err" "failed: no ?[31mNSM"
scene 17000 <<'END'
echo '{ "status": "exited", "code": 0 }'
gone
END
run_to 0 --wait

# In debug mode the console is shown meanwhile, instead of the log.
expect_status 0 rbuilds --cid 16 --wait --cmd "run_eif_image_debugmode_cli $tmp/app.eif"
expect_text "$tmp/out" 'a console'
expect_text "$tmp/err" 'attests nothing'
expect_text "$tmp/err" 'exited with code 0'

# Gone without a word.
scene 17000 <<'END'
echo '{ "status": "running" }'
gone
END
run_to 110 --wait
expect_text "$tmp/err" "ended without telling a status"

# A line without an end is cut off, and the enclave is left alone.
scene 17000 <<'END'
head -c 200000 /dev/zero | tr '\0' x
sleep 5
END
run_to 65 --wait
expect_text "$tmp/err" "a line without an end"
expect_status 0 rbuilds --cmd "drop_enclave app"

# A workload that goes on: after --timeout, and after control-C, the enclave runs and the way back is told.
scene 17000 <<'END'
echo '{ "status": "running" }'
while [ ! -e "$NITRO_LOG.enough" ]; do sleep 0.1; done
echo '{ "status": "exited", "code": 7 }'
gone
END
run_to 75 --wait --timeout 3
expect_text "$tmp/err" "--name app --follow --cmd wait_for_enclave"
start waiting setsid -w env --default-signal=INT "$top/rbuilds/rbuilds.sh" --wait --cmd "wait_for_enclave app"
wait_for 20 pgrep -f "vcat --connect-timeout 0 vsock:16:17000"
kill -s INT -- "-$(pgrep -f 'rbuilds.sh --wait --cmd wait_for_enclave app' | head -n 1)"
wait "$started"
expect_equal "status after control-C" "$?" 130
expect_text "$tmp/waiting.log" "--cmd wait_for_enclave"
if pgrep -f "vcat --connect-timeout 0 vsock:16:17000" >"$tmp/left"; then fail "a reader is left behind"; fi
# Only looking: control-C ends it, and nothing else.
start looking setsid -w env --default-signal=INT "$top/rbuilds/rbuilds.sh" --cmd "follow_status app"
wait_for 20 grep -q running "$tmp/looking.log"
kill -s INT -- "-$(pgrep -f 'rbuilds.sh --cmd follow_status app' | head -n 1)"
wait "$started"
expect_equal "status of follow_status" "$?" 0
touch "$NITRO_LOG.enough"
expect_status 7 rbuilds --cmd "wait_for_enclave app"
