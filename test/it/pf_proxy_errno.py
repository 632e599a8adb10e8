"""What an application sees: connects or sends to ADDRESS PORT and prints the errno's name, or what a
catcher answered. With --catch PORT it is the catcher: TCP by redirect, UDP by TPROXY, both families;
each answers with the destination that the other side believes it talks to.

usage: pf_proxy_errno.py tcp|udp ADDRESS PORT [SOURCE]    pf_proxy_errno.py --catch PORT READY_FILE [any]

With SOURCE it sends from this address, whosever it is. With "any" all addresses of the machine are caught."""
import errno
import selectors
import socket
import struct
import sys

IP_TRANSPARENT, IP_RECVORIGDSTADDR = 19, 20
IPV6_TRANSPARENT, IPV6_RECVORIGDSTADDR = 75, 74
SO_ORIGINAL_DST = 80
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
ANY = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}


def level(family):
    return socket.IPPROTO_IP if family == socket.AF_INET else socket.IPPROTO_IPV6


def destination(family, native):
    port = struct.unpack("!H", native[2:4])[0]
    address = native[4:8] if family == socket.AF_INET else native[8:24]
    return socket.inet_ntop(family, address), port


def transparent(family, kind=socket.SOCK_DGRAM):
    made = socket.socket(family, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.setsockopt(level(family), IP_TRANSPARENT if family == socket.AF_INET else IPV6_TRANSPARENT, 1)
    return made


def answer_connection(listener):
    connection, _ = listener.accept()
    native = connection.getsockopt(level(listener.family), SO_ORIGINAL_DST, 28)
    connection.sendall("caught {} {}".format(*destination(listener.family, native)).encode())
    connection.close()


def answer_datagram(receiver):
    _, control, _, source = receiver.recvmsg(65535, 256)
    where = destination(receiver.family, control[0][2])
    with transparent(receiver.family) as sender:
        sender.bind(where)
        sender.sendto("caught {} {}".format(*where).encode(), source)


def catch(port, ready, addresses):
    waiting = selectors.DefaultSelector()
    for family, address in addresses.items():
        listener = transparent(family, socket.SOCK_STREAM)
        listener.bind((address, port))
        listener.listen(64)
        waiting.register(listener, selectors.EVENT_READ, answer_connection)
        receiver = transparent(family)
        option = IP_RECVORIGDSTADDR if family == socket.AF_INET else IPV6_RECVORIGDSTADDR
        receiver.setsockopt(level(family), option, 1)
        receiver.bind((address, port))
        waiting.register(receiver, selectors.EVENT_READ, answer_datagram)
    open(ready, "w").close()
    while True:
        for key, _ in waiting.select():
            key.data(key.fileobj)


def ask(transport, address, port, source):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with transparent(family, kind) if source else socket.socket(family, kind) as asking:
        asking.settimeout(2)
        try:
            if source:
                asking.bind((source, 0))
            if transport == "tcp":
                asking.connect((address, port))
                return asking.recv(200).decode().strip() or "closed"
            asking.sendto(b"x" * 20000, (address, port))
            answer, source = asking.recvfrom(200)
            return answer.decode() if source[:2] == (address, port) else f"answered by {source}"
        except socket.timeout:
            return "silence"
        except OSError as error:
            return errno.errorcode[error.errno]


if sys.argv[1] == "--catch":
    catch(int(sys.argv[2]), sys.argv[3], ANY if sys.argv[4:] == ["any"] else LOOPBACK)
else:
    print(ask(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None))
