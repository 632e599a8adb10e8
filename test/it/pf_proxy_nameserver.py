"""A nameserver for the scenarios of pf-proxy: HOST PORT, by UDP and TCP. Says what it is asked, and by which way."""
import socket
import struct
import sys
import threading

A, CNAME, TXT, AAAA = 1, 5, 16, 28
TYPES = {A: "A", CNAME: "CNAME", TXT: "TXT", AAAA: "AAAA"}
ZONE = {
    ("web.example", A): [("web.example", A, "198.51.100.7")],
    ("web.example", AAAA): [("web.example", AAAA, "2001:db8::7")],
    ("two.example", A): [("two.example", A, "198.51.100.8"), ("two.example", A, "198.51.100.7")],
    ("alias.example", A): [("alias.example", CNAME, "web.example"), ("web.example", A, "198.51.100.7")],
    ("mixed.example", A): [("mixed.example", A, "10.0.0.7"), ("mixed.example", A, "198.51.100.7")],
    ("hidden.example", A): [("hidden.example", A, "10.0.0.7")],
    ("many.example", A): [("many.example", A, f"198.51.100.{last}") for last in range(100, 200)],
    ("web.example", TXT): [("web.example", TXT, "hello")],
}
NAMES = {name for name, _ in ZONE}


def name_bytes(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def data_of(kind, value):
    if kind == A:
        return socket.inet_aton(value)
    if kind == AAAA:
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == TXT:
        return bytes([len(value)]) + value.encode()
    return name_bytes(value)


def answer(query, way):
    labels, offset = [], 12
    while query[offset]:
        labels.append(query[offset + 1:offset + 1 + query[offset]].decode())
        offset += 1 + query[offset]
    kind = struct.unpack_from(">H", query, offset + 1)[0]
    question = query[12:offset + 5]
    name = ".".join(labels).lower()
    print("asked", name, TYPES.get(kind, kind), way, flush=True)
    records = ZONE.get((name, kind), [])
    code = 0 if name in NAMES else 3
    body = b"".join(name_bytes(owner) + struct.pack(">HHIH", kind, 1, 300, len(data_of(kind, value))) +
                    data_of(kind, value) for owner, kind, value in records)
    flags = 0x8180 | code
    if way == "udp" and 12 + len(question) + len(body) > 512:
        flags, records, body = flags | 0x0200, [], b""
    return query[:2] + struct.pack(">5H", flags, 1, len(records), 0, 0) + question + body


def serve_tcp(listener):
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve_stream, args=(sock,), daemon=True).start()


def serve_stream(sock):
    stream = sock.makefile("rwb")
    while len(length := stream.read(2)) == 2:
        reply = answer(stream.read(struct.unpack(">H", length)[0]), "tcp")
        stream.write(struct.pack(">H", len(reply)) + reply)
        stream.flush()
    sock.close()


host, port = sys.argv[1], int(sys.argv[2])
tcp = socket.create_server((host, port))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((host, port))
threading.Thread(target=serve_tcp, args=(tcp,), daemon=True).start()
print("ready", flush=True)
while True:
    message, peer = udp.recvfrom(4096)
    udp.sendto(answer(message, "udp"), peer)
