"""A mail server that takes its time, refuses, or breaks off, as it is told."""

from __future__ import annotations

import re
import socketserver
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 0.3  # seconds before each mail is taken


@dataclass
class Manners:
    """How it is: what it says to a recipient or a mail in place of "well", and after how many mails it hangs up."""

    patience: float = PATIENCE
    before_each_answer: float = 0
    drips_at: str | None = None  # the answer to this word ("" is the greeting) has a letter every 0.1 s, and no end
    to_sender: str = "250 well"
    to_recipient: dict[str, str] = field(default_factory=dict)
    to_mail_for: dict[str, str] = field(default_factory=dict)
    hangs_up_at: set[int] = field(default_factory=set)  # the mail of this number, before it is taken
    forgets_to_say: set[int] = field(default_factory=set)  # the same, after it is taken
    most_of_a_line: int | None = None  # mails, after which it closes the line
    meanwhile: dict[str, Callable[[], object]] = field(
        default_factory=dict
    )  # what happens before this word is answered
    connections: int = 0
    mails: int = 0
    at_once: int = 0
    most_at_once: int = 0
    heard: set[str] = field(default_factory=set)


class Session(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as Python's client speaks."""

    def handle(self):
        with suppress(ConnectionError):  # whoever sends was killed
            self.converse()

    def converse(self):
        manners, recipient, mails = self.server.manners, "", 0
        manners.connections += 1
        self.answer("", "220 here")
        while line := self.rfile.readline().decode():
            word, said = line[:4].upper(), "250 well"
            manners.heard.add(word)
            if word == "MAIL":
                said = manners.to_sender
                if mails == manners.most_of_a_line:
                    said = "421 4.7.0 too many mails on this line"
                mails += 1
            elif word == "RCPT":
                recipient = re.search("<(.*?)>", line)[1]
                said = manners.to_recipient.get(recipient, said)
            elif word == "DATA":
                said = self.mail(manners, recipient)
            elif word == "QUIT":
                said = "221 bye"
            if not said:
                return
            self.answer(word, said)
            if word == "QUIT" or said.startswith("421"):
                return

    def mail(self, manners, recipient):
        self.say("354 go on")
        mail = b"".join(iter(self.rfile.readline, b".\r\n"))
        manners.mails += 1
        number = manners.mails
        manners.at_once += 1
        manners.most_at_once = max(manners.at_once, manners.most_at_once)
        sleep(manners.patience)
        manners.at_once -= 1
        if number in manners.hangs_up_at:
            return ""
        said = manners.to_mail_for.get(recipient, "250 well")
        if said.startswith("250"):
            self.server.taken.append(mail)
        return "" if number in manners.forgets_to_say else said

    def answer(self, word, said):
        if happens := self.server.manners.meanwhile.get(word):
            happens()
        sleep(self.server.manners.before_each_answer)
        if word == self.server.manners.drips_at:
            while True:
                sleep(0.1)
                self.wfile.write(b"2")
        self.say(said)

    def say(self, said):
        self.wfile.write(f"{said}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


@contextmanager
def mail_server(manners=None, port=0):
    """Where it listens, and the list of what it took."""
    with MailServer(("127.0.0.1", port), Session) as server:
        server.taken, server.manners = [], manners or Manners()
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"smtp://127.0.0.1:{server.server_address[1]}", server.taken
        finally:
            server.shutdown()
            thread.join()
