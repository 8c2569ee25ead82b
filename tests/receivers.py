"""Real receivers of messages on loopback: a mail server and a web hook, each in a thread, that keep what they get."""

from __future__ import annotations

import json
import socketserver
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Receiver:
    """Something that serves in a thread and keeps what it received."""

    def __init__(self, server):
        self._server = server
        self._server.received = self.received = []
        self._thread = threading.Thread(target=server.serve_forever, args=(0.01,))

    @property
    def port(self):
        return self._server.server_address[1]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to hand over one message."""

    def handle(self):
        self._say(220, "ready")
        while line := self.rfile.readline():
            word = line[:4].upper().strip()
            if word == b"DATA":
                self._say(354, "go on")
                self.server.received.append(message_from_bytes(self._content(), policy=policy.default))
            self._say(221 if word == b"QUIT" else 250, "fine")
            if word == b"QUIT":
                return

    def _content(self):
        lines = iter(self.rfile.readline, b".\r\n")
        return b"".join(line.removeprefix(b".") for line in lines)

    def _say(self, code, text):
        self.wfile.write(f"{code} {text}\r\n".encode())


class MailServer(_Receiver):
    """A mail server; `received` are the messages."""

    def __init__(self):
        super().__init__(socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mail))


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class WebHook(_Receiver):
    """A web hook that answers `status`; `received` are path and JSON of each request."""

    def __init__(self, status=200, context=None):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
        server.status = status
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        super().__init__(server)
