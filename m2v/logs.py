"""The log: one JSON object a line, on standard error, for whatever collects it (ASVS 16.2.3, 16.2.4).

Everything but printable ASCII is escaped, so that no text that somebody sent
can end a line or colour a terminal (ASVS 16.4.1). What strangers can cause is
bounded, and a failure that goes on shows its traceback once a minute.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from datetime import UTC, datetime
from threading import Lock
from time import monotonic
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from accounts.away import is_away
from accounts.sealing import Unreadable
from accounts.throttle.bucket import Bucket
from m2v.request_ids import IN_ENVIRON, current_request_id

if TYPE_CHECKING:
    from types import TracebackType

# A link that lets somebody choose a password, confirm an address or lock an account is a secret (ASVS 16.2.5).
LINK = re.compile(r"\b((?:password-reset|invitation)/[\w%=-]+|not-me|address)/[\w%=:.-]+")
LONGEST = 2000
LONGEST_TRACEBACK = 12_000
A_MINUTE = 60
MOST_KINDS = 200

refusals = Bucket(A_MINUTE)


class Bounded(logging.Filter):
    """Let through one line a second, per logger and process, about what Django refuses strangers.

    Django's own line about a failure that m2v.outage has logged is dropped.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(getattr(record, "request", None), "failure_is_logged", False):
            return False
        failed = record.levelno >= logging.ERROR and not record.name.startswith("django.security.")
        if failed or not record.name.startswith(("django.request", "django.security.")):
            return True
        return refusals.take(record.name)


class LogStream(logging.StreamHandler):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Standard error, also for the handler of a signal: what comes while a line is being written goes past the stream, which
    takes nothing within another write.
    """

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name that logging calls
        if str(sys.exception()).startswith("reentrant"):
            os.write(self.stream.fileno(), f"{self.format(record)}{self.terminator}".encode())
        else:
            super().handleError(record)


class JsonFormatter(logging.Formatter):
    """Time (UTC), level, logger and message, the request it belongs to, and whatever the record brings as `fields`."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._shown: dict[object, float] = {}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = dict(getattr(record, "fields", {}))
        line |= {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record)[:LONGEST],
        }
        if request_id := current_request_id() or _request_id(record):
            line["request"] = request_id
        trouble = record.exc_info[1] if record.exc_info else None
        if status := 503 if trouble and _is_outage(trouble) else getattr(record, "status_code", None):
            line["status"] = status
        if trouble is not None:
            notes = getattr(trouble, "__notes__", [])
            line["error"] = "; ".join([f"{type(trouble).__name__}: {trouble}", *notes]).strip()[:LONGEST]
            # Somebody's odd request (a foreign Host) is no failure of ours: where it was noticed says nothing.
            # Nor does it where the start is refused: nobody mends a setting by a traceback.
            refused = record.levelno >= logging.CRITICAL and isinstance(trouble, ImproperlyConfigured)
            if not record.name.startswith("django.security.") and not refused and self._is_news(trouble):
                line["exception"] = self.formatException(record.exc_info)[-LONGEST_TRACEBACK:]  # type: ignore[arg-type]  # it is there
        return LINK.sub(r"\1/***", json.dumps(line, default=str))

    def _is_news(self, trouble: BaseException) -> bool:
        """Was no traceback of this kind shown in the last minute?"""
        place = None if _is_outage(trouble) else extract_tb(trouble.__traceback__)[-1:]
        kind, now = (type(trouble), str(place)), monotonic()
        with self._lock:
            shown = self._shown.get(kind)
            if shown is not None and now - shown < A_MINUTE:
                return False
            if len(self._shown) >= MOST_KINDS:
                self._shown.clear()
            self._shown[kind] = now
            return True


def _is_outage(trouble: BaseException) -> bool:
    """Is it answered with 503? Of such, where they were raised makes no difference."""
    return isinstance(trouble, Unreadable) or is_away(trouble)


def _request_id(record: logging.LogRecord) -> str:
    """Of a line that Django writes of a request, once all middleware is behind it."""
    meta: dict[str, str] = getattr(getattr(record, "request", None), "META", {})
    return meta.get(IN_ENVIRON, "")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # its values are not those that its text asks for
        return str(record.msg)


def take_over() -> None:
    """Turn what Python writes to standard error by itself, warnings and uncaught exceptions, into lines of the log.

    Called before the settings are read, so that their errors are lines of the log too; they configure it again.
    """
    logging.captureWarnings(capture=True)
    if not logging.getLogger().handlers:
        handler = LogStream()
        handler.setFormatter(JsonFormatter())
        logging.getLogger().addHandler(handler)
    log = logging.getLogger("m2v.uncaught")

    def uncaught(kind: type[BaseException], trouble: BaseException, trace: TracebackType | None) -> None:
        log.critical("uncaught", exc_info=(kind, trouble, trace))

    def in_thread(found: Any) -> None:
        if found.exc_type is not SystemExit:
            log.critical("uncaught in a thread", exc_info=(found.exc_type, found.exc_value, found.exc_traceback))

    def unraisable(found: Any) -> None:
        log.error("could not be raised", exc_info=(found.exc_type, found.exc_value, found.exc_traceback))

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, unraisable
