"""Cases of UDP through pf-proxy: datagrams in, datagrams back."""
import os
import socket
import struct

from pf_proxy_common import LIMIT, read_exactly
from pf_proxy_wire import BY_POLICY, CONNECTED, expect, request


def datagram_socket(host, port):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(LIMIT)
    sock.connect((host, int(port)))
    return sock


def datagrams(host, port):
    """Sizes from nothing to the largest, on flows of their own and all on one."""
    one = datagram_socket(host, port)
    for size in (0, 1, 512, 1472, 1473, 9000, 65507):
        data = os.urandom(size)
        for sock in (one, datagram_socket(host, port)):
            sock.send(data)
            assert sock.recv(65536) == data, size


def many_flows(host, port, count):
    socks = [datagram_socket(host, port) for _ in range(int(count))]
    for number, sock in enumerate(socks):
        sock.send(str(number).encode())
        assert sock.recv(100) == str(number).encode()
    # Few enough at a time for the buffer of the server's socket.
    for begin in range(0, len(socks), 50):
        for sock in socks[begin:begin + 50]:
            sock.send(b"again")
        for sock in socks[begin:begin + 50]:
            assert sock.recv(100) == b"again"


def answers_from_elsewhere(host, port):
    """Who sends to the flow's port reaches the application, and shows its own address."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(LIMIT)
    sock.sendto(b"elsewhere", (host, int(port)))
    heard = sorted(sock.recvfrom(100) for _ in range(2))
    assert [data for data, _ in heard] == [b"elsewhere", b"from elsewhere"], heard
    assert heard[0][1] == (host, int(port)) and heard[1][1][0] == host, heard
    assert heard[1][1][1] != int(port), heard


def flow_by_request(address, port):
    """A status, then frames; a refusal as for TCP."""
    sock = expect(address, request("127.0.0.1", port, 2), CONNECTED)
    sock.sendall(b"\1\0\0\0\0\2hi")
    kind, family, _, length = struct.unpack(">BBHH", read_exactly(sock, 6))
    read_exactly(sock, {0: 0, 4: 4, 6: 16}[family])
    assert (kind, read_exactly(sock, length)) == (1, b"hi")
    sock.close()
    expect(address, request("192.0.2.7", 53, 2), BY_POLICY)


def no_answer(host, port):
    sock = datagram_socket(host, port)
    sock.settimeout(0.3)
    try:
        sock.send(b"x")
        heard = sock.recv(10)
    except OSError:
        return
    assert False, heard
