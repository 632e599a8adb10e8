#!/bin/sh
# Outputs of eif appear whole or not at all: full disk, kill in mid build, same file for input and
# output, missing inputs, nothing outside of the folder that was named.
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 99

printf K >kernel
head -c 8000000 /dev/urandom >rd0
: >empty
build() {
    eif build --kernel kernel --cmdline C "$@"
}

expect_status 66 build --ramdisk absent -o no.eif
expect_text err "cannot open 'absent'"
expect_status 65 build --ramdisk rd0 --ramdisk empty -o no.eif
expect_text err "'empty' is empty"
expect_status 64 build -o no.eif
expect_status 64 build --ramdisk rd0
expect_status 64 eif build --kernel kernel --ramdisk rd0 -o no.eif
expect_status 64 build --ramdisk rd0 -o rd0
expect_text err "both input and output"
ln rd0 hard
expect_status 64 build --ramdisk rd0 -o hard
expect_status 64 eif bild
expect_text err "did you mean build?"
set --
count=0
while [ $count -lt 30 ]; do
    set -- "$@" --ramdisk kernel
    count=$((count + 1))
done
expect_status 64 build "$@" -o no.eif
expect_text err "33 sections"
[ ! -e no.eif ] || fail "a refused build left a file"
[ "$(wc -c <rd0)" -eq 8000000 ] || fail "an input was touched"

# An arm64 kernel must say where it wants to be loaded.
head -c 64 /dev/zero >image
printf 'ARM\144' | dd of=image bs=1 seek=56 conv=notrunc 2>/dev/null
expect_status 65 eif build --arch aarch64 --kernel image --cmdline C --ramdisk rd0 -o no.eif
expect_text err "text_offset"
printf '\001' | dd of=image bs=1 seek=10 conv=notrunc 2>/dev/null
expect_status 0 eif build --arch aarch64 --kernel image --cmdline C --ramdisk rd0 -o arm.eif
expect_status 65 eif build --arch aarch64 --kernel kernel --cmdline C --ramdisk rd0 -o no.eif

# Killed while it waits for input: the old file stands, and nothing else is left.
mkdir killed
echo old >killed/out.eif
mkfifo slow
start build eif build --kernel kernel --cmdline C --ramdisk slow -o killed/out.eif
exec 3>slow
head -c 100000 /dev/zero >&3
kill -9 "$started"
wait "$started" 2>/dev/null
exec 3>&-
[ "$(cat killed/out.eif)" = old ] || fail "a killed build replaced the file"
# And killed at any time while it writes.
head -c 300000000 /dev/zero >large
for delay in 0.02 0.05 0.1 0.2; do
    start writing eif build --kernel kernel --cmdline C --ramdisk large -o killed/out.eif
    sleep $delay
    kill -9 "$started" 2>/dev/null
    wait "$started" 2>/dev/null
    [ "$(cat killed/out.eif)" = old ] || eif verify killed/out.eif >/dev/null || fail "half an image after $delay s"
    echo old >killed/out.eif
    [ "$(ls -A killed)" = out.eif ] || fail "left behind: $(ls -A killed)"
done
rm -f large

# extract follows no link that stands in its way, and names no file by what an image says.
expect_status 0 build --ramdisk rd0 -o good.eif
mkdir folder
echo precious >precious
ln -s ../precious folder/kernel
expect_status 0 eif extract -o folder good.eif
[ "$(cat precious)" = precious ] || fail "extract wrote through a link"
[ "$(cat folder/kernel)" = K ] || fail "extract did not replace the link"
sed 's/"ramdisk0"/"..\/rd0"/' folder/eif.json >changed && cp changed folder/eif.json
expect_status 65 eif build --from folder -o no.eif
expect_text err "is not the name of a file"

small_disk 4m
expect_status 74 build --ramdisk rd0 -o disk/out.eif
expect_text err "No space left on device"
[ -z "$(ls -A disk)" ] || fail "a full disk keeps $(ls -A disk)"
expect_status 74 eif extract -o disk/parts good.eif
mkdir folder2
cp rd0 folder2
expect_status 74 eif cpio -o disk/out.cpio folder2
[ ! -e disk/out.cpio ] || fail "half an archive was left"
