"""Charts: numbers in, places and lengths out."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from companies.charts import APART, bars, course

MAY = date(2026, 5, 4)
SHARES = st.integers(0, 100)
POINTS = st.dictionaries(st.integers(0, 400), SHARES, min_size=2, max_size=30)


def days(*numbers):
    return [MAY + timedelta(days=number) for number in numbers]


def test_a_line_goes_from_edge_to_edge_as_high_as_its_shares():
    drawn = course(days(0, 5, 20), [("Set up", "ok", [0, 50, 100])])

    assert drawn.lines[0].path == "M0 100 25 50 100 0"
    assert drawn.lines[0].area == "M0 100L0 100 25 50 100 0 100 100Z"
    assert (drawn.lines[0].last, drawn.lines[0].height) == (100, "0%")


def test_a_single_day_is_no_line():
    assert course(days(0), [("Set up", "ok", [3])]) is None
    assert course([], [("Set up", "ok", [])]) is None


def test_the_lowest_line_is_named_below_its_end_where_there_is_room():
    high, low = course(days(0, 1), [("Or asked", "wait", [50, 60]), ("Set up", "ok", [10, 18])]).lines
    assert (high.offset, low.offset) == (-8, 24)

    assert course(days(0, 1), [("Set up", "ok", [10, 17])]).lines[0].offset is None


def test_days_below_it_stand_where_they_are_drawn():
    ticks = course(days(0, 10, 30, 80, 100), [("Set up", "ok", [1, 2, 3, 4, 5])]).ticks

    assert [(tick.day, tick.place, tick.anchor) for tick in ticks] == [
        (MAY, "0%", "start"),
        (MAY + timedelta(days=30), "30%", "middle"),
        (MAY + timedelta(days=100), "100%", "end"),
    ]


@given(POINTS)
def test_whatever_the_numbers_nothing_leaves_the_picture(points):
    numbers = sorted(points)
    drawn = course(days(*numbers), [("Set up", "ok", [points[number] for number in numbers])])

    places = [float(part) for part in drawn.lines[0].path[1:].split()]
    assert len(places) == 2 * len(numbers)
    assert all(0 <= place <= 100 for place in places)
    assert places[::2] == sorted(places[::2])
    ticks = drawn.ticks
    assert 2 <= len(ticks) <= 100 / APART + 1
    assert [ticks[0].day, ticks[-1].day] == [drawn.days[0], drawn.days[-1]]
    assert len({tick.place for tick in ticks}) == len(ticks)


def test_bars_are_as_long_as_their_numbers_and_the_longest_comes_first():
    assert bars({"A code": 25, "A passkey": 100, "Nothing": 0}) == [
        ("A passkey", 100, "100.0%"),
        ("A code", 25, "25.0%"),
    ]
    assert bars({}) == []
