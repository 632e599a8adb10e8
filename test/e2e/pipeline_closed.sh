#!/bin/sh
# Who gets in at all: nobody into an image without keys, and into one that rbuilds made its builder, who is nobody else.
. "$(dirname "$0")/lib.sh"
test_image
start_switch 16 17
# The test image was made with --authorized-keys none.
start_guest 16 "$image"
wait_for 150 guest_answers 16
expect_equal "services" "$(in_guest 16 'ls /etc/enclavebox/services')" shell.yaml
expect_equal "keys" "$(in_guest 16 'ls /etc/enclavebox')" "$(printf 'initd.yaml\nservices')"
ENCLAVEBOX_VSOCK_DIR=$vsock
export ENCLAVEBOX_VSOCK_DIR
expect_status 0 pipeline keygen -o "$tmp/key"
expect_status 69 pipeline run --key "$tmp/key" --allow-emulated --connect-timeout 2s vsock:16:53000 -- true
expect_status 69 vcat --connect-timeout 0 vsock:16:53000
kill "$started"

# By default the image obeys its builder: the key is made on first use, and told.
rbuilds --output "$tmp" --name mine --cmd make_eif >"$tmp/make.log" 2>&1 || fail "make_eif"
expect_text "$tmp/make.log" "made a key for pipeline"
start_guest 17 "$tmp/mine.eif"
enters() { pipeline run --allow-emulated --pcrs "$tmp/mine.eif.pcr" vsock:17:53000 -- true; }
wait_for 150 enters
expect_status 77 pipeline run --key "$tmp/key" --allow-emulated --pcrs "$tmp/mine.eif.pcr" vsock:17:53000 -- true
expect_text "$tmp/err" 'not authorised'
expect_status 0 pipeline run --allow-emulated --pcrs "$tmp/mine.eif.pcr" vsock:17:53000 -- initctl status pipeline
expect_text "$tmp/out" running

# A mistake in the file of keys stops the build, with its place.
echo 'allow=everything SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU' >"$tmp/keys"
expect_status 78 rbuilds --output "$tmp" --authorized-keys "$tmp/keys" --cmd make_apps
expect_text "$tmp/err" "$tmp/keys:1:"
