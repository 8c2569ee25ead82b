"""A server on loopback that does to each connection whatever a function says, byte by byte."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class RawServer:
    """Accept connections, read what is sent up to the end of its head, and hand each to `act`; `heads` keeps them."""

    def __init__(self, act, *, greets=False, context=None):
        self._act, self._greets, self._context = act, greets, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        self._threads, self._open = [], []
        self.heads = []
        self.port = self._listener.getsockname()[1]
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}"

    def __enter__(self):
        self._start(self._serve)
        return self

    def __exit__(self, *_):
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _start(self, work, *arguments):
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _serve(self):
        with suppress(OSError):
            while not self._stopping.is_set():
                connection, _ = self._listener.accept()
                self._start(self._handle, connection)

    def _handle(self, connection):
        self._open.append(connection)
        with suppress(OSError), connection:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            if not self._greets:
                self.heads.append(self._head(connection))
            self._act(lambda content: self._send(connection, content), self._stopping)
            connection.close()

    def _send(self, connection, content):
        if self._stopping.is_set():
            raise ConnectionAbortedError
        connection.sendall(content)

    def _head(self, connection):
        read = b""
        while b"\r\n\r\n" not in read and (more := connection.recv(65536)):
            read += more
        return read


def repeat(start, piece, pause_s=0.05):
    """Send `start`, then `piece` for ever, pausing between."""

    def act(send, stopping):
        send(start)
        while not stopping.wait(pause_s):
            send(piece)

    return act


def once(content, then_wait=False):
    """Send `content`, and close the connection or hold it."""

    def act(send, stopping):
        send(content)
        if then_wait:
            stopping.wait(600)

    return act
