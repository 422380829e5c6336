"""What all tests share: companies, people in every state, and a browser's worth of client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection

from accounts import refusals
from accounts.models import Role, User
from companies.models import Company
from m2v import logs
from m2v.reports import reports
from tests.people import PASSWORD, Person

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.mail import EmailMultiAlternatives


@pytest.fixture(autouse=True)
def outbox_folder(settings, tmp_path):
    """Nothing is written outside the test's own folder."""
    settings.DATA_DIR = tmp_path


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Tests that commit empty all tables afterwards: the audit's must let them. Tests of ASVS-16.4.2 prove that it does not."""
    form = "DROP TRIGGER {table}_no_{act}" + (" ON {table}" if connection.vendor == "postgresql" else "")
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in ("accounts_auditevent", "accounts_auditseal"):
            for act in ("delete", "truncate") if connection.vendor == "postgresql" else ("delete",):
                cursor.execute(form.format(table=table, act=act))


@pytest.fixture(autouse=True)
def full_buckets():
    """No test uses up what the next may write."""
    for bucket in (refusals.accesses, refusals.forms, refusals.skips, refusals.waits, reports, logs.refusals):
        bucket.refill()


@pytest.fixture
def company(db) -> Company:
    return Company.objects.create(name="Acme Machines")


@pytest.fixture
def other_company(db) -> Company:
    return Company.objects.create(name="Nordwind Fördertechnik GmbH")


@pytest.fixture
def make_user(db, company) -> Callable[..., User]:
    """A member of Acme Machines with a password, unless said otherwise."""

    def make(username: str, **fields: object) -> User:
        fields = {"company": company, "password": PASSWORD, "email": f"{username}@acme.example"} | fields
        return User.objects.create_user(username, **fields)

    return make


@pytest.fixture
def make_person(make_user) -> Callable[..., Person]:
    """The same, with a browser, and an authenticator app and a passkey at hand."""

    def make(username: str, **fields: object) -> Person:
        return Person(make_user(username, **fields))

    return make


@pytest.fixture
def admin(make_user) -> User:
    return make_user("petra", first_name="Petra", last_name="Vogt", role=Role.ADMINISTRATOR, company=None)


@pytest.fixture
def company_admin(make_user) -> User:
    return make_user("carla", first_name="Carla", last_name="Reyes", role=Role.COMPANY_ADMINISTRATOR)


@pytest.fixture
def kim(make_person) -> Person:
    return make_person("kim", first_name="Kim", last_name="Hansen")


@pytest.fixture
def administrator(admin) -> Person:
    """Petra, signed in."""
    person = Person(admin)
    person.sign_in()
    return person


@pytest.fixture
def told(db, mailoutbox, django_capture_on_commit_callbacks) -> Callable[..., list[EmailMultiAlternatives]]:
    """`told(act, …)` does the act, commits it, and gives the mails that it sent."""

    def mails_of(act: Callable[..., object], *arguments: object, **more: object) -> list[EmailMultiAlternatives]:
        before = len(mailoutbox)
        with django_capture_on_commit_callbacks(execute=True):
            act(*arguments, **more)
        sent: list[EmailMultiAlternatives] = mailoutbox[before:]
        return sent

    return mails_of
