"""Servers behind pf-proxy in its scenarios: each listens on a port of its own, which it prints."""
import socket
import struct
import threading


def listen(serve, host="127.0.0.1"):
    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET,
                                    backlog=1024)
    print(f"port {listener.getsockname()[1]}", flush=True)
    while True:
        sock, address = listener.accept()
        threading.Thread(target=serve, args=(sock, address), daemon=True).start()


def serve_echo(host="127.0.0.1"):
    def echo(sock, _):
        try:
            while part := sock.recv(65536):
                sock.sendall(part)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        sock.close()
    listen(echo, host)


def serve_pieces():
    """Answers a byte with three writes, of which TCP sends the next when the one before is acknowledged (Nagle)."""
    def answer(sock, _):
        if sock.recv(1):
            for piece in (b"a", b"b", b"c"):
                sock.send(piece)
            sock.recv(1)
        sock.close()
    listen(answer)


def serve_name(name):
    def answer(sock, _):
        sock.sendall(name.encode())
        sock.close()
    listen(answer)


def serve_source(host="127.0.0.1"):
    """Answers with the bytes that came first, in hexadecimal, up to a newline, and the peer."""
    def answer(sock, address):
        data = b""
        while not data.endswith(b"END"):
            part = sock.recv(4096)
            if not part:
                break
            data += part
        sock.sendall(f"{address[0]} {data.hex()}".encode())
        sock.close()
    listen(answer, host)


def serve_kept(first, last, *hosts):
    """serve_source() on each of these ports and hosts, which also tells the port."""
    def answer(sock):
        data = b""
        while not data.endswith(b"END"):
            part = sock.recv(4096)
            if not part:
                break
            data += part
        sock.sendall(f"{sock.getpeername()[0]} {sock.getsockname()[1]} {data.hex()}".encode())
        sock.close()

    def serve(listener):
        while True:
            threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
    for port in range(int(first), int(last) + 1):
        for host in hosts:
            listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
            threading.Thread(target=serve, args=(listener,), daemon=True).start()
    print("port", first, flush=True)
    threading.Event().wait()


def serve_datagrams(host="127.0.0.1"):
    """Sends back what comes, to whom it comes from; "elsewhere" from a second socket, too."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    second = socket.socket(sock.family, socket.SOCK_DGRAM)
    second.bind((host, 0))
    print(f"port {sock.getsockname()[1]}", flush=True)
    while True:
        data, address = sock.recvfrom(65536)
        sock.sendto(data, address)
        if data == b"elsewhere":
            second.sendto(b"from elsewhere", address)


def serve_names(port_of_nothing="0"):
    """A name server: NAME.N1.N2.test has the addresses 127.0.0.N1 and 127.0.0.N2 in this order, and
    turns.N1.N2.test one of them at a time, in turn. All for no time."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", int(port_of_nothing)))
    print(f"port {sock.getsockname()[1]}", flush=True)
    turn = 0
    while True:
        query, client = sock.recvfrom(512)
        end = query.index(b"\0", 12)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12:end + 5]
        answers = [bytes([127, 0, 0, int(label)]) for label in labels if label.isdigit()]
        if question[-4:-2] != b"\0\1":
            answers = []
        elif labels[0] == "turns":
            answers = [answers[turn % len(answers)]]
            turn += 1
        records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + address for address in answers)
        counts = struct.pack(">HHHH", 1, len(answers), 0, 0)
        sock.sendto(query[:2] + b"\x81\x80" + counts + question + records, client)


def serve_two():
    """The same port on 127.0.0.3, which says "right", and on 127.0.0.1, which says "wrong"."""
    right = socket.create_server(("127.0.0.3", 0))
    wrong = socket.create_server(("127.0.0.1", right.getsockname()[1]))
    print(f"port {right.getsockname()[1]}", flush=True)

    def serve(listener, word):
        while True:
            sock, _ = listener.accept()
            sock.sendall(word)
            sock.close()
    threading.Thread(target=serve, args=(wrong, b"wrong"), daemon=True).start()
    serve(right, b"right")
