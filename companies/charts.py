"""Charts as a page draws them: numbers in, places and lengths out. It knows nothing of what they are about.

Places are in percent of the picture, from its upper left corner, so that the texts in it keep their size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

APART = 24  # percent between days that are named
ABOVE, BELOW = -8, 24  # of a line's name, in pixels
ROOM = 18  # percent that a name below its line needs


@dataclass(frozen=True)
class ShareLine:
    """A share in percent at each of some times (from 0 to 1), with a name and the class that colours it."""

    name: str
    style: str
    points: tuple[tuple[float, int], ...]
    is_lowest: bool = False

    @property
    def path(self) -> str:
        """The line as SVG draws it."""
        return "M" + " ".join(f"{100 * at:.5g} {100 - share}" for at, share in self.points)

    @property
    def area(self) -> str:
        """What lies below it."""
        first, last = (f"{100 * at:.5g} 100" for at, _share in (self.points[0], self.points[-1]))
        return f"M{first}L{self.path[1:]} {last}Z"

    @property
    def last(self) -> int:
        return self.points[-1][1]

    @property
    def height(self) -> str:
        """How far down its end is."""
        return f"{100 - self.last}%"

    @property
    def offset(self) -> int | None:
        """How far from its end its name stands; None where there is no room for one."""
        if not self.is_lowest:
            return ABOVE
        return BELOW if self.last >= ROOM else None


class Tick(NamedTuple):
    """A day below the picture."""

    day: date
    place: str
    anchor: str


@dataclass(frozen=True)
class Course:
    """Lines over some days, the highest first."""

    days: Sequence[date]
    lines: Sequence[ShareLine]

    @property
    def ticks(self) -> list[Tick]:
        """The first and the last day, and some between that are far enough from each other to be read on a phone."""
        places = [(day, 100 * at) for day, at in zip(self.days, times_of(self.days), strict=True)]
        chosen = [Tick(places[0][0], "0%", "start")]
        before = 0.0
        for day, place in places:
            if place - before >= APART and 100 - place >= APART:
                chosen.append(Tick(day, f"{place:.5g}%", "middle"))
                before = place
        return [*chosen, Tick(places[-1][0], "100%", "end")]


def course(days: Sequence[date], shares: Sequence[tuple[str, str, Sequence[int]]]) -> Course | None:
    """Lines (name, style, a share for each day), the highest first; None where a day alone makes none."""
    if len(days) < 2:
        return None
    times = times_of(days)
    lines = [
        ShareLine(name, style, tuple(zip(times, values, strict=True)), is_lowest=number == len(shares) - 1)
        for number, (name, style, values) in enumerate(shares)
    ]
    return Course(days, lines)


def times_of(days: Sequence[date]) -> list[float]:
    """Where each day is between the first and the last."""
    whole = (days[-1] - days[0]).days
    return [(day - days[0]).days / whole for day in days]


class Bar(NamedTuple):
    """A number, and how long its bar is beside the longest."""

    name: str
    number: int
    width: str


def bars(counts: Mapping[str, int]) -> list[Bar]:
    """A bar for each name, the longest first."""
    most = max(counts.values(), default=0)
    found = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Bar(name, number, f"{100 * number / most:.1f}%") for name, number in found if number]
