"""A mail server that takes its time."""

from __future__ import annotations

import socketserver
from contextlib import contextmanager
from threading import Thread
from time import sleep

PATIENCE = 0.3  # seconds before each mail is taken


class Session(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as Python's client speaks."""

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                sleep(PATIENCE)
                self.server.taken.append(mail)
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 well\r\n")
            if word == b"QUIT":
                return


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def mail_server():
    """Where it listens, and the list of what it took."""
    with MailServer(("127.0.0.1", 0), Session) as server:
        server.taken = []
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"smtp://127.0.0.1:{server.server_address[1]}", server.taken
        finally:
            server.shutdown()
            thread.join()
