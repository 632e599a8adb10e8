"""The internet and the applications of pf_proxy_flows.sh."""
import errno
import resource
import select
import socket
import sys

LIMIT = 10


def bound(host, port):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind((host, port))
    return sock


def internet():
    """Sends back what begins with E:, from the other server what is "second", else as DNS does."""
    pairs = [("198.51.100.7", "198.51.100.8"), ("2001:db8::7", "2001:db8::8")]
    second = {bound(one, 53): bound(other, 5353) for one, other in pairs}
    socks = [*second.keys(), *second.values()]
    print("ready", flush=True)
    while True:
        for sock in select.select(socks, [], [])[0]:
            data, peer = sock.recvfrom(70000)
            if data == b"second":
                second[sock].sendto(b"from second", peer)
            elif data.startswith(b"E:"):
                sock.sendto(data, peer)
            else:  # no such name
                sock.sendto(data[:2] + b"\x81\x83" + data[4:6] + bytes(6) + data[12:], peer)


def application(host):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(LIMIT)
    return sock


def cone(server, second):
    """One socket: all sizes, an answer from another server, and that one's own answers."""
    sock = application(server)
    for size in (0, 10, 1400, 9000, 65000):
        sock.sendto(b"E:" + bytes(size), (server, 53))
        data, peer = sock.recvfrom(70000)
        assert data == b"E:" + bytes(size) and peer[:2] == (server, 53), (size, peer)
    sock.sendto(b"second", (server, 53))
    data, peer = sock.recvfrom(100)
    assert data == b"from second" and peer[:2] == (second, 5353), (data, peer)
    sock.sendto(b"E:again", (second, 5353))
    data, peer = sock.recvfrom(100)
    assert data == b"E:again" and peer[:2] == (second, 5353), (data, peer)


def told(host, port, name):
    """What the kernel says on a connected socket."""
    sock = application(host)
    sock.connect((host, int(port)))
    sock.send(b"x")
    try:
        heard = sock.recv(100)
    except OSError as error:
        assert errno.errorcode.get(error.errno) == name, error
        return
    assert False, heard


def many(server, count):
    """As many flows as sockets, all open at once, each with answers of its own."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, int(count) + 100), hard))
    socks = [application(server) for _ in range(int(count))]
    for _ in range(2):
        for begin in range(0, len(socks), 100):
            for number, sock in enumerate(socks[begin:begin + 100], begin):
                sock.sendto(b"E:%d" % number, (server, 53))
            for number, sock in enumerate(socks[begin:begin + 100], begin):
                assert sock.recv(100) == b"E:%d" % number, number


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
