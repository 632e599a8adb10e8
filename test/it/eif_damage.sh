#!/bin/sh
# An image with one changed byte is refused, wherever the byte is: every byte of the header and of
# the section headers, and 200 random ones; the place is named. Malformed images end with 65.
. "$(dirname "$0")/lib.sh"
need openssl python3
cd "$tmp" || exit 99

head -c 20000 /dev/urandom >kernel
head -c 30000 /dev/urandom >rd0
head -c 40000 /dev/urandom >rd1
openssl ecparam -name secp384r1 -genkey -noout -out key.pem
openssl req -new -x509 -key key.pem -subj /CN=scenario -days 2 -out cert.pem 2>/dev/null
expect_status 0 eif build --kernel kernel --cmdline console=ttyS0 --ramdisk rd0 --ramdisk rd1 -C cert.pem -K key.pem -o good.eif
cp out good.pcrs
expect_status 0 eif verify --expect good.pcrs good.eif

python3 - <<'END' || fail "see above"
import random, struct, subprocess, sys
good = open("good.eif", "rb").read()
fields = [0, 4, 6, 8, 16, 24, 26] + list(range(28, 540, 8)) + [540, 544]
at = 548
while at < len(good):
    fields += [at, at + 2, at + 4]
    at += 12 + struct.unpack_from(">Q", good, at + 4)[0]
ends = fields[1:] + [at]
positions = [(p, "field") for start in fields for p in (start, start + 1)]
positions += [(random.randrange(len(good)), "random") for _ in range(200)]
bad = 0
for position, why in positions:
    changed = bytearray(good)
    changed[position] ^= 1 << random.randrange(8)
    open("bad.eif", "wb").write(changed)
    done = subprocess.run(["eif", "verify", "bad.eif"], capture_output=True, text=True)
    if done.returncode not in (1, 65) or not any(word in done.stderr for word in (" at ", "section", "signature", "certificate")):
        print(f"{why} byte {position}: exit {done.returncode}: {done.stderr.strip()}")
        bad += 1
print(len(positions), "positions tried,", bad, "not refused as they should be")
sys.exit(bad != 0)
END

# Cut short at every kind of place, and with something behind the end.
size=$(stat -c %s good.eif)
for length in 0 1 547 548 559 560 $((size - 1)); do
    head -c "$length" good.eif >cut.eif
    expect_status 65 eif verify cut.eif
    expect_status 65 eif show cut.eif
    expect_status 65 eif extract -o nothing cut.eif
    [ ! -e nothing ] || fail "an image of $length bytes was extracted"
done
(cat good.eif && printf x) >long.eif
expect_status 65 eif verify long.eif
expect_text err "behind the last section"

# Hostile lengths, counts and orders, with checksums that are right.
python3 - <<'END'
import struct, zlib
def image(sections, name, count=None, version=4):
    header = bytearray(548)
    struct.pack_into(">4sHHQQHH", header, 0, b".eif", version, 0, 1 << 30, 2, 0, len(sections) if count is None else count)
    body, at = b"", 548
    for index, (kind, payload, size) in enumerate(sections):
        if index < 32:
            struct.pack_into(">Q", header, 0x1c + 8 * index, at)
            struct.pack_into(">Q", header, 0x11c + 8 * index, len(payload) if size is None else size)
        body += struct.pack(">HHQ", kind, 0, len(payload) if size is None else size) + payload
        at += 12 + len(payload)
    struct.pack_into(">I", header, 0x220, zlib.crc32(bytes(header[:0x220]) + body))
    open(name, "wb").write(bytes(header) + body)
k, c, m, r = (1, b"K", None), (2, b"C", None), (5, b"{}", None), (3, b"R", None)
image([k, c, m, r], "ok.eif")
image([k, c, m, (3, b"R", 1 << 63)], "huge.eif")
image([k, c, m, (3, b"R", (1 << 64) - 1)], "wrap.eif")
image([k, c, (5, b"{}", 1 << 40), r], "hugemeta.eif")
image([k, c, m] + [r] * 29, "full.eif")
image([k, c, m] + [r] * 30, "sections33.eif", 32)
image([c, m, r], "nokernel.eif")
image([k, m, r], "nocmdline.eif")
image([k, c, m], "noramdisk.eif")
image([k, c, r], "nometadata.eif")
image([k, r, c, m], "order.eif")
image([k, c, (5, b"{", None), r], "badjson.eif")
image([k, c, m, r, (4, b"\x80", None)], "badsign.eif")
image([k, c, m, r, (4, bytes(32769), None)], "bigsign.eif")
image([k, c, m, r, (9, b"", None)], "unknown.eif")
image([k, c, r], "old.eif", version=3)
END
for name in huge wrap hugemeta sections33 nokernel nocmdline noramdisk nometadata order badjson badsign bigsign unknown; do
    expect_status 65 eif verify $name.eif
    [ -s err ] || fail "$name: no word about it"
done
for name in ok full old; do expect_status 0 eif verify $name.eif; done

# An image that another tool signed in place has a stale table: shown, mended by signing, not trusted.
cp good.eif stale.eif
printf '\001' | dd of=stale.eif bs=1 seek=$((0x11c + 8 * 5 + 6)) conv=notrunc 2>/dev/null
expect_status 65 eif verify stale.eif
expect_text err "section_sizes[5] at 0x144"
expect_status 0 eif show stale.eif
expect_text err "readers of this image disagree"
