"""Work that begins once its answer was sent: nobody is there any more who could ask for it again."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from accounts import away
from accounts.after_response import RedirectThen


class Work:
    """It fails so many times, with this."""

    def __init__(self, times, trouble):
        self.times, self.trouble, self.done = times, trouble, 0

    def __call__(self):
        self.done += 1
        if self.done <= self.times:
            raise self.trouble


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(away, "BETWEEN_SECONDS", 0)


def test_it_is_tried_again_while_the_database_is_away_for_a_moment(db, caplog):
    work = Work(2, OperationalError("The database is restarted."))

    RedirectThen("/login/", work).close()

    assert work.done == 3
    assert "failed" not in caplog.text


def test_it_is_a_line_of_the_log_where_that_takes_longer(db, caplog):
    work = Work(99, OperationalError("The database is gone."))

    RedirectThen("/login/", work).close()

    assert work.done == away.ATTEMPTS
    [line] = [record for record in caplog.records if record.name == "accounts.after_response"]
    assert line.message == "What was to be done after an answer failed."


def test_a_mistake_of_ours_is_made_once(db, caplog):
    work = Work(99, ValueError("a mistake"))

    RedirectThen("/login/", work).close()

    assert work.done == 1
    assert "What was to be done after an answer failed." in caplog.text
