"""Servers behind pf-proxy in its scenarios: each listens on a port of its own, which it prints."""
import hashlib
import socket
import threading

from pf_proxy_common import read_all, read_exactly, reset


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


def serve_sum():
    """Answers only after the question has ended."""
    def answer(sock, _):
        sock.sendall(hashlib.sha256(read_all(sock)).hexdigest().encode())
        sock.close()
    listen(answer)


def serve_first():
    """Ends its direction first, then reads all the same and says how much in the log."""
    def answer(sock, _):
        sock.sendall(b"first")
        sock.shutdown(socket.SHUT_WR)
        print("heard", len(read_all(sock)), flush=True)
    listen(answer)


def serve_name(name):
    def answer(sock, _):
        sock.sendall(name.encode())
        sock.close()
    listen(answer)


def serve_flood():
    def answer(sock, _):
        sent = 0
        try:
            while True:
                sent += sock.send(b"x" * 65536)
        except OSError:
            sock.close()
    listen(answer)


def serve_reset():
    def answer(sock, _):
        read_exactly(sock, 1)
        reset(sock)
    listen(answer)


def serve_watch_reset():
    """Says in the log how the client ended."""
    def answer(sock, _):
        try:
            read_all(sock)
            print("ended", flush=True)
        except ConnectionResetError:
            print("reset", flush=True)
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
