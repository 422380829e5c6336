"""What all tests share: companies, people in every state, and a browser's worth of client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from accounts import refusals, sealing
from accounts.models import Role, User
from companies.models import Company
from m2v import logs
from m2v.reports import reports
from tests.people import NOW, PASSWORD, Person
from tests.post import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        for table in ("audit_auditevent", "audit_checkpoint"):
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
def mailoutbox(request, mailoutbox) -> Outbox:
    """What was mailed, and what is owed, which is delivered when somebody looks."""
    return Outbox(
        may_ask=bool({"db", "transactional_db"} & set(request.fixturenames))
        or bool(request.node.get_closest_marker("django_db"))
    )


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


@pytest.fixture
def clock(time_machine: Any) -> Any:
    """Stands at `NOW`; `clock.shift(seconds)` moves it."""
    time_machine.move_to(NOW, tick=False)
    return time_machine


@pytest.fixture
def kim_with_app(kim: Person) -> Person:
    kim.set_up_app()
    return kim


@pytest.fixture
def ada(make_person: Any) -> Person:
    """Somebody else of Kim's company."""
    person: Person = make_person("ada", first_name="Ada", last_name="Berg")
    return person


@pytest.fixture
def carla(company_admin: User) -> Person:
    """Kim's company administrator, signed in."""
    person = Person(company_admin)
    person.sign_in()
    return person


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


@pytest.fixture
def keys(settings: Any) -> Iterator[Callable[..., None]]:
    """Sets the site's encryption keys for one test."""

    def change(*keys: str) -> None:
        settings.MFA_ENCRYPTION_KEYS = list(keys)
        sealing.ciphers.cache_clear()

    yield change
    sealing.ciphers.cache_clear()
