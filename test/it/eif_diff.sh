#!/bin/sh
# eif diff names section, member and field of what two images do not share.
. "$(dirname "$0")/lib.sh"
need openssl python3
cd "$tmp" || exit 99

mkdir -p tree/etc tree/bin
echo one >tree/etc/conf
echo program >tree/bin/app
ln -s app tree/bin/alias
chmod 755 tree/bin/app
printf K >kernel
make() {
    name=$1
    shift
    eif build --kernel kernel --cmdline "console=ttyS0" --ramdisk kernel "$@" -o "$name" >/dev/null || fail "building $name"
}
archive() {
    eif cpio -o "$1" "${2:-tree}" || fail "archiving $1"
}
archive base.cpio
make base.eif --ramdisk base.cpio
expect_status 0 eif diff base.eif base.eif
[ ! -s out ] || fail "equal images have differences"

chmod 700 tree/bin/app
archive mode.cpio
make mode.eif --ramdisk mode.cpio
expect_status 1 eif diff base.eif mode.eif
[ "$(cat out)" = "ramdisk1: bin/app: mode: 0755 | 0700" ] || fail "mode: $(cat out)"
chmod 755 tree/bin/app

echo onE >tree/etc/conf
ln -sf other tree/bin/alias
touch tree/etc/more
archive content.cpio
make content.eif --ramdisk content.cpio --name other
expect_status 1 eif diff base.eif content.eif
expect_text out "metadata: ImageName: \"enclave\" | \"other\""
expect_text out "ramdisk1: etc/conf: content: byte 2 is 0x65 | byte 2 is 0x45"
expect_text out "ramdisk1: bin/alias: target: app | other"
expect_text out "ramdisk1: etc/more: (absent) | file -rw-r--r--"
[ "$(wc -l <out)" -eq 4 ] || fail "more than four differences: $(cat out)"
expect_status 1 eif diff --limit 1 base.eif content.eif
expect_text out "and 3 more"
expect_status 1 eif diff --json base.eif content.eif
python3 -c '
import json
report = json.load(open("out"))
assert report["equal"] is False and report["count"] == 4
assert {"section", "member", "field", "left", "right"} == set(report["differences"][0])
' || fail "the JSON is not as documented"

# The same through compression, and in the second of two archives of one ramdisk.
for how in gzip zstd; do
    chmod 755 tree/bin/app
    eif cpio -z $how -o left tree || fail "$how"
    chmod 700 tree/bin/app
    eif cpio -z $how -o right tree || fail "$how"
    cat mode.cpio left >two.left
    cat mode.cpio right >two.right
    make left.eif --ramdisk two.left
    make right.eif --ramdisk two.right
    expect_status 1 eif diff left.eif right.eif
    [ "$(cat out)" = "ramdisk1: bin/app: mode: 0755 | 0700" ] || fail "$how: $(cat out)"
done

# Time, command line, no archive at all, a signature.
eif cpio --mtime 5 -o time.cpio tree
eif cpio -o zero.cpio tree
make time.eif --ramdisk time.cpio
make zero.eif --ramdisk zero.cpio
expect_status 1 eif diff zero.eif time.eif
expect_text out "ramdisk1: etc: mtime: 0 | 5"
eif build --kernel kernel --cmdline "console=ttyS1" --ramdisk kernel --ramdisk base.cpio -o cmdline.eif >/dev/null
expect_status 1 eif diff base.eif cmdline.eif
[ "$(cat out)" = "cmdline: console=ttyS0 | console=ttyS1" ] || fail "cmdline: $(cat out)"
printf nothing >noise
make noise.eif --ramdisk noise
expect_status 1 eif diff base.eif noise.eif
expect_text out "ramdisk1: kind: archives | no archive that we can read"
openssl ecparam -name prime256v1 -genkey -noout -out key.pem
openssl req -new -x509 -key key.pem -subj /CN=one -days 2 -out one.pem 2>/dev/null
openssl req -new -x509 -key key.pem -subj /CN=two -days 2 -out two.pem 2>/dev/null
eif sign -C one.pem -K key.pem -o one.eif base.eif >/dev/null
eif sign -C two.pem -K key.pem -o two.eif base.eif >/dev/null
expect_status 1 eif diff base.eif one.eif
expect_text out "signature: (absent) | "
expect_status 1 eif diff one.eif two.eif
expect_text out "signature: [0].signing_certificate: "
expect_status 64 eif diff one.eif
expect_status 66 eif diff one.eif absent.eif
