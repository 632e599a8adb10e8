#!/bin/sh
# eif cpio: GNU cpio and libarchive's bsdtar read what it makes; folders, tar files and streams of
# the same tree give the same archive; order, links, owners, odd names and hostile ones.
. "$(dirname "$0")/lib.sh"
need cpio tar gzip
cd "$tmp" || exit 99

mkdir -p tree/b/c tree/a
printf 'hello\n' >tree/a/f
ln tree/a/f tree/b/g
ln -s ../a/f tree/b/c/link
ln -s loop1 tree/loop2
ln -s loop2 tree/loop1
mkfifo tree/pipe
printf x >"tree/new
line"
printf y >"tree/$(printf '\377\376')"
touch tree/a-b tree/aa
chmod 4755 tree/aa
chmod 750 tree/a
root=$(id -u)
if [ "$root" -eq 0 ]; then mknod tree/null c 1 3 && chown 12:34 tree/a-b; fi

expect_status 0 eif cpio -o tree.cpio tree
[ $(($(wc -c <tree.cpio) % 512)) -eq 0 ] || fail "the archive is not padded to 512"
cpio -t --quiet <tree.cpio >names || fail "cpio does not read the archive"
eif cpio --list --json tree.cpio >list || fail "eif does not list its archive"
(cd tree && find . -mindepth 1 -printf '%P\0' | LC_ALL=C sort -z | tr '\0' '\n') >wanted
expect_same names wanted
mkdir out1
(cd out1 && cpio -idm --quiet <../tree.cpio) || fail "cpio -i"
expect_status 0 diff -r --no-dereference tree/a out1/a
[ "$(stat -c %i out1/a/f)" = "$(stat -c %i out1/b/g)" ] || fail "hard links were lost"
[ "$(readlink out1/b/c/link)" = ../a/f ] || fail "a link's target was lost"
[ "$(stat -c '%a %Y' out1/aa)" = "4755 0" ] || fail "mode or time: $(stat -c '%a %Y' out1/aa)"
[ "$(stat -c %a out1/a)" = 750 ] || fail "a folder's mode"
[ -p out1/pipe ] || fail "the pipe was lost"
if [ "$root" -eq 0 ]; then
    [ "$(stat -c '%t %T' out1/null)" = "1 3" ] || fail "the device was lost"
    [ "$(stat -c %u:%g out1/a-b)" = 0:0 ] || fail "owners of a folder must not count"
    eif cpio --keep-owner -o owners.cpio tree
    eif cpio --list --json owners.cpio | grep '"name":"a-b"' >line
    expect_text line '"uid":12,"gid":34'
fi
if command -v bsdtar >/dev/null; then bsdtar -tf tree.cpio >/dev/null || fail "bsdtar does not read it"; fi

# Any order on disk, any dialect, any compression: the same archive.
(cd tree && find . -mindepth 1 -print0 | LC_ALL=C sort -rz) >reverse
for format in ustar pax gnu; do
    tar --format=$format --owner=0 --group=0 -cf $format.tar --no-recursion -C tree --null -T reverse || fail "tar"
    expect_status 0 eif cpio -o $format.cpio $format.tar
    expect_same $format.cpio tree.cpio
done
gzip -k pax.tar
expect_status 0 eif cpio -o gz.cpio pax.tar.gz
expect_same gz.cpio tree.cpio
eif cpio -o - - <pax.tar.gz >stream.cpio || fail "from a stream"
expect_same stream.cpio tree.cpio
if command -v zstd >/dev/null; then
    zstd -q ustar.tar
    expect_status 0 eif cpio -o zst.cpio ustar.tar.zst
    expect_same zst.cpio tree.cpio
fi
truncate -s 3000000 sparse && printf end >>sparse
tar -Scf sparse.tar sparse
expect_status 0 eif cpio -o sparse1.cpio sparse.tar
mkdir s && mv sparse s && expect_status 0 eif cpio -o sparse2.cpio s
chmod 644 s/sparse
eif cpio --list sparse1.cpio >/dev/null || fail "sparse"
expect_same sparse1.cpio sparse2.cpio

# Compressed, and several sources: the later one wins, links to folders survive an overlay.
for how in gzip zstd; do
    expect_status 0 eif cpio -z $how -o z.$how tree
    eif cpio --list --json z.$how >list2
    expect_same list list2
done
gzip -dc z.gzip >plain && expect_same plain tree.cpio
mkdir -p base/usr/lib over/lib/new over/etc
ln -s usr/lib base/lib
echo base >base/usr/lib/kept
mkdir base/etc && echo 1 >base/etc/conf && echo 2 >over/etc/conf && echo n >over/lib/new/file
expect_status 0 eif cpio --prefix /rootfs/ --mtime 77 -o merged.cpio base over
mkdir merged && (cd merged && cpio -idm --quiet <../merged.cpio)
[ "$(cat merged/rootfs/etc/conf)" = 2 ] || fail "the later source did not win"
[ -L merged/rootfs/lib ] || fail "the overlay broke a link"
[ "$(cat merged/rootfs/usr/lib/new/file)" = n ] || fail "the overlay did not go through the link"
[ "$(stat -c %Y merged/rootfs/usr/lib/kept)" = 77 ] || fail "--mtime"
SOURCE_DATE_EPOCH=77 eif cpio --prefix rootfs -o epoch.cpio base over
expect_same epoch.cpio merged.cpio

# Hostile and impossible input.
python3 - <<'END' || skip "python3 is needed for the rest"
import io, tarfile
def make(name, *members):
    with tarfile.open(name, "w", format=tarfile.PAX_FORMAT) as archive:
        for path, kind, target in members:
            info = tarfile.TarInfo(path)
            info.type, info.linkname = kind, target
            info.size = 1 if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(b"x") if info.size else None)
make("dots.tar", ("../escape", tarfile.REGTYPE, ""))
make("slash.tar", ("/etc/x", tarfile.REGTYPE, ""))
make("link.tar", ("out", tarfile.SYMTYPE, "/../../outside"), ("out/x", tarfile.REGTYPE, ""))
make("loop.tar", ("a", tarfile.SYMTYPE, "b"), ("b", tarfile.SYMTYPE, "a"), ("a/x", tarfile.REGTYPE, ""))
make("hard.tar", ("x", tarfile.LNKTYPE, "absent"))
make("trailer.tar", ("TRAILER!!!", tarfile.REGTYPE, ""))
make("long.tar", ("d/" * 2100 + "x", tarfile.REGTYPE, ""))
make("unicode.tar", ("d\u00e4/\u00fc", tarfile.REGTYPE, ""))
END
for name in dots loop hard trailer long; do
    expect_status 65 eif cpio -o no.cpio $name.tar
    [ ! -e no.cpio ] || fail "$name left a file"
done
expect_status 0 eif cpio --prefix p -o slash.cpio slash.tar link.tar unicode.tar
cpio -t --quiet <slash.cpio >names
[ "$(grep -cv '^p' names)" -eq 0 ] || fail "something left the prefix: $(cat names)"
expect_text names "p/dä/ü"
head -c 3000 pax.tar >cut.tar
expect_status 65 eif cpio -o no.cpio cut.tar
head -c 20000 /dev/urandom >noise
expect_status 65 eif cpio -o no.cpio noise
mkdir huge && truncate -s 4G huge/file
expect_status 65 eif cpio -o no.cpio huge
expect_text err "below 4 GiB"
expect_text err "split"
eif cpio -o tree/inside.cpio base || fail "a first archive"
expect_status 64 eif cpio -o tree/inside.cpio tree
expect_text err "inside a source"

# 100,000 files.
python3 - <<'END'
import os
for folder in range(100):
    os.makedirs(f"many/{folder}")
    for number in range(1000):
        open(f"many/{folder}/{number}", "w").close()
END
expect_status 0 eif cpio -o many.cpio many
[ "$(eif cpio --list many.cpio | wc -l)" -eq 100100 ] || fail "members are missing"
