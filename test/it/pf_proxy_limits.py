"""Cases of pf-proxy's limits: how many, how fast, how long."""
import time

from pf_proxy_common import LIMIT, connect, echoes, is_reset, read_exactly
from pf_proxy_wire import AGAIN, BAD_HEADER, CONNECTED, FAILED, TOO_MANY, expect, read_status, request


def waits_beyond(address, most):
    """Connections over the limit wait until one of the others has ended."""
    socks = [connect(address) for _ in range(int(most))]
    assert all(echoes(sock) for sock in socks)
    late = connect(address)
    late.sendall(b"ping")
    late.settimeout(0.3)
    try:
        late.recv(4)
        assert False, "served beyond the limit"
    except TimeoutError:
        pass
    socks[0].close()
    late.settimeout(LIMIT)
    assert read_exactly(late, 4) == b"ping"


def reset_beyond(address, most):
    socks = [connect(address) for _ in range(int(most))]
    assert all(echoes(sock) for sock in socks)
    is_reset(address)
    socks.pop().close()
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            assert echoes(connect(address))
            return
        except (ConnectionResetError, BrokenPipeError, AssertionError):
            assert time.monotonic() < deadline


def too_many_beyond(address, most, port):
    good = request("127.0.0.1", port)
    socks = [expect(address, good, CONNECTED) for _ in range(int(most))]
    expect(address, good, TOO_MANY)
    # Also before it has asked.
    assert read_status(connect(address))[:2] == (TOO_MANY, 0)
    assert all(echoes(sock) for sock in socks)


def rate(address, per_second, count):
    """A burst of one second's worth, then the rate."""
    begin = time.monotonic()
    socks = [connect(address) for _ in range(int(count))]
    assert all(echoes(sock) for sock in socks)
    took = time.monotonic() - begin
    least = (int(count) - int(per_second)) / int(per_second)
    assert least * 0.8 <= took < least + 3, f"{took} s for {count}"


def idle_ends(address):
    sock = connect(address)
    assert echoes(sock)
    begin = time.monotonic()
    assert sock.recv(1) == b""
    assert time.monotonic() - begin < 5


def request_late(address, first):
    sock = connect(address)
    sock.sendall(bytes.fromhex(first))
    assert read_status(sock)[:2] == (BAD_HEADER, 0)


def header_late(address, first):
    """Ends by a reset on TCP, by an end elsewhere."""
    sock = connect(address)
    sock.sendall(bytes.fromhex(first))
    try:
        assert sock.recv(1) == b""
    except ConnectionResetError:
        pass


def many_then_free(address, count):
    """More connections than there are descriptors: those that cannot be served wait or are reset,
    and when the others have gone all is as before."""
    socks = []
    for _ in range(int(count)):
        try:
            socks.append(connect(address))
        except ConnectionResetError:  # as soon as it was accepted
            pass
    served = 0
    for sock in socks:
        sock.settimeout(0.05)
        try:
            served += echoes(sock)
        except OSError:
            pass
        except AssertionError:
            pass
    assert 0 < served < int(count), served
    for sock in socks:
        sock.close()
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            assert echoes(connect(address))
            return
        except (OSError, AssertionError):
            assert time.monotonic() < deadline


def out_of_descriptors(address, port, count):
    """A far side without descriptors says EAGAIN, or takes the stream later."""
    good = request("127.0.0.1", port)
    socks = [connect(address) for _ in range(int(count))]
    for sock in socks:
        sock.sendall(good)
    codes = set()
    for sock in socks:
        sock.settimeout(0.3)
        try:
            codes.add(read_status(sock)[:2])
        except (OSError, AssertionError):
            pass
    assert codes and codes <= {(CONNECTED, 0), (FAILED, AGAIN)}, codes
    for sock in socks:
        sock.close()
    deadline = time.monotonic() + LIMIT
    while read_status_of(address, good) != CONNECTED:
        assert time.monotonic() < deadline


def read_status_of(address, sent):
    sock = connect(address)
    sock.sendall(sent)
    return read_status(sock)[0]
