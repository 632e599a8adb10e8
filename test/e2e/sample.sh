#!/bin/sh
# The sample, from rbuilds to poweroff: heartbeat, equal PCRs, services at work, the list of enclaves, stale state.
. "$(dirname "$0")/lib.sh"
guest_machine

rbuilds --output "$tmp" --name sample --cmd make_eif >"$tmp/make.log" 2>&1 || fail "make_eif"
[ ! -e "$RBUILDS_STATE/enclaves/sample" ] || fail "an enclave runs before it was started"
rbuilds --output "$tmp" --name sample --cmd run_eif_image >"$tmp/run.log" 2>&1 || fail "run_eif_image"
expect_text "$RBUILDS_STATE/enclaves/sample/vsockd.log" msg=heartbeat
rbuilds --cmd list_enclaves --json >"$tmp/list.json" 2>"$tmp/err" || fail "list_enclaves"
expect_text "$tmp/list.json" '"EnclaveName":"sample"'
expect_text "$tmp/list.json" '"State":"RUNNING","Flags":"NONE"'
cid=$(sed -E 's/.*"EnclaveCID":([0-9]+).*/\1/' "$tmp/list.json")
vsock=$RBUILDS_STATE/vsock

# The log port gives the ring and then follows.
start log env "ENCLAVEBOX_VSOCK_DIR=$vsock" vcat "vsock:$cid:17001"
wait_for 60 grep -q '"PCR2":' "$tmp/log.log"
wait_for 60 grep -q '2262 primes up to 20000' "$tmp/log.log"
wait_for 60 grep -q 'hello from enclavebox' "$tmp/log.log"
eif measure "$tmp/sample.eif" >"$tmp/built.json" || fail "eif measure"
grep -F '"PCR2":' "$tmp/log.log" >"$tmp/inside.json"
for pcr in 0 1 2; do
    expect_equal "PCR$pcr as built and inside" "$(pcr_of $pcr "$tmp/built.json")" "$(pcr_of $pcr "$tmp/inside.json")"
    value=$(pcr_of $pcr "$tmp/inside.json")
    [ ${#value} -eq 96 ] || fail "PCR$pcr is no SHA-384 value"
done
expect_text "$tmp/list.json" "$(pcr_of 0 "$tmp/built.json")"

start status env "ENCLAVEBOX_VSOCK_DIR=$vsock" vcat "vsock:$cid:17000"
wait_for 20 grep -q '"running"' "$tmp/status.log"

# A second one beside it gets another name and another CID; the console of each can be followed.
rbuilds --output "$tmp" --name sample --cmd run_eif_image >"$tmp/run2.log" 2>&1 || fail "running a second one"
expect_text "$tmp/run2.log" "enclave sample_1 runs: cid $((cid + 1))"
start console "$top/rbuilds/rbuilds.sh" --name sample_1 --cmd attach_console_to_enclave
wait_for 20 grep -q 'Linux version' "$tmp/console.log"
expect_status 64 rbuilds --cmd drop_enclave
expect_text "$tmp/err" "several enclaves are running"
expect_status 75 rbuilds --output "$tmp" --name sample --cid "$cid" --cmd run_eif_image

# One is dropped, the other's emulator is killed: both leave the list, and nothing behind.
expect_status 0 rbuilds --cmd "drop_enclave sample_1"
killed=$(cut -d ' ' -f 1 "$RBUILDS_STATE/enclaves/sample/pid")
kill -KILL "$killed"
wait_for 10 test ! -e "/proc/$killed"
expect_status 0 rbuilds --cmd list_enclaves --json
expect_equal "the list" "$(cat "$tmp/out")" "[]"
expect_equal "state left" "$(find "$RBUILDS_STATE/enclaves" "$vsock" -mindepth 1)" ""
expect_status 69 rbuilds --cmd drop_enclave
