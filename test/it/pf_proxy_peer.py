#!/usr/bin/env python3
"""The other ends of pf-proxy in its scenarios. The first word is a case, a function of these files;
a false assertion fails it. Cases of a proxy's life and of its targets are here, those of relaying in
relay/."""
import os
import socket
import sys
import time
import urllib.request

from pf_proxy_common import LIMIT, connect, echoes, ends_by_reset, read_all
import pf_proxy_clients
import pf_proxy_datagrams
import pf_proxy_limits
import pf_proxy_servers
import pf_proxy_wire


def says(address, *wanted):
    """Connects as often as there are words; the answers are these, in any order."""
    heard = sorted(read_all(connect(address)).decode() for _ in wanted)
    assert heard == sorted(wanted), heard


def metric(port, name):
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=LIMIT).read().decode()
    values = dict(line.split() for line in text.splitlines() if not line.startswith("#"))
    print(values["pf_proxy_" + name])


def survives_drain(address, pid):
    """A connection goes on after SIGTERM, and nobody new is taken."""
    sock = connect(address)
    assert echoes(sock)
    os.kill(int(pid), 15)
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            connect(address).close()
            assert time.monotonic() < deadline, "still listens"
        except (ConnectionRefusedError, FileNotFoundError):
            break
    assert echoes(sock)
    sock.close()


def cut_off(address, pid):
    sock = connect(address)
    assert echoes(sock)
    os.kill(int(pid), 15)
    try:
        assert sock.recv(1) == b""
    except ConnectionResetError:
        pass


def unused_ends_at_once(address, pid):
    """A stream that was opened beforehand and not asked on does not hold up a drain."""
    sock = connect(address)
    time.sleep(0.1)
    os.kill(int(pid), 15)
    begin = time.monotonic()
    assert sock.recv(1) == b""
    assert time.monotonic() - begin < 5


def many_echoes(address, count):
    for _ in range(int(count)):
        sock = connect(address)
        assert echoes(sock)
        sock.close()


def pieces_come_at_once(port, pause_ms):
    """Whoever speaks at once, or a little later, does not wait for a late acknowledgement (40 ms) of ours."""
    slow = 0
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", int(port)), LIMIT) as sock:
            time.sleep(int(pause_ms) / 1000)
            sock.sendall(b"x")
            begun = time.monotonic()
            answer = b""
            while len(answer) < 3:
                answer += sock.recv(3)
            slow += time.monotonic() - begun > 0.035
    assert slow < 10, f"{slow} of 20 answers came late"


def reaches(host, port):
    sock = socket.create_connection((host, int(port)), LIMIT)
    sock.sendall(b"END")
    assert read_all(sock).decode().split()[1] == b"END".hex()


def cannot_reach(host, port):
    """The near side takes the connection and resets it, until SYNs are held for the answer."""
    try:
        sock = socket.create_connection((host, int(port)), LIMIT)
        sock.settimeout(LIMIT)
        ends_by_reset(sock)
    except (ConnectionResetError, ConnectionRefusedError):
        pass


def is_denied(host, port):
    try:
        socket.create_connection((host, int(port)), LIMIT)
    except PermissionError:
        return
    assert False, "no permission denied"


if __name__ == "__main__":
    cases = {**globals()}
    for module in (pf_proxy_clients, pf_proxy_datagrams, pf_proxy_limits, pf_proxy_servers, pf_proxy_wire):
        cases.update(vars(module))
    cases[sys.argv[1]](*sys.argv[2:])
