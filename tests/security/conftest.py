"""The people and the clock of the MFA tests, and those whom a way around begins or ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from accounts.models import Role
from tests.mfa.conftest import ada, carla, clock, kim_with_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.people import Person

__all__ = ["ada", "carla", "clock", "kim_with_app"]


@pytest.fixture
def half_way(kim_with_app: Person) -> Person:
    """Kim, who has an app, after the password."""
    kim_with_app.enter_password()
    return kim_with_app


@pytest.fixture
def foreigners(make_person: Callable[..., Person], company, other_company) -> list[Person]:
    """Whom Carla must not reach: people of another company, and administrators; each with app and passkey."""
    found = [
        make_person("xaver", company=other_company),
        make_person("xenia", company=other_company, role=Role.COMPANY_ADMINISTRATOR),
        make_person("alan", company=company, role=Role.ADMINISTRATOR),
        make_person("alma", company=None, role=Role.ADMINISTRATOR),
    ]
    for person in found:
        person.set_up_app()
        person.add_passkey()
    return found
