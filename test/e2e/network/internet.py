#!/usr/bin/env python3
"""An internet of one machine, for the scenario network: names, HTTPS, an echo of datagrams.

internet.py CERTIFICATE KEY IPV4 IPV6

DNS on port 53 over UDP and TCP, HTTPS on 8443 over both families, UDP on port 7 that answers with
what it got and from whom. Every question and every connection is a line on standard output.
"""
import http.server
import itertools
import socket
import socketserver
import ssl
import struct
import sys
import threading

CERTIFICATE, KEY, V4, V6 = sys.argv[1:]
METADATA = "169.254.169.254"
# Where no machine is.
NOBODY4, NOBODY6 = "93.184.216.77", "2606:2800:220:1::77"
# What a name's A record is, one after the other; AAAA where there is one.
A = {
    "site.example": [V4],
    "metadata.example": [METADATA],
    "changing.example": [V4, METADATA, METADATA, METADATA],
    "long.example": [V4] + ["93.184.216.%d" % n for n in range(100, 160)],
    "four.example": [V4],
    "half4.example": [NOBODY4],
    "half6.example": [V4],
}
AAAA = {"site.example": V6, "six.example": V6, "half4.example": V6, "half6.example": NOBODY6}
TURNS = {name: itertools.count() for name in A}


def say(*words):
    print(*words, flush=True)


def answer(message, limit):
    """The answer to a question of one name, or nothing."""
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("ascii", "replace"))
        at += 1 + message[at]
    name = ".".join(labels).lower()
    kind = struct.unpack(">H", message[at + 1:at + 3])[0]
    question = message[12:at + 5]
    say("dns", kind, name)
    records = []
    if kind == 1 and name == "long.example":
        records = [socket.inet_aton(one) for one in A[name]]
    elif kind == 1 and name in A:
        turn = min(next(TURNS[name]), len(A[name]) - 1)
        records = [socket.inet_aton(A[name][turn])]
    elif kind == 28 and name in AAAA:
        records = [socket.inet_pton(socket.AF_INET6, AAAA[name])]
    known = name in A or name in AAAA
    body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(one)) + one for one in records)
    flags = 0x8180 | (0 if known else 3)
    reply = message[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0) + question + body
    if len(reply) > limit:
        reply = message[:2] + struct.pack(">HHHHH", flags | 0x0200, 1, 0, 0, 0) + question
    return reply


class DnsByUdp(socketserver.BaseRequestHandler):
    def handle(self):
        message, sock = self.request
        sock.sendto(answer(message, 512), self.client_address)


class DnsByTcp(socketserver.StreamRequestHandler):
    def handle(self):
        while len(head := self.rfile.read(2)) == 2:
            reply = answer(self.rfile.read(struct.unpack(">H", head)[0]), 65535)
            self.wfile.write(struct.pack(">H", len(reply)) + reply)


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        message, sock = self.request
        say("udp", self.client_address[0], message.decode("ascii", "replace"))
        sock.sendto(b"heard " + message, self.client_address)


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        size = int(self.path[6:]) if self.path.startswith("/zero/") else 0
        text = b"" if size else b"hello from the internet to " + self.client_address[0].encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Length", str(size or len(text)))
        self.end_headers()
        self.wfile.write(text)
        while size > 0:
            size -= self.wfile.write(bytes(min(size, 1 << 16)))

    def log_message(self, *words):
        say("https", self.client_address[0], self.path)


def of_family(base, family):
    class Server(socketserver.ThreadingMixIn, base):
        address_family = family
        allow_reuse_address = True
        daemon_threads = True
    return Server


servers = []
for family, address in ((socket.AF_INET, V4), (socket.AF_INET6, V6)):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    pages = of_family(http.server.HTTPServer, family)((address, 8443), Pages)
    pages.socket = context.wrap_socket(pages.socket, server_side=True)
    servers += [
        pages,
        of_family(socketserver.UDPServer, family)((address, 53), DnsByUdp),
        of_family(socketserver.TCPServer, family)((address, 53), DnsByTcp),
        of_family(socketserver.UDPServer, family)((address, 7), Echo),
    ]
threads = [threading.Thread(target=server.serve_forever) for server in servers]
for thread in threads:
    thread.start()
say("ready")
