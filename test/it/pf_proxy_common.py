"""What the cases of pf_proxy_peer.py share: connecting, reading, resets."""
import socket
import struct

LIMIT = 20  # seconds for anything that must happen


def connect(address):
    """unix path or tcp port"""
    if address.startswith("/"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(LIMIT)
        sock.connect(address)
    else:
        sock = socket.create_connection(("127.0.0.1", int(address)), LIMIT)
    sock.settimeout(LIMIT)
    return sock


def read_all(sock):
    parts = []
    while True:
        part = sock.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        assert part, f"ended after {len(data)} of {count} bytes"
        data += part
    return data


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def ends_by_reset(sock):
    try:
        rest = read_all(sock)
    except ConnectionResetError:
        return True
    assert False, f"a clean end instead of a reset, after {rest!r}"


def echoes(sock, text=b"ping"):
    sock.sendall(text)
    return read_exactly(sock, len(text)) == text


def is_reset(address):
    try:
        ends_by_reset(connect(address))
    except ConnectionResetError:
        pass  # already while connecting
