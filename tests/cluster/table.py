"""A row of the table in docs/operations.md: what the crowd saw while a part failed, and whether what it was told is true."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic, sleep, time
from typing import TYPE_CHECKING

import psycopg

from tests.cluster.crowd import CLICKING
from tests.server.site import within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.cluster.crowd import Crowd

    Ask = Callable[..., list[tuple[object, ...]]]

BEFORE, CALM = 6, 6  # seconds of clicking before a failure, and of clicking without any after it
WELL_AGAIN = 60  # seconds, at most, until all is well
# After a failure, codes that were right (each is tried again at once) and mails that are owed: fewer prove little. All
# apps show their next codes half a minute later at most.
SOME = 8

NAMES = """
SELECT details->'changes'->'first_name'->>0, details->'changes'->'first_name'->>1 FROM audit_auditevent
WHERE action = 'user_changed' AND subject_id = (SELECT id FROM accounts_user WHERE username = %s) ORDER BY id
"""
NAME = "SELECT first_name FROM accounts_user WHERE username = %s"
SIGN_INS = """
SELECT count(*) FROM audit_auditevent WHERE action = 'signed_in'
AND subject_id = (SELECT id FROM accounts_user WHERE username = %s)
"""
OWED = "SELECT message_id FROM accounts_owedmail WHERE created_at BETWEEN %s AND %s"
FATES = "SELECT message_id, fate FROM accounts_owedmail"
# A claim of five minutes, and the pauses between two attempts, have gone by.
LATER = "UPDATE accounts_owedmail SET claimed_until = NULL, due_at = created_at WHERE ended_at IS NULL"
HEAD = """
| what fails | requests | failures | seconds of outage | acts acknowledged / line missing | half done | codes right / twice | mails owed / arrived |
| --- | --- | --- | --- | --- | --- | --- | --- |"""


@dataclass
class Row:
    """What happened, from its first second to its last."""

    title: str
    began: float
    ended: float = 0
    requests: int = 0
    failures: int = 0
    outage: float = 0
    acts: int = 0
    missing: int = 0
    half_done: int = 0
    codes: int = 0
    twice: int = 0
    owed: set[str] = field(default_factory=set)
    arrived: int = 0

    def line(self) -> str:
        told = f"{self.acts} / {self.missing}", self.half_done, f"{self.codes} / {self.twice}"
        cells = (
            self.title,
            self.requests,
            self.failures,
            f"{self.outage:.1f}",
            *told,
            f"{len(self.owed)} / {self.arrived}",
        )
        return f"| {' | '.join(map(str, cells))} |"

    def count_mails(self, fates: dict[str, str], arrived: set[str]) -> None:
        """Of several that say the same to the same people within a minute, the last is owed."""
        self.owed = {message_id for message_id in self.owed if fates[message_id] != "replaced"}
        self.arrived = len(self.owed & arrived)


@contextmanager
def postgresql(where: str) -> Iterator[Ask]:
    """Within, all that is asked is of one moment."""
    with psycopg.connect(where) as database:
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield lambda statement, *values: database.execute(statement, values).fetchall()


@contextmanager
def sqlite(where: Path) -> Iterator[Ask]:
    """The same of a file."""
    with closing(sqlite3.connect(where, timeout=20, isolation_level=None)) as database:
        database.execute("BEGIN")
        yield lambda statement, *values: database.execute(
            statement.replace("%s", "?"), [as_stored(each) for each in values]
        ).fetchall()


def as_stored(value: object) -> object:
    """How Django writes a moment there."""
    return value.replace(tzinfo=None).isoformat(sep=" ") if isinstance(value, datetime) else value


def fates(asked: Callable[[], AbstractContextManager[Ask]]) -> dict[str, str]:
    """What became of each mail, by its Message-ID; empty while it waits."""
    with asked() as ask:
        return {str(message_id): str(fate) for message_id, fate in ask(FATES)}


@contextmanager
def failing(
    crowd: Crowd,
    title: str,
    asked: Callable[[], AbstractContextManager[Ask]],
    lines_of: Callable[[set[str]], list[str]],
) -> Iterator[Row]:
    """Some clicking, the failure, and clicking until no request failed for a while.

    `lines_of` are those of the logs, for whoever reads why the test failed.
    """
    seen, row = crowd.seen, Row(title, time())
    sleep(BEFORE)
    yield row
    end = monotonic() + within(WELL_AGAIN)
    calm_from = failed_at = time()
    while time() < calm_from + CALM or not enough(crowd, asked, row.began, failed_at):
        sleep(0.5)
        failed = [answer.ended for answer in list(seen.answers) if answer.failed and answer.ended > calm_from]
        calm_from = max(failed, default=calm_from)
        assert monotonic() < end, f"{title}: it is not well again: {seen.answers[-5:]}"
    row.ended = time()
    answers = [answer for answer in list(seen.answers) if row.began <= answer.ended < row.ended]
    failures = [answer for answer in answers if answer.failed]
    row.requests, row.failures = len(answers), len(failures)
    if failures:
        row.outage = max(answer.ended for answer in failures) - min(answer.began for answer in failures)
    with asked() as ask:
        look(row, crowd, ask)
    print(row.line(), flush=True)
    dishonest = [answer for answer in failures if not answer.honest]
    assert not dishonest, "\n".join([str(dishonest), *lines_of({answer.number for answer in dishonest})])
    assert (row.missing, row.half_done, row.twice, dict(seen.strange)) == (0, 0, 0, {})
    assert row.codes >= SOME, "fewer say nothing of codes that count twice"


def enough(crowd: Crowd, asked: Callable[[], AbstractContextManager[Ask]], began: float, failed_at: float) -> bool:
    """Was an act acknowledged since it began, and were enough codes used and mails owed since the failure?"""
    seen = crowd.seen
    acts = any(at >= began for at, _whose, _name in list(seen.acts))
    codes = sum(at >= failed_at for at, _whose, _step in list(seen.accepted))
    if not acts or codes < SOME:
        return False
    with asked() as ask:
        now = datetime.now(UTC)
        return len(ask(OWED, datetime.fromtimestamp(failed_at, UTC), now)) >= SOME


def look(row: Row, crowd: Crowd, ask: Ask) -> None:
    """Is what people were told true?"""
    seen = crowd.seen
    # What was acknowledged, before what is kept: the crowd goes on.
    acts = [(whose, name) for at, whose, name in list(seen.acts) if row.began <= at < row.ended]
    kept = {}
    for username in (f"click{number}" for number in range(CLICKING)):
        lines = ask(NAMES, username)
        [[now]] = ask(NAME, username)
        kept[username] = {after for _before, after in lines}
        names = ["", *(after for _before, after in lines)]
        row.half_done += [before for before, _after in lines] != names[:-1]
        row.half_done += now != names[-1]
    row.acts, row.missing = len(acts), sum(name not in kept[whose] for whose, name in acts)
    codes = [(whose, step) for at, whose, step in list(seen.accepted) if row.began <= at < row.ended]
    row.codes, row.twice = len(codes), len(codes) - len(set(codes))
    signed_in = {whose: int(str(ask(SIGN_INS, whose)[0][0])) for whose in {whose for whose, _step in list(seen.tried)}}
    for whose, times in signed_in.items():
        row.twice += max(0, times - sum(who == whose for who, _step in list(seen.tried)))
    row.owed = {
        str(message_id)
        for [message_id] in ask(OWED, datetime.fromtimestamp(row.began, UTC), datetime.fromtimestamp(row.ended, UTC))
    }
