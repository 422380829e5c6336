"""While an upgrade goes on, the release before writes on the tables of this one, without the columns that came since.

Each migration's own models are what the code beside it wrote with.
"""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import make_password
from django.db.migrations.loader import MigrationLoader

from accounts.models import User
from companies.models import Company
from tests.people import PASSWORD, Person

pytestmark = pytest.mark.django_db


def versions(app: str) -> list[str]:
    return sorted(name for of, name in MigrationLoader(None).graph.nodes if of == app)


def models_of(app: str, version: str):
    return MigrationLoader(None).project_state((app, version)).apps


@pytest.mark.parametrize("version", versions("companies"))
def test_a_company_that_an_earlier_version_makes_is_one_here(version):
    made = models_of("companies", version).get_model("companies", "Company").objects.create(name="Nordwerk")

    company = Company.objects.get(pk=made.pk)

    assert (company.name_folded, company.two_factor_enabled, company.pass_demanded) == ("nordwerk", False, False)
    company.name = "Südwerk"
    company.save()
    assert list(Company.objects.get_queryset().search("sudwerk")) == [company]


@pytest.mark.parametrize("version", versions("accounts"))
def test_whom_an_earlier_version_makes_and_signs_in_there_signs_in_here(version):
    before = models_of("accounts", version)
    made = before.get_model("accounts", "User").objects.create(
        username="ada", email="ada@example.com", password=make_password(PASSWORD), role="member"
    )
    there = before.get_model("accounts", "User").objects.get(pk=made.pk)
    there.last_sign_in_at = made.created_at
    there.save(update_fields=["last_sign_in_at"])

    ada = Person(User.objects.get(pk=made.pk))
    ada.sign_in()

    assert ada.is_in
