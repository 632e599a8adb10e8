#!/bin/sh
# nsm where there is no module: each mistake has its exit code, and no output file appears.
. "$(dirname "$0")/lib.sh"

expect_status 66 nsm describe --device "$tmp/none"
expect_text "$tmp/err" "cannot open"
expect_text "$tmp/err" "hint: only an enclave has this device"
expect_status 64 nsm describe --device /dev/null
expect_text "$tmp/err" "no Nitro Secure Module"

# Wrong words are told first, whether or not there is a module.
expect_status 64 nsm random 0
expect_status 64 nsm pcr read 256
expect_status 64 nsm pcr raed
expect_text "$tmp/err" "did you mean read?"
expect_status 65 nsm attest --nonce xyz
expect_text "$tmp/err" "--nonce"
expect_status 66 nsm attest --user-data "@$tmp/none"
expect_status 65 sh -c 'head -c 4097 /dev/zero | nsm pcr extend 16 -'

printf -- '-----BEGIN PUBLIC KEY-----\n' >"$tmp/key.pem"
expect_status 65 nsm attest --public-key "$tmp/key.pem"
expect_text "$tmp/err" "openssl pkey"

expect_status 66 nsm attest --device "$tmp/none" -o "$tmp/document"
[ ! -e "$tmp/document" ] || fail "a document appeared without a module"
