"""The log: one JSON object a line, on standard error, for whatever collects it (ASVS 16.2.3, 16.2.4).

Everything but printable ASCII is escaped, so that no text that somebody sent
can end a line or colour a terminal (ASVS 16.4.1).
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

# A link that lets somebody choose a password, or lock an account, is a secret (ASVS 16.2.5).
LINK = re.compile(r"\b((?:password-reset|invitation)/[\w%=-]+|not-me)/[\w%=:.-]+")


class JsonFormatter(logging.Formatter):
    """Time (UTC), level, logger and message, and whatever the record brings as `fields`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = dict(getattr(record, "fields", {}))
        line |= {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if status := getattr(record, "status_code", None):
            line["status"] = status
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return LINK.sub(r"\1/***", json.dumps(line, default=str))
