"""What a guess makes of a budget, as a table. NOW is any moment; nothing here reads a clock or a database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accounts.throttle.rule import (
    FOREVER,
    HOUR,
    LONGEST_DELAY,
    NEVER,
    USED_UP,
    Count,
    Lane,
    after_a_guess,
    after_right_ones,
    in_time,
    is_blocked,
    left,
    renewed_at,
)

NOW = 1_800_000_000.0
PERSON = Lane("person")
NETWORK = Lane("network", free=50, ends=NEVER, forgets=HOUR, renewed=True)
MAIL = Lane("mail", free=3, delay=300, ends=NEVER, forgets=HOUR)


def counted(failures, *, began=60, last=10):
    """So many failures, the first `began` and the last `last` seconds ago."""
    return Count(failures, 0, NOW - last, NOW - began)


@pytest.mark.parametrize(
    ("lane", "before", "failures", "waits"),
    [
        # Five of a person are free; then the wait doubles, up to a quarter of an hour.
        (PERSON, Count(), 1, 0),
        (PERSON, counted(3), 4, 0),
        (PERSON, counted(4), 5, 1),
        (PERSON, counted(5), 6, 2),
        (PERSON, counted(9), 10, 32),
        (PERSON, counted(13), 14, 512),
        (PERSON, counted(14), 15, LONGEST_DELAY),
        (PERSON, counted(60), 61, LONGEST_DELAY),
        # A hundred in a row are the end, however far apart.
        (PERSON, counted(98), 99, LONGEST_DELAY),
        (PERSON, counted(USED_UP - 1), USED_UP, FOREVER - NOW),
        (PERSON, counted(USED_UP - 1, last=300 * 24 * HOUR), USED_UP, FOREVER - NOW),
        # A network never ends, and begins anew an hour after its first.
        (NETWORK, counted(48), 49, 0),
        (NETWORK, counted(49), 50, 1),
        (NETWORK, counted(5000), 5001, LONGEST_DELAY),
        (NETWORK, counted(5000, began=HOUR + 1), 1, 0),
        (NETWORK, counted(5000, began=HOUR), 5001, LONGEST_DELAY),
        # Mails begin anew an hour after the last.
        (MAIL, counted(2, began=9 * HOUR), 3, 300),
        (MAIL, counted(3), 4, 600),
        (MAIL, counted(4), 5, LONGEST_DELAY),
        (MAIL, counted(4, last=HOUR + 1), 1, 0),
    ],
)
def test_a_guess_counts_and_begins_a_wait(lane, before, failures, waits):
    after = after_a_guess(before, lane, NOW)

    assert (after.failures, after.blocked_until) == (failures, NOW + waits if waits else 0)
    assert after.last_at == NOW


@pytest.mark.parametrize(
    ("before", "began"),
    [
        (Count(), NOW),
        (counted(3), NOW - 60),
        (counted(3, began=HOUR + 1), NOW),  # forgotten: this is the first
        (counted(3, began=-HOUR), NOW),  # written by a clock that ran ahead
    ],
)
def test_the_first_of_a_networks_guesses_is_remembered(before, began):
    assert after_a_guess(before, NETWORK, NOW).began_at == began


@pytest.mark.parametrize(
    ("until", "blocked"), [(0, False), (NOW - 1, False), (NOW, False), (NOW + 0.1, True), (FOREVER, True)]
)
def test_a_wait_ends_when_it_says(until, blocked):
    assert is_blocked(Count(5, until), NOW) is blocked


@pytest.mark.parametrize(
    ("before", "guesses", "latest", "after"),
    [
        # Two were right, the last of them after every wrong one: nobody waits for them.
        (Count(7, NOW + 4, NOW - 10, NOW - 60), 2, NOW - 10, (5, 0)),
        # A wait that a later one began stays.
        (Count(7, NOW + 4, NOW - 10, NOW - 60), 2, NOW - 11, (5, NOW + 4)),
        # What was forgotten meanwhile is not owed.
        (Count(1, 0, NOW - 10, NOW - 60), 2, NOW, (0, 0)),
        # A login forgets all.
        (Count(99, FOREVER, NOW - 10, NOW - 60), NEVER, FOREVER, (0, 0)),
    ],
)
def test_right_ones_are_given_back(before, guesses, latest, after):
    forgiven = after_right_ones(before, guesses, latest)

    assert (forgiven.failures, forgiven.blocked_until) == after
    assert (forgiven.last_at, forgiven.began_at) == (before.last_at, before.began_at)


@pytest.mark.parametrize(
    ("until", "becomes"),
    [
        (0, 0),
        (NOW + LONGEST_DELAY, NOW + LONGEST_DELAY),
        (NOW + LONGEST_DELAY + 1, NOW + LONGEST_DELAY),
        (NOW + 7 * 24 * HOUR, NOW + LONGEST_DELAY),
        (FOREVER, FOREVER),
    ],
)
def test_a_clock_that_ran_ahead_makes_nobody_wait_longer_than_the_longest(until, becomes):
    assert in_time(replace(counted(9), blocked_until=until), NOW).blocked_until == becomes


@pytest.mark.parametrize(
    ("before", "free", "whole_in"),
    [
        (Count(), 1000, 24 * HOUR),
        (Count(failures=1, began_at=NOW - HOUR, last_at=NOW), 999, 23 * HOUR),
        (Count(failures=1000, began_at=NOW - HOUR, last_at=NOW, blocked_until=NOW + 60), 0, 23 * HOUR),
        (Count(failures=1000, began_at=NOW - HOUR, last_at=NOW, blocked_until=NOW - 60), 0, 23 * HOUR),
        (Count(failures=1000, began_at=NOW - 25 * HOUR, last_at=NOW - HOUR), 1000, 24 * HOUR),
    ],
)
def test_what_is_left_of_a_day_and_when_it_is_whole_again(before, free, whole_in):
    lane = Lane("imports:x", 1000, 900, ends=NEVER, forgets=24 * HOUR, renewed=True)

    assert left(before, lane, NOW) == free
    assert renewed_at(before, lane, NOW) == NOW + whole_in
