"""The people and the clock of the MFA tests, for the tests by row."""

from __future__ import annotations

from tests.mfa.conftest import ada, carla, clock, kim_with_app

__all__ = ["ada", "carla", "clock", "kim_with_app"]
