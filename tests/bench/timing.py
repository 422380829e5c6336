"""How long something takes in this process: by the clock, and in CPU time, which other work on the machine changes less."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Reached(NamedTuple):
    """Whether a figure is what it is to be: by the clock, which counts, and by CPU time, which says why not."""

    by_clock: bool
    by_cpu: bool

    @classmethod
    def all(cls, parts: Iterable[Reached]) -> Reached:
        found = list(parts)
        return cls(all(part.by_clock for part in found), all(part.by_cpu for part in found))


@dataclass
class Taken:
    """Milliseconds of what is done within it, each time that it is done."""

    clock: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    _began: tuple[float, float] = (0, 0)

    def __enter__(self) -> Self:
        self._began = perf_counter(), cpu_seconds()
        return self

    def __exit__(self, *trouble: object) -> None:
        clock, cpu = self._began
        self.cpu.append(1000 * (cpu_seconds() - cpu))
        self.clock.append(1000 * (perf_counter() - clock))

    def within(self, most: float) -> Reached:
        """Is this reached?"""
        return Reached(median(self.clock) <= most, median(self.cpu) <= most)

    def ahead_of(self, other: Taken) -> Reached:
        return Reached(median(self.clock) < median(other.clock), median(self.cpu) < median(other.cpu))

    def figure(self, most: float | None = None) -> str:
        """The median by the clock, with that of the CPU time, and what is to be reached."""
        aim = "" if most is None else target(median(self.clock), most)
        if most is not None and median(self.cpu) <= most < median(self.clock):
            aim += ", by CPU reached"
        return f"{median(self.clock):>9.1f} ({median(self.cpu):.1f}){aim}"


def in_turns(acts: list[Callable[[], object]], rounds: int) -> list[Taken]:
    """Each act once to warm up, and then all in turns, so that another load on the machine hits all alike."""
    for act in acts:
        act()
    taken = [Taken() for _act in acts]
    for _round in range(rounds):
        for act, each in zip(acts, taken, strict=True):
            with each:
                act()
    return taken


def target(figure: float, most: float) -> str:
    """What is to be reached, and whether it is."""
    return f" ≤ {most:.0f} {'reached' if figure <= most else 'NOT REACHED'}"


def summary(reached: list[Reached]) -> str:
    """How many lines of a table reached everything."""
    by_clock, by_cpu = (sum(each) for each in zip(*reached, strict=True))
    return f"  {by_clock} of {len(reached)} reached everything by the clock, {by_cpu} by CPU time; {load()}"


def load() -> str:
    """How busy the machine is: what the clock says is to be read beside it."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"


def cpu_seconds() -> float:
    """Seconds of CPU so far: of this process, and where Linux tells, of the one that serves it on PostgreSQL."""
    server = _server()
    return process_time() + (int(server.read_text().split()[0]) / 1e9 if server else 0)


@cache
def _server() -> Path | None:
    from django.db import connection

    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        told = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    return told if told.exists() else None
