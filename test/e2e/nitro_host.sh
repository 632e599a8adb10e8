#!/bin/sh
# The back end of a Nitro host, with nitro-cli played by a script: what rbuilds asks it for, and what it makes of the answers.
# Only a Nitro host can say more.
. "$(dirname "$0")/lib.sh"
[ -x "$ENCLAVEBOX_BUILD/tools/eif/eif" ] || skip "the tools are not built"

play_nitro_cli
printf kernel >"$tmp/kernel"
printf ramdisk >"$tmp/ramdisk"
eif build --kernel "$tmp/kernel" --cmdline words --ramdisk "$tmp/ramdisk" --name app --output "$tmp/app.eif" >"$tmp/app.json" || fail "eif build"

expect_status 0 rbuilds --memory 700 --cpus 4 --cmd "run_eif_image $tmp/app.eif"
expect_text "$tmp/nitro" "run-enclave --eif-path $tmp/app.eif --memory 700 --cpu-count 4 --enclave-cid 16 --enclave-name app"
if grep -q debug-mode "$tmp/nitro"; then fail "debug mode without being asked for"; fi
expect_status 0 rbuilds --cmd list_enclaves --json
expect_text "$tmp/out" '"EnclaveID":"i-0123-enc16"'
expect_text "$tmp/out" "$(pcr_of 0 "$tmp/app.json")"
expect_status 69 rbuilds --cmd attach_console_to_enclave
expect_text "$tmp/err" "not in debug mode"
expect_equal "console without debug mode" "$(cat "$tmp/out")" ""

expect_status 0 rbuilds --name other --cmd "run_eif_image_debugmode_cli $tmp/app.eif"
expect_text "$tmp/nitro" "--enclave-name other --debug-mode"
expect_text "$tmp/err" "attests nothing"
expect_text "$tmp/out" "a console"

expect_status 0 rbuilds --cmd "drop_enclave other"
expect_text "$tmp/nitro" "terminate-enclave --enclave-id i-0123-enc17"
# Ended behind our back: it leaves the list.
: >"$tmp/nitro.running"
expect_status 0 rbuilds --cmd list_enclaves --json
expect_equal "the list" "$(cat "$tmp/out")" "[]"

port=$((20000 + $$ % 10000))
expect_status 0 rbuilds --name served --reverse-network --publish "127.0.0.1:$port" --cmd "run_eif_image $tmp/app.eif"
read -r carrier _ <"$RBUILDS_STATE/enclaves/served/network-in.pid"
tr '\0' ' ' <"/proc/$carrier/cmdline" >"$tmp/carrier"
expect_text "$tmp/carrier" "transparent-port-to-vsock --proxy-out v2 tcp:127.0.0.1:$port 16"
expect_status 0 rbuilds --cmd "drop_enclave served"
# Whoever is to reap it may take its time.
[ ! -e "/proc/$carrier" ] || [ -z "$(tr '\0' ' ' 2>"$tmp/gone" <"/proc/$carrier/cmdline")" ] || fail "the host's side outlives its enclave"

: >"$tmp/nitro.refuse"
expect_status 69 rbuilds --cmd "run_eif_image $tmp/app.eif"
expect_text "$tmp/err" "E26"
expect_equal "state of what did not start" "$(find "$RBUILDS_STATE/enclaves" -mindepth 1)" ""
