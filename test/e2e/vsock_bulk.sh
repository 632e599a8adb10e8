#!/bin/sh
# Bytes through vsockd: 256 MiB each way in writes of 64 KiB and 1 MiB, less in writes of one byte; the sums are equal.
. "$(dirname "$0")/lib.sh"
test_image

mib=${E2E_BULK_MIB:-256}
# A write of one byte costs an emulated guest 13 to 20 us: 256 MiB of them would take an hour or more.
single_bytes=${E2E_SINGLE_BYTES:-1048576}
start_switch 16
start_guest 16 "$image"
wait_for 120 guest_answers 16
parent_listens 8001 sha256sum

# sent_by_guest BYTES WRITE_SIZE CID: random bytes made in the guest, summed on both sides.
sent_by_guest() {
    in_guest 16 "head -c $1 /dev/urandom | tee >(sha256sum >/tmp/sum) | vcat --write-size $2 vsock:$3:8001; sleep 0.2; cat /tmp/sum" >"$tmp/sums" || fail "the guest sending $1 bytes in $2"
    [ "$(wc -l <"$tmp/sums")" -eq 2 ] || fail "guest to host: two sums expected: $(cat "$tmp/sums")"
    expect_equal "guest to host, $1 bytes in $2" "$(sed -n 1p "$tmp/sums")" "$(sed -n 2p "$tmp/sums")"
}

sent_by_host() {
    head -c "$1" /dev/urandom >"$tmp/data"
    in_guest 16 '[ -e /tmp/sink ] || { touch /tmp/sink; vcat --listen --keep vsock:any:8002 -- sha256sum </dev/null >/dev/null 2>&1 & }'
    wait_for 20 to_guest_sum
    ENCLAVEBOX_VSOCK_DIR=$vsock vcat --write-size "$2" vsock:16:8002 <"$tmp/data" >"$tmp/sum" || fail "the host sending $1 bytes in $2"
    expect_equal "host to guest, $1 bytes in $2" "$(cat "$tmp/sum")" "$(sha256sum <"$tmp/data")"
}
to_guest_sum() { to_guest 16 8002 </dev/null | grep -q e3b0c44298fc1c149afbf4c8996fb924; }

sent_by_guest "$single_bytes" 1 3
sent_by_guest $((mib * 1048576)) 64K 3
sent_by_guest $((mib * 1048576)) 1M 2
sent_by_host "$single_bytes" 1
sent_by_host $((mib * 1048576)) 64K
sent_by_host $((mib * 1048576)) 1M
