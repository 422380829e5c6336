"""How much is tried: "short" in `make test`, the same examples each time; "long" in `make fuzz`, others each time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = os.environ.get("FUZZ_PROFILE") == "long"
TIMES = 20 if LONG else 1

_QUIET = [
    HealthCheck.too_slow,
    HealthCheck.function_scoped_fixture,
    HealthCheck.filter_too_much,
    HealthCheck.data_too_large,
]
settings.register_profile("short", deadline=None, database=None, derandomize=True, suppress_health_check=_QUIET)
settings.register_profile("long", deadline=None, database=None, print_blob=True, suppress_health_check=_QUIET)
PROFILE = settings.get_profile("long" if LONG else "short")


def examples(number: int) -> Callable[..., object]:
    """Try `number` of them, twenty times as many in the long run.

    Fixtures last for a whole test. That is right here: an example either
    touches nothing, or is rolled back with all it did (tests.fuzz.site).
    """
    return settings(PROFILE, max_examples=number * TIMES)
