#!/bin/sh
# eif build, measure, sign, verify, extract: the published measurements, openssl as judge of the
# signature, and the same bytes again from what was extracted.
. "$(dirname "$0")/lib.sh"
need openssl python3
cd "$tmp" || exit 99

printf K >kernel
printf R0 >rd0
printf R1 >rd1
expect_status 0 eif build --kernel kernel --cmdline ' C ' --ramdisk rd0 --ramdisk rd1 -o plain.eif
cp out plain.pcrs
expect_text out d0bc287bd9ac6a710dc6a562f4af1862c57a3b88993cf18c1a435051c33f56ed7a97d74ad4b4681164fb79570a1cc77e
expect_text out 1581c5e5836004b0a7704ea9890bc9c9e3f611a362a16244e45123faf0c8695aad4601be4e81dccdd2cab5e1c95e8826
expect_text out ce0dc93d7b5412312ec312a0c77d7b946a9e9969183cab4b6bec4a4a3a5c9bc1280b8b864cb0d1494588d292c5b4832c
expect_status 0 eif measure plain.eif
expect_same out plain.pcrs
expect_status 0 eif verify --expect plain.pcrs plain.eif
expect_text out "measurements: good"
expect_status 1 eif verify --signed plain.eif

# One ramdisk: PCR2 is that of nothing.
expect_status 0 eif build --kernel kernel --cmdline C --ramdisk rd0 -o one.eif
expect_text out 21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a
expect_status 1 eif verify --expect plain.pcrs one.eif
expect_text err "PCR0 is "

# The same bytes elsewhere, later, in another locale, from pipes, and to a pipe.
mkdir other
(umask 077 && cd other && TZ=Asia/Tokyo LC_ALL=C.UTF-8 eif build --kernel ../kernel --cmdline C \
    --ramdisk ../rd0 --ramdisk ../rd1 -o plain.eif >/dev/null) || fail "building elsewhere"
expect_same plain.eif other/plain.eif
eif build --kernel kernel --cmdline C --ramdisk - --ramdisk rd1 -o piped.eif <rd0 >/dev/null || fail "from a pipe"
expect_same plain.eif piped.eif
eif build --kernel kernel --cmdline C --ramdisk rd0 --ramdisk rd1 -o - 2>/dev/null | cat >streamed.eif
expect_same plain.eif streamed.eif

# Python reads the file as both kinds of reader do: by the tables, and by walking.
python3 - plain.eif <<'END' || fail "the layout is not as specified"
import struct, sys, zlib
data = open(sys.argv[1], "rb").read()
magic, version, flags, mem, cpus, zero, count = struct.unpack_from(">4sHHQQHH", data)
assert (magic, version, flags, mem, cpus, zero, count) == (b".eif", 4, 0, 1 << 30, 2, 0, 5)
offsets = struct.unpack_from(">32Q", data, 0x1c)
sizes = struct.unpack_from(">32Q", data, 0x11c)
at, seen = 548, []
while at < len(data):
    kind, section_flags, size = struct.unpack_from(">HHQ", data, at)
    assert section_flags == 0 and offsets[len(seen)] == at and sizes[len(seen)] == size
    seen.append(kind)
    at += 12 + size
assert at == len(data) and seen == [1, 2, 5, 3, 3] and not any(offsets[5:] + sizes[5:])
assert struct.unpack_from(">I", data, 0x220)[0] == zlib.crc32(data[:0x220] + data[0x224:])
END

for curve in prime256v1 secp384r1 secp521r1; do
    openssl ecparam -name $curve -genkey -noout -out key.pem 2>/dev/null || skip "openssl has no $curve"
    openssl req -new -x509 -key key.pem -subj /C=DE/CN=scenario -days 2 -out cert.pem 2>/dev/null
    expect_status 0 eif build --kernel kernel --cmdline C --ramdisk rd0 --ramdisk rd1 -C cert.pem -K key.pem -o signed.eif
    cp out signed.pcrs
    expect_status 0 eif verify --signed --expect signed.pcrs signed.eif
    expect_text out "signature: good"
    expect_text out "certificate: good"
    expect_status 0 eif show signed.eif
    expect_text out '"SignatureCheck": true'
    expect_text out '"commonName": "scenario"'
    # Signing afterwards, once or twice, gives what signing at once gives.
    cp plain.eif later.eif
    chmod 600 later.eif
    expect_status 0 eif sign -C cert.pem -K key.pem later.eif
    expect_same out signed.pcrs
    expect_same later.eif signed.eif
    [ "$(stat -c %a later.eif)" = 600 ] || fail "signing changed the mode"
    expect_status 0 eif sign -C cert.pem -K key.pem -o again.eif later.eif
    expect_same again.eif signed.eif
    # openssl judges the COSE signature, and computes PCR8.
    rm -rf parts
    expect_status 0 eif extract -o parts signed.eif
    python3 - <<'END' || fail "the signature section cannot be read"
def head(data, at):
    major, low = data[at] >> 5, data[at] & 31
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(low, 0)
    return major, int.from_bytes(data[at + 1:at + 1 + size], "big") if size else low, at + 1 + size
def read(data, at=0):
    major, value, at = head(data, at)
    if major == 0: return value, at
    if major == 1: return -1 - value, at
    if major in (2, 3):
        text = data[at:at + value]
        return (text if major == 2 else text.decode()), at + value
    items = []
    for _ in range(value * (2 if major == 5 else 1)):
        item, at = read(data, at)
        items.append(item)
    return (items if major == 4 else dict(zip(items[::2], items[1::2]))), at
section = open("parts/signature.cbor", "rb").read()
document, end = read(section)
assert end == len(section) and len(document) == 1
assert bytes(document[0]["signing_certificate"]) == open("cert.pem", "rb").read()
protected, unprotected, payload, signature = read(bytes(document[0]["signature"]))[0]
assert unprotected == {} and list(read(protected)[0]) == [1]
pcr = read(payload)[0]
assert pcr["register_index"] == 0
import json
assert bytes(pcr["register_value"]).hex() == json.load(open("signed.pcrs"))["Measurements"]["PCR0"]
def bstr(data):
    return (bytes([0x40 | len(data)]) if len(data) < 24 else bytes([0x58, len(data)])) + data
open("tbs", "wb").write(b"\x84\x6aSignature1" + bstr(protected) + b"\x40" + bstr(payload))
half = len(signature) // 2
def integer(data):
    data = data.lstrip(b"\0")
    data = b"\0" + data if data[0] & 0x80 else data
    return bytes([2, len(data)]) + data
body = integer(signature[:half]) + integer(signature[half:])
open("der", "wb").write(bytes([0x30, len(body)] if len(body) < 128 else [0x30, 0x81, len(body)]) + body)
open("hash", "w").write({-7: "sha256", -35: "sha384", -36: "sha512"}[read(protected)[0][1]])
END
    openssl x509 -in cert.pem -pubkey -noout >pub.pem
    openssl dgst "-$(cat hash)" -verify pub.pem -signature der tbs >/dev/null || fail "openssl does not accept the signature"
    openssl x509 -in cert.pem -outform DER | openssl dgst -sha384 -binary >digest
    (head -c 48 /dev/zero && cat digest) | openssl dgst -sha384 -r | cut -d' ' -f1 >pcr8
    expect_text signed.pcrs "$(cat pcr8)"
    # What was extracted gives the same bytes again, and again through a stream.
    expect_status 0 eif build --from parts -o back.eif
    expect_same out signed.pcrs
    expect_same back.eif signed.eif
done

# The certificate's time, another's key, a chain that is too long, an encrypted key.
now=$(date +%s)
expect_status 1 eif verify --at-time $((now + 864000)) signed.eif
expect_text err "not valid after"
expect_status 1 eif verify --at-time 1000 signed.eif
expect_text err "not valid before"
openssl ecparam -name secp384r1 -genkey -noout -out wrong.pem
expect_status 65 eif sign -C cert.pem -K wrong.pem -o no.eif plain.eif
expect_text err "does not belong"
count=0
while [ $count -lt 40 ]; do
    cat cert.pem
    count=$((count + 1))
done >chain.pem
expect_status 65 eif sign -C chain.pem -K key.pem -o no.eif plain.eif
expect_text err "without its chain"
openssl ec -in key.pem -aes128 -passout pass:x -out locked.pem 2>/dev/null
expect_status 65 eif sign -C cert.pem -K locked.pem -o no.eif plain.eif
openssl genrsa -out rsa.pem 2048 2>/dev/null
openssl req -new -x509 -key rsa.pem -subj /CN=rsa -days 2 -out rsacert.pem 2>/dev/null
expect_status 65 eif sign -C rsacert.pem -K rsa.pem -o no.eif plain.eif
[ ! -e no.eif ] || fail "a refused signature left a file"
