"""What a guess makes of a budget. Pure: values in, values out, seconds of the epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace

LONGEST_DELAY = 900
USED_UP = 100  # consecutive failures
NEVER = 1_000_000_000
FOREVER = 32_503_680_000.0  # the year 3000
HOUR = 3600


@dataclass(frozen=True)
class Lane:
    """One budget: `free` guesses, then a wait of `delay` seconds that doubles; none is left after `ends`.

    All are forgotten `forgets` seconds after the last, or after the first where it is `renewed`: a network in
    which somebody is always signing in would never be forgotten else.
    """

    key: str
    free: int = 5
    delay: int = 1
    ends: int = USED_UP
    forgets: int = 100 * 365 * 24 * HOUR
    renewed: bool = False


@dataclass(frozen=True)
class Count:
    """What is kept of a budget: wrong guesses, until when none is looked at, when the last and the first of them was."""

    failures: int = 0
    blocked_until: float = 0
    last_at: float = 0
    began_at: float = 0


def after_a_guess(count: Count, lane: Lane, now: float) -> Count:
    """`count` with one more guess, which is wrong until somebody says otherwise. Ask `is_blocked` first."""
    failures = 1 if _is_forgotten(count, lane, now) else count.failures + 1
    began_at = now if failures == 1 else min(count.began_at, now)
    return Count(failures, _blocked_until(failures, lane, now), last_at=now, began_at=began_at)


def is_blocked(count: Count, now: float) -> bool:
    """Is no guess looked at?"""
    return count.blocked_until > now


def left(count: Count, lane: Lane, now: float) -> int:
    """How many guesses are free: none of them begins a wait before the last."""
    if is_blocked(count, now):
        return 0
    return lane.free if _is_forgotten(count, lane, now) else max(0, lane.free - count.failures)


def renewed_at(count: Count, lane: Lane, now: float) -> float:
    """When the budget is whole again, if a guess is taken from it now."""
    forgotten = not count.failures or _is_forgotten(count, lane, now)
    return lane.forgets + (count.began_at if lane.renewed and not forgotten else now)


def after_right_ones(count: Count, guesses: int, latest: float) -> Count:
    """`count` without `guesses` that were right, the last of them at `latest`: a wait that a later one began stays."""
    blocked_until = count.blocked_until if count.last_at > latest else 0
    return replace(count, failures=max(0, count.failures - guesses), blocked_until=blocked_until)


def in_time(count: Count, now: float) -> Count:
    """`count`, whose wait is the longest there is where it was written by a clock that ran ahead."""
    if now + LONGEST_DELAY < count.blocked_until < FOREVER:
        return replace(count, blocked_until=now + LONGEST_DELAY)
    return count


def _is_forgotten(count: Count, lane: Lane, now: float) -> bool:
    return (count.began_at if lane.renewed else count.last_at) < now - lane.forgets


def _blocked_until(failures: int, lane: Lane, now: float) -> float:
    if failures >= lane.ends:
        return FOREVER
    if failures < lane.free:
        return 0
    doubled = min(failures - lane.free, 10)  # beyond which it is the longest, whatever it began with
    return now + min(LONGEST_DELAY, lane.delay << doubled)
