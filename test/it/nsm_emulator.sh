#!/bin/sh
# nsm with the emulator: every command, and its certificates before OpenSSL's own judge.
. "$(dirname "$0")/lib.sh"
need openssl sha384sum
module=emulator:$tmp/module
nsm --device "$module" describe >"$tmp/out" 2>"$tmp/err" || {
    grep -qF "this build has no NSM emulator" "$tmp/err" && skip "this build has no NSM emulator"
    fail "describe: $(cat "$tmp/err")"
}
expect_text "$tmp/out" "locked     0-15"

expect_equal "random digits" 1200 "$(nsm -d "$module" random 600 | tr -d '\n' | wc -c)"
first=$({ head -c 48 /dev/zero; printf abc; } | sha384sum | cut -d ' ' -f 1)
expect_equal "extension" "$first" "$(printf abc | nsm -d "$module" pcr extend 20 -)"
expect_status 0 nsm -d "$module" pcr lock 20
expect_status 77 nsm -d "$module" pcr extend 20 00
expect_text "$tmp/err" "the register is locked"
expect_status 64 nsm -d "$module" pcr read 32
expect_status 0 nsm -d "$module" pcr read 20
expect_text "$tmp/out" "PCR20  locked  $first"

expect_status 0 nsm -d "$module" attest --nonce c0ffee0042 --user-data 646f63 -o "$tmp/document"
document=$(od -An -v -tx1 "$tmp/document" | tr -d ' \n')
for part in c0ffee0042 646f63 "$first"; do
    case $document in
    *"$part"*) ;;
    *) fail "the document lacks $part" ;;
    esac
done

# The chain as OpenSSL sees it, root to leaf; without one link it does not hold.
folder=$tmp/module
for level in regional zonal instance enclave; do
    openssl x509 -in "$folder/$level.pem" -out "$tmp/$level.crt" || fail "$level.pem"
done
cat "$tmp/regional.crt" "$tmp/zonal.crt" "$tmp/instance.crt" >"$tmp/between.crt"
expect_status 0 openssl verify -purpose any -CAfile "$folder/root.pem" -untrusted "$tmp/between.crt" "$tmp/enclave.crt"
expect_status 2 openssl verify -purpose any -CAfile "$folder/root.pem" -untrusted "$tmp/regional.crt" "$tmp/enclave.crt"
openssl x509 -in "$tmp/enclave.crt" -noout -text >"$tmp/leaf"
for fact in 'ecdsa-with-SHA384' 'secp384r1' 'CA:FALSE' 'Digital Signature, Non Repudiation'; do
    expect_text "$tmp/leaf" "$fact"
done
for level in enclave instance zonal regional; do
    der=$(openssl x509 -in "$tmp/$level.crt" -outform DER | od -An -v -tx1 | tr -d ' \n')
    case $document in
    *"$der"*) ;;
    *) fail "the document lacks the certificate of $level" ;;
    esac
done

# Another process at work on the folder is waited for; what is no folder is told.
(nsm -d "$module" random 1048576 >/dev/null) &
expect_status 0 nsm -d "$module" attest -o "$tmp/document"
wait
: >"$tmp/file"
expect_status 66 nsm -d "emulator:$tmp/file" describe
expect_status 64 nsm -d "$module,speed=3" describe
expect_text "$tmp/err" "no setting of the emulator"
