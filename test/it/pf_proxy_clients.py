"""Cases of kept ports: which client a server sees behind two proxies, and headers that name none."""
import socket
import struct
import time

from pf_proxy_common import LIMIT, ends_by_reset, read_all
from pf_proxy_wire import V2, v2_ipv4


def ask(host, port, sent=b""):
    sock = socket.create_connection((host, int(port)), LIMIT)
    sock.sendall(sent + b"END")
    peer, at, data = read_all(sock).decode().split()
    return sock, peer, int(at), bytes.fromhex(data)


def seen_as(host, port, wanted):
    """By the address of its connection, on the same port, and without a header."""
    _, peer, at, data = ask(host, port)
    assert (peer, at, data) == (wanted, int(port), b"END"), (peer, at, data)


def range_seen_as(host, first, last, wanted):
    for port in range(int(first), int(last) + 1):
        seen_as(host, port, wanted)


def many_at_once(host, first, last, count, wanted):
    """So many connections to each port are open at once, and served."""
    ports = range(int(first), int(last) + 1)
    socks = [(port, socket.create_connection((host, port), LIMIT)) for _ in range(int(count)) for port in ports]
    for port, sock in socks:
        sock.sendall(b"x")
    for port, sock in socks:
        sock.sendall(b"END")
        assert read_all(sock).decode() == f"{wanted} {port} {b'xEND'.hex()}", port


def told_as(host, port, wanted, destination):
    """By a header of version 1, with the address and port that the client connected to."""
    sock, _, at, data = ask(host, port)
    family = "TCP6" if ":" in wanted else "TCP4"
    own = sock.getsockname()[1]
    assert data == f"PROXY {family} {wanted} {destination} {own} {port}\r\nEND".encode(), data
    assert at == int(port), at


def told_v2(host, port, wanted):
    sock, _, _, data = ask(host, port)
    assert data == v2_ipv4(wanted, sock.getsockname()[1], host, int(port)) + b"END", data


def is_refused(host, port):
    begin = time.monotonic()
    try:
        socket.create_connection((host, int(port)), LIMIT)
    except ConnectionRefusedError:
        assert time.monotonic() - begin < 1
        return
    assert False, "connected"


def ends_at_once(host, port):
    """Somebody listens on the host, but nobody in the enclave."""
    begin = time.monotonic()
    try:
        sock = socket.create_connection((host, int(port)), LIMIT)
        ends_by_reset(sock)
    except ConnectionResetError:
        pass
    assert time.monotonic() - begin < 1


def hostile(host, port):
    """Prints how many headers were sent, none of which may lead to the server."""
    address = socket.inet_aton("198.51.100.7") + socket.inet_aton("203.0.113.9") + struct.pack(">HH", 1, 2)
    cases = [b"GET / HTTP/1.0\r\n\r\n", b"\0" * 64, b"PROXY TCP4 " + b"1" * 200,
             V2 + b"\x21\x11" + struct.pack(">H", 5000), V2 + b"\x21\x11\xff\xff",
             # LOCAL, UNKNOWN, no family, UNIX, datagrams: nobody's connections.
             V2 + b"\x20\0\0\0", V2 + b"\x20\x11\0\x0c" + address, b"PROXY UNKNOWN\r\n",
             V2 + b"\x21\0\0\0", V2 + b"\x21\x31" + struct.pack(">H", 216) + b"/run/x".ljust(216, b"\0"),
             V2 + b"\x21\x12\0\x0c" + address]
    cases += [f"PROXY TCP4 {client} 203.0.113.9 4000 443\r\n".encode()
              for client in ("0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.0.4", host)]
    cases += [f"PROXY TCP6 {client} 2001:db8::9 4000 443\r\n".encode()
              for client in ("::", "ff02::1", "fd65:6e63:6c61:7665::1", "::ffff:0.0.0.0")]
    for case in cases:
        sock = socket.create_connection((host, int(port)), LIMIT)
        try:
            sock.sendall(case + b"END")
            ends_by_reset(sock)
        except (BrokenPipeError, ConnectionResetError):
            pass
    print(len(cases))


def slow(host, port):
    """A byte now and then does not put the deadline off."""
    sock = socket.create_connection((host, int(port)), LIMIT)
    begin = time.monotonic()
    try:
        for byte in v2_ipv4("198.51.100.7", 1, "203.0.113.9", 2):
            sock.sendall(bytes([byte]))
            time.sleep(0.05)
    except (BrokenPipeError, ConnectionResetError):
        assert time.monotonic() - begin < 5
        return
    assert False, "waited for"


def seen_through(host, port, sent, wanted):
    """What a carrier's own header makes of a client."""
    _, peer, _, data = ask(host, port, f"PROXY {sent} 4000 443\r\n".encode())
    assert (peer, data) == (wanted, b"END"), (peer, data)
