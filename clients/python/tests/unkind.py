"""Servers that do not do as they should, for what a client does about it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Behaviour = Callable[[socket.socket, bytes], None]


@dataclass
class Seen:
    """The requests that have come, by their connections."""

    url: str
    requests: list[bytes] = field(default_factory=list)

    def keys(self) -> list[bytes]:
        """The idempotency keys of the requests."""
        lines = (line for request in self.requests for line in request.split(b"\r\n"))
        return [line.partition(b": ")[2] for line in lines if line.lower().startswith(b"idempotency-key")]


@contextmanager
def unkind(*behaviours: Behaviour) -> Iterator[Seen]:
    """A server whose connections behave one after the other, the last one again and again."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen = Seen(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                request = _read(connection)
                if not request:
                    continue
                seen.requests.append(request)
                behaviour = behaviours[min(len(seen.requests), len(behaviours)) - 1]
                try:
                    behaviour(connection, request)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _read(connection: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        piece = connection.recv(65536)
        if not piece:
            return b""
        read += piece
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    wanted = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < wanted:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answers(status: int, body: str = "", *headers: str) -> Behaviour:
    """Answers so, and closes."""

    def behave(connection: socket.socket, _: bytes) -> None:
        head = [f"HTTP/1.1 {status} X", f"content-length: {len(body.encode())}", "connection: close", *headers]
        connection.sendall("\r\n".join([*head, "", body]).encode())

    return behave


def hangs_up(connection: socket.socket, _: bytes) -> None:
    """Closes without any answer."""


def is_silent(connection: socket.socket, _: bytes) -> None:
    """Says nothing until the client leaves."""
    connection.settimeout(5)
    connection.recv(1)


def trickles(connection: socket.socket, _: bytes) -> None:
    """Answers a byte at a time, so that no single reading takes long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    for _byte in range(100):
        connection.sendall(b" ")
        time.sleep(0.1)


VERDICT = (
    '{"project":"any","drift_type":"label","detector":"dummy","is_drift":false,"rows":1,"rows_dropped":0,"time":1,'
    '"warm_up":false,"statistic":null,"threshold":null,"ert":null,"p_value":null,"distance":null,"features":[],"results":[]}'
)
judges = answers(200, VERDICT)
