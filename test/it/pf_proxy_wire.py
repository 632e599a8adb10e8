"""Cases of pf-proxy-wire(5) and PROXY headers: raw bytes in, what comes back."""
import socket
import struct
import time

from pf_proxy_common import LIMIT, connect, ends_by_reset, read_all, read_exactly

UNREACHABLE, AGAIN = 113, 11
CONNECTED, BY_POLICY, FAILED, BAD_HEADER, TOO_MANY = 1, 2, 3, 4, 5


def request(host, port, transport=1):
    try:
        address, family = socket.inet_aton(host) if host.count(".") == 3 else b"", 4
        assert address
    except (OSError, AssertionError):
        try:
            address, family = socket.inet_pton(socket.AF_INET6, host), 6
        except OSError:
            address, family = host.encode(), 1
    return raw_request(family, address, int(port), transport)


def with_names(host, port, names):
    """A request for an address under names."""
    bare = bytearray(request(host, port))
    bare[6] += 1
    return bytes(bare) + bytes([len(names)]) + b"".join(bytes([len(name)]) + name.encode() for name in names)


def raw_request(family, address, port, transport=1):
    return b"EBPQ\1" + bytes([transport, family, len(address)]) + address + struct.pack(">H", port)


def read_status(sock):
    status = read_exactly(sock, 28)
    assert status[:5] == b"EBPA\1", status
    return status[5], struct.unpack(">H", status[6:8])[0], status[8:]


def expect(address, sent, code, number=0):
    sock = connect(address)
    sock.sendall(sent)
    got = read_status(sock)
    assert got[:2] == (code, number), f"{got} for {sent!r}"
    if code not in (CONNECTED, FAILED):
        assert got[2] == bytes(20), "a refusal tells no address"
    if code != CONNECTED:
        assert sock.recv(1) == b""
    return sock


def asked(address, host, port):
    sock = expect(address, request(host, port), CONNECTED)
    sock.sendall(b"hello")
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == b"hello"


def refused(address, host, port):
    expect(address, request(host, port), BY_POLICY)


def status(address, host, port, code, number):
    expect(address, request(host, port), int(code), int(number))


def byte_by_byte(address, port):
    sock = connect(address)
    for byte in request("127.0.0.1", port):
        sock.sendall(bytes([byte]))
        time.sleep(0.002)
    assert read_status(sock)[:2] == (CONNECTED, 0)


def bad_headers(address, port):
    good = request("127.0.0.1", port)
    for bad in (b"X", b"GET / HTTP/1.1\r\n\r\n", good[:4] + b"\2", b"EBPQ\1\3\4\4", b"EBPQ\1\1\3\4",
                b"EBPQ\1\1\4\5", raw_request(4, b"\x7f\0\0\1", 0), raw_request(1, b"", 80)[:8],
                raw_request(6, b"\0" * 10 + b"\xff\xff\x7f\0\0\1", 80), good + b"more",
                with_names("127.0.0.1", port, []), with_names("127.0.0.1", port, ["a.test"] * 2),
                with_names("127.0.0.1", port, ["127.1"]), with_names("127.0.0.1", port, ["a.test"]) + b"more"):
        expect(address, bad, BAD_HEADER)
    # An end before the request is whole is answered by an end.
    sock = connect(address)
    sock.sendall(good[:9])
    sock.shutdown(socket.SHUT_WR)
    assert read_all(sock) == b""


def spellings(address):
    """Loopback and metadata in all spellings that somebody's resolver or kernel understands: none of
    them gets a connection, whether as no request, refused, or as a name without an address."""
    names = ["127.1", "127.0.1", "0x7f000001", "0x7f.1", "0x7f.0.0.1", "2130706433", "017700000001",
             "0177.0.0.1", "0177.1", "127.0.0.1.", "127.0.0.001", "127.000.000.001", "127.0.0.1%lo",
             "[::1]", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::127.0.0.1", "[127.0.0.1]",
             "0", "0.0.0.0", "00.0.0.0", "::", "localhost", "LOCALHOST", "localhost.", "ip6-localhost",
             "169.254.169.254", "169.254.43518", "169.16689662", "2852039166", "0xa9fea9fe",
             "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "0251.254.169.254", "169.254.169.254.",
             "[::ffff:169.254.169.254]", "::ffff:a9fe:a9fe", "fd00:ec2::254", "127.0.0.1:80",
             "127.0.0.1 ", " 127.0.0.1", "127.0.0.1\0", "\uff11\uff12\uff17.0.0.1"]
    raw = [(4, bytes([127, 0, 0, 1])), (4, bytes([127, 255, 255, 254])), (4, bytes(4)),
           (4, bytes([169, 254, 169, 254])), (4, bytes([169, 254, 170, 2])), (6, bytes(15) + b"\1"),
           (6, bytes(16)), (6, bytes(10) + b"\xff\xff\x7f\0\0\1"), (6, bytes(12) + b"\x7f\0\0\1"),
           (6, b"\0\x64\xff\x9b" + bytes(8) + b"\xa9\xfe\xa9\xfe"), (6, b"\x20\x02\x7f\0\0\1" + bytes(10)),
           (6, bytes(10) + b"\xff\xff\xa9\xfe\xa9\xfe"), (6, bytes.fromhex("fd000ec2000000000000000000000254"))]
    cases = [(1, name.encode()) for name in names] + raw
    for family, text in cases:
        sock = connect(address)
        sock.sendall(raw_request(family, text, 80))
        code, number, rest = read_status(sock)
        assert code in (BY_POLICY, BAD_HEADER) or (code, number) == (FAILED, UNREACHABLE), (text, code, number)
        assert rest == bytes(20), text
    print(len(cases), "spellings")


def right_or_refused(address, name, port, *wanted):
    """Asks until all that is wanted was seen; nothing else ever is. "wrong" is what must not be."""
    seen = set()
    deadline = time.monotonic() + LIMIT
    while seen != set(wanted):
        assert time.monotonic() < deadline, seen
        sock = connect(address)
        sock.sendall(request(name, port))
        code, _, _ = read_status(sock)
        assert code in (CONNECTED, BY_POLICY), code
        seen.add(read_all(sock).decode() if code == CONNECTED else "refused")
        assert seen <= set(wanted), seen
        time.sleep(0.1)


def under(address, host, port, wanted, *names):
    """Asked for under these names it is this address, or refused: "right" or "wrong" is what is there."""
    sock = connect(address)
    sock.sendall(with_names(host, port, names))
    code, _, rest = read_status(sock)
    assert code in (CONNECTED, BY_POLICY), code
    got = read_all(sock).decode() if code == CONNECTED else "refused"
    assert got == wanted, got
    assert code != CONNECTED or rest[4:8] == socket.inet_aton(host), rest


def leaves(address, port):
    """A near side that goes away while connecting makes the far side give up."""
    sock = connect(address)
    sock.sendall(request("127.0.0.1", port))
    sock.close()


V2 = b"\r\n\r\n\0\r\nQUIT\n"


def v2_ipv4(source, source_port, destination, port):
    body = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(">HH", source_port, port)
    return V2 + b"\x21\x11" + struct.pack(">H", len(body)) + body


def told(address, sent, wanted_hex):
    """What the server sees before END."""
    sock = connect(address)
    sock.sendall(bytes.fromhex(sent) + b"END")
    seen = read_all(sock).decode().split()[1]
    assert seen == wanted_hex + b"END".hex(), seen


def headers_through(address):
    """In one version, out as version 1."""
    v1 = b"PROXY TCP4 198.51.100.7 203.0.113.9 4000 443\r\n"
    v6 = b"PROXY TCP6 2001:db8::7 2001:db8::9 4000 443\r\n"
    told(address, v1.hex(), v1.hex())
    told(address, v6.hex(), v6.hex())
    told(address, v2_ipv4("198.51.100.7", 4000, "203.0.113.9", 443).hex(), v1.hex())
    sock = connect(address)
    for byte in v1 + b"END":
        sock.sendall(bytes([byte]))
        time.sleep(0.001)
    assert read_all(sock).decode().split()[1] == (v1 + b"END").hex()


def own_header(address, version, port):
    """Without one that came in, the header names this very connection."""
    sock = connect(address)
    own = sock.getsockname()[1]
    sock.sendall(b"END")
    seen = bytes.fromhex(read_all(sock).decode().split()[1])
    wanted = (v2_ipv4("127.0.0.1", own, "127.0.0.1", int(port)) if version == "v2"
              else f"PROXY TCP4 127.0.0.1 127.0.0.1 {own} {port}\r\n".encode())
    assert seen == wanted + b"END", seen


def bad_proxy_headers(address):
    for bad in (b"GET / HTTP/1.0\r\n\r\n", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n", b"PROXY TCP9 x\r\n",
                V2 + b"\x31\x11\0\0", V2 + b"\x21\x11\0\1x"):
        sock = connect(address)
        sock.sendall(bad)
        ends_by_reset(sock)


def source_is(address, wanted):
    sock = connect(address)
    sock.sendall(f"PROXY TCP4 {wanted} 203.0.113.9 4000 443\r\nEND".encode())
    heard = read_all(sock).decode().split()[0]
    assert heard == wanted, heard
