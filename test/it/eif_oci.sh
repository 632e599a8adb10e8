#!/bin/sh
# eif cpio from an OCI image layout: layers in order, whiteouts, hard links over layers, every blob
# held against its digest, the image picked by tag or architecture.
. "$(dirname "$0")/lib.sh"
need python3 cpio
cd "$tmp" || exit 99

python3 - <<'END' || fail "making the layout"
import gzip, hashlib, io, json, os, tarfile
os.makedirs("layout/blobs/sha256")
def blob(data, **more):
    digest = hashlib.sha256(data).hexdigest()
    open(f"layout/blobs/sha256/{digest}", "wb").write(data)
    return {"digest": f"sha256:{digest}", "size": len(data), **more}
def layer(*members):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for path, kind, content in members:
            info = tarfile.TarInfo(path)
            info.type, info.uid, info.gid, info.mode = kind, 5, 6, 0o755 if kind == tarfile.DIRTYPE else 0o644
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = content
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content.encode()) if kind == tarfile.REGTYPE else None)
    return blob(gzip.compress(data.getvalue(), mtime=0), mediaType="application/vnd.oci.image.layer.v1.tar+gzip")
F, D, S, H = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
first = layer(("etc", D, ""), ("etc/gone", F, "1"), ("etc/kept", F, "1"), ("opaque", D, ""), ("opaque/old", F, "1"),
              ("dir/sub/deep", F, "1"), ("bin", S, "usr/bin"), ("usr/bin/sh", F, "sh"), ("orig", F, "o"))
second = layer(("etc/.wh.gone", F, ""), ("opaque/new", F, "2"), ("opaque/.wh..wh..opq", F, ""), (".wh.dir", F, ""),
               ("bin/tool", F, "tool"), ("hard", H, "orig"), ("etc/kept", F, "2"))
config = blob(b"{}")
def manifest(*layers):
    return blob(json.dumps({"schemaVersion": 2, "config": config, "layers": layers}).encode(),
                mediaType="application/vnd.oci.image.manifest.v1+json")
both, one = manifest(first, second), manifest(first)
arm = {**one, "platform": {"os": "linux", "architecture": "arm64"}}
amd = {**both, "platform": {"os": "linux", "architecture": "amd64"}}
nested = blob(json.dumps({"manifests": [arm, amd]}).encode())
name = "org.opencontainers.image.ref.name"
index = {"schemaVersion": 2, "manifests": [{**nested, "annotations": {name: "app"}},
                                           {**one, "annotations": {name: "base"}}]}
json.dump(index, open("layout/index.json", "w"))
open("second", "w").write(second["digest"].split(":")[1])
END

expect_status 0 eif cpio --prefix rootfs -o app.cpio oci:layout:app
mkdir app
(cd app && cpio -idm --quiet --no-preserve-owner <../app.cpio) || fail "cpio -i"
(cd app/rootfs && find . -mindepth 1 | LC_ALL=C sort) >names
cat >wanted <<'END'
./bin
./etc
./etc/kept
./hard
./opaque
./opaque/new
./orig
./usr
./usr/bin
./usr/bin/sh
./usr/bin/tool
END
expect_same names wanted
[ "$(cat app/rootfs/etc/kept)" = 2 ] || fail "the upper layer did not win"
[ "$(stat -c %i app/rootfs/hard)" = "$(stat -c %i app/rootfs/orig)" ] || fail "a hard link into a lower layer was lost"
eif cpio --list --json app.cpio | grep '"name":"rootfs/etc/kept"' >line
expect_text line '"uid":5,"gid":6'

expect_status 0 eif cpio -o arm.cpio --arch aarch64 oci:layout:app
expect_status 0 eif cpio -o base.cpio oci:layout:base
expect_same arm.cpio base.cpio
expect_status 65 eif cpio -o no.cpio oci:layout:absent
expect_status 65 eif cpio -o no.cpio oci:layout
expect_text err "name one"
expect_status 66 eif cpio -o no.cpio oci:nowhere

# A blob that is not what its digest says, though it is a good archive.
path=layout/blobs/sha256/$(cat second)
gzip -dc "$path" | gzip -1 >other && cp other "$path"
expect_status 65 eif cpio -o no.cpio oci:layout:app
expect_text err "does not have that digest"
sed -i 's|sha256:|sha256:../../|' layout/index.json
expect_status 65 eif cpio -o no.cpio oci:layout:app
expect_text err "unusable digest"
[ ! -e no.cpio ] || fail "a refused layout left a file"
