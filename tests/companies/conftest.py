"""A company administrator and a member, signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.people import Person

if TYPE_CHECKING:
    from accounts.models import User


@pytest.fixture
def carla(company_admin: User) -> Person:
    """Acme's company administrator, signed in."""
    person = Person(company_admin)
    person.sign_in()
    return person
