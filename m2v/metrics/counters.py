"""What each process counts. Labels are names of ours (views, acts, methods), never a path, an address or a person.

Sign-ins and changes of factors are counted from the audit's lines, once they are committed, and errors from the log's:
what is on record is what is counted. Processes of one server count into files of one folder (m2v.metrics.listener),
which has to be known before the client is imported.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from prometheus_client import Counter, Histogram

from accounts.away import is_away
from audit.acts import GROUPS, Group
from audit.recording import listeners
from audit.vocabulary import Action
from mfa.policy import Method

if TYPE_CHECKING:
    from audit.models import AuditEvent

SLOWEST = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
FACTOR_ACTS = GROUPS[Group.FACTORS] | GROUPS[Group.PASSES]
OTHER = "other"
ENDS = ("succeeded", "refused", "throttled")

SIGN_INS = Counter(
    "m2v_sign_ins",
    "Sign-ins that came to their end, and proofs that were refused at one or when confirming again.",
    ["method", "outcome"],
)
FACTOR_CHANGES = Counter(
    "m2v_factor_changes", "Acts that changed how somebody gets in, by the audit's action.", ["act"]
)
THROTTLED = Counter("m2v_throttled", "Answers that said to wait before the next guess (429).", ["view"])
ANSWERS = Counter("m2v_answers", "Answers, by view and by the first digit of their status.", ["view", "status"])
SECONDS = Histogram("m2v_request_seconds", "From whole request to answer, within Django.", ["view"], buckets=SLOWEST)
DATABASE_ERRORS = Counter("m2v_database_errors", "Errors of the log that say that the database failed or was away.")
LOGGED_ERRORS = Counter("m2v_logged_errors", "Lines of the log that are errors.", ["logger"])


def count_request(view: str, status: int, seconds: float) -> None:
    """One request that Django answered."""
    SECONDS.labels(view).observe(seconds)
    count_answer(view, status)


def count_answer(view: str, status: int) -> None:
    """One answer; `view` is a name of ours."""
    ANSWERS.labels(view, f"{status // 100}xx").inc()
    if status == 429:
        THROTTLED.labels(view).inc()


def begin_to_count() -> None:
    """Have this process count what it writes to the audit and to the log."""
    if count_line not in listeners:
        listeners.append(count_line)
        count_from_nothing()
    root = logging.getLogger()
    if not any(isinstance(handler, ErrorsCounted) for handler in root.handlers):
        root.addHandler(ErrorsCounted(logging.ERROR))


def count_from_nothing() -> None:
    """Have what alarms ring for there with a zero: of a series that begins with many, Prometheus sees no rise."""
    for act in FACTOR_ACTS:
        FACTOR_CHANGES.labels(str(Action(act)))
    for method in (*Method, OTHER):
        for outcome in ENDS:
            SIGN_INS.labels(str(method), outcome)
    ANSWERS.labels("gateway", "5xx")


def count_line(line: AuditEvent) -> None:
    """Count `line` of the audit, if its transaction comes to its end."""
    if line.action in {Action.SIGNED_IN, Action.REFUSED}:
        transaction.on_commit(partial(_count_sign_in, line), robust=True)
    elif line.action in FACTOR_ACTS:
        transaction.on_commit(FACTOR_CHANGES.labels(str(Action(line.action))).inc, robust=True)


def _count_sign_in(line: AuditEvent) -> None:
    said = line.details.get("methods", ())
    method = "+".join(sorted({str(method) if method in set(Method) else OTHER for method in said})) or OTHER
    if line.action == Action.SIGNED_IN:
        outcome = "succeeded"
    else:
        outcome = "throttled" if line.details.get("reason") == "Throttled" else "refused"
    SIGN_INS.labels(method, outcome).inc()


class ErrorsCounted(logging.Handler):
    """Counts the errors of the log; what Django says of a failure that is logged already is none (m2v.logs)."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(getattr(record, "request", None), "failure_is_logged", False):
            return
        trouble = record.exc_info[1] if record.exc_info else None
        if trouble and is_away(trouble):
            DATABASE_ERRORS.inc()
        ours = record.name.startswith("m2v.") or record.name in {"django.request", "granian"}
        LOGGED_ERRORS.labels(record.name if ours else OTHER).inc()
