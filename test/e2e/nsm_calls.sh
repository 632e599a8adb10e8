#!/bin/sh
# Every call of nsm(1) against the module of a running enclave, judged by sha384sum outside.
. "$(dirname "$0")/lib.sh"
test_image
start_switch 16
start_guest 16 "$image"
wait_for 120 guest_answers 16

# ask STATUS COMMAND...: in the guest; what it prints in $tmp/said.
ask() {
    wanted=$1
    shift
    in_guest 16 "$* 2>&1; echo status=\$?" >"$tmp/said"
    expect_equal "$*" "status=$wanted" "$(tail -n 1 "$tmp/said")"
}

ask 0 nsm describe
expect_text "$tmp/said" "module     guest-16"
expect_text "$tmp/said" "locked     0-15"

ask 0 nsm random 600
expect_equal "random digits" 1200 "$(head -n 1 "$tmp/said" | tr -d '\n' | wc -c)"
expect_equal "random bytes" 600 "$(in_guest 16 'nsm random --raw 600 | wc -c' | tr -d ' ')"
[ "$(in_guest 16 'nsm random 32')" != "$(in_guest 16 'nsm random 32')" ] || fail "random repeats itself"

# An extension is the digest of the old value and the data, and locking ends extensions.
first=$({ head -c 48 /dev/zero; printf abc; } | sha384sum | cut -d ' ' -f 1)
ask 0 'printf abc | nsm pcr extend 20 -'
expect_text "$tmp/said" "$first"
ask 0 nsm pcr read 20
expect_text "$tmp/said" "PCR20  open    $first"
ask 0 nsm pcr lock 20
ask 0 nsm pcr read 20
expect_text "$tmp/said" "PCR20  locked  $first"
ask 77 nsm pcr extend 20 00
expect_text "$tmp/said" "the register is locked"
ask 77 nsm pcr extend 0 00
ask 64 nsm pcr read 32
expect_text "$tmp/said" "there is no such register"
ask 0 nsm pcr lock --below 24
ask 77 nsm pcr extend 23 00
ask 0 nsm pcr extend 24 00

# The longest data that a request holds, and a byte more.
ask 0 'head -c 4068 /dev/zero >/tmp/data; nsm pcr extend 24 @/tmp/data'
ask 64 'head -c 4069 /dev/zero >/tmp/data; nsm pcr extend 24 @/tmp/data'

# The document holds what it was given; a refused one leaves no file.
ask 0 nsm attest --nonce c0ffee0042 --user-data 646f63 -o /tmp/document
document=$(in_guest 16 'od -An -v -tx1 /tmp/document' | tr -d ' \n')
for part in c0ffee0042 646f63 "$first"; do
    case $document in
    *"$part"*) ;;
    *) fail "the document lacks $part" ;;
    esac
done
ask 64 'head -c 513 /dev/zero >/tmp/data; nsm attest --nonce @/tmp/data -o /tmp/refused'
ask 0 'test ! -e /tmp/refused'

# An image's tools open no emulated module: whoever could name its folder would make the evidence.
ask 64 nsm --device emulator:/tmp/module describe
expect_text "$tmp/said" "this build has no NSM emulator"
