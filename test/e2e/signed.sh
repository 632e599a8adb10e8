#!/bin/sh
# Signed images: the emulator takes them, and the module inside reports the PCR8 that eif computed.
. "$(dirname "$0")/lib.sh"
command -v openssl >/dev/null || skip "openssl is not installed"
test_image

start_switch 16 17
cid=16
for curve in P-384 P-256; do
    openssl ecparam -name "$(echo $curve | sed 's/P-384/secp384r1/; s/P-256/prime256v1/')" -genkey -noout -out "$tmp/key.pem" 2>"$tmp/openssl.log" || fail "openssl ecparam"
    openssl req -new -x509 -key "$tmp/key.pem" -subj "/CN=enclavebox $curve" -days 30 -out "$tmp/certificate.pem" 2>"$tmp/openssl.log" || fail "openssl req"
    build_image "signed-$curve" --cmdline-file "$top/rbuilds/kernel/cmdline" \
        --private-key "$tmp/key.pem" --signing-certificate "$tmp/certificate.pem"
    expect_status 0 eif verify "$tmp/signed-$curve.eif"
    start_guest $cid "$tmp/signed-$curve.eif"
    wait_for 120 guest_answers $cid
    in_guest $cid 'nsm pcr read --json' >"$tmp/inside.json"
    for pcr in 0 1 2 8; do
        [ -n "$(pcr_of $pcr "$tmp/signed-$curve.json")" ] || fail "$curve: eif build tells no PCR$pcr"
        expect_equal "$curve PCR$pcr" "$(pcr_of $pcr "$tmp/signed-$curve.json")" "$(pcr_of $pcr "$tmp/inside.json")"
    done
    if pcr_of 8 "$tmp/inside.json" | grep -q '^0*$'; then fail "$curve: PCR8 is zero"; fi
    cid=$((cid + 1))
done
