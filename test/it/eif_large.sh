#!/bin/sh
# eif build of an image that is large enough to be written past the page cache: the same bytes as
# through a pipe.
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 99

printf K >kernel
head -c 1000003 /dev/urandom >rd0
# 260 MiB with holes, and contents on both sides of what is written in one piece.
truncate -s 272629760 rd1
for at in 0 1 100 259; do printf 'here is %s' "$at" | dd of=rd1 bs=1M seek="$at" conv=notrunc 2>/dev/null; done
printf 'odd end' >>rd1
words="--kernel kernel --cmdline C --ramdisk rd0 --ramdisk rd1"
# shellcheck disable=SC2086
eif build $words -o - 2>/dev/null | sha256sum >streamed.sum
# shellcheck disable=SC2086
expect_status 0 eif build $words -o disk.eif
sha256sum <disk.eif >disk.sum
expect_same streamed.sum disk.sum
cp out built.pcrs
expect_status 0 eif verify --expect built.pcrs disk.eif

# A second ramdisk whose end falls on the end of a piece: the header still goes in.
size=$(stat -c %s disk.eif)
truncate -s $((272629760 + 7 + 272629760 - size)) rd1
# shellcheck disable=SC2086
expect_status 0 eif build $words -o whole.eif
[ "$(stat -c %s whole.eif)" -eq 272629760 ] || fail "the image does not end on a piece's end"
expect_status 0 eif verify whole.eif
