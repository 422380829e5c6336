"""A line to a mail server on which no delivery takes longer than it may.

Python's client waits some seconds for each part of an answer: a server that sends one letter every nine seconds would
keep it for hours.
"""

from __future__ import annotations

import smtplib
import socket
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Event, Timer
from time import monotonic
from typing import TYPE_CHECKING

from django.core.mail.backends import smtp

if TYPE_CHECKING:
    from collections.abc import Iterator

DELIVERY_SECONDS = 120  # for a mail, from the first word to the last answer
PARTING_SECONDS = 10  # for an answer that nothing depends on

_until: ContextVar[float | None] = ContextVar("mail_until", default=None)


@contextmanager
def one_delivery() -> Iterator[None]:
    """What is said to a mail server within has to come to its end in time."""
    token = _until.set(monotonic() + DELIVERY_SECONDS)
    try:
        yield
    finally:
        _until.reset(token)


class _InTime:
    """One of Python's clients, whose answers all come before the end of the delivery, or not at all."""

    sock: socket.socket | None

    if TYPE_CHECKING:

        def close(self) -> None: ...

    def getreply(self) -> tuple[int, bytes]:
        until, late = _until.get(), Event()
        left = PARTING_SECONDS if until is None else until - monotonic()
        cut = Timer(max(left, 0), self._cut, (late,))
        cut.daemon = True
        cut.start()
        try:
            answer: tuple[int, bytes] = super().getreply()  # type: ignore[misc]  # of the client beside it
        finally:
            cut.cancel()
        if late.is_set():  # half a line is no answer, whatever it begins with
            self.close()
            raise smtplib.SMTPServerDisconnected("The mail server did not come to the end of its answer in time.")
        return answer

    def _cut(self, late: Event) -> None:
        late.set()
        with suppress(OSError):  # it may be closed already
            if self.sock:
                self.sock.shutdown(socket.SHUT_RDWR)


class PlainLine(_InTime, smtplib.SMTP):
    pass


class SealedLine(_InTime, smtplib.SMTP_SSL):
    pass


class EmailBackend(smtp.EmailBackend):
    """Django's, over such a line."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return SealedLine if self.use_ssl else PlainLine
