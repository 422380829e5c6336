"""`create_demo`: demo companies and people in every state, with passwords that are printed once."""

from __future__ import annotations

import re
from base64 import b32decode
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Role, User
from audit.models import AuditEvent
from companies.models import Company
from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode
from tests.audit import forget
from tests.companies import USERS, read
from tests.people import Person

LINE = re.compile(r"^  (\S+) +(\S+) +(.+)$", re.MULTILINE)


def create_demo(*arguments):
    """What the command prints."""
    out = StringIO()
    call_command("create_demo", *arguments, stdout=out)
    return out.getvalue()


def printed(text):
    """User name, password and note of everybody."""
    return {name: (password, note) for name, password, note in LINE.findall(text)}


def chips(person):
    bar = read(person.client.get(USERS)).one("nav", **{"aria-label": "Filter"})
    return {words.rpartition(" ")[0]: int(words.rpartition(" ")[2]) for words in (link.words for link in bar.all("a"))}


@pytest.mark.django_db
def test_everybody_printed_can_sign_in_with_what_is_printed_and_finds_a_page():
    people = printed(create_demo())
    assert set(people) == set(User.objects.values_list("username", flat=True))

    for name, (password, note) in people.items():
        person = Person(User.objects.get(username=name))
        if not person.user.has_usable_password():
            assert password == "(invited)"
            continue
        answer = person.enter_password(password)
        if not person.user.is_active:
            assert answer.status_code == 400
            continue
        if key := re.search(r"app key ([A-Z2-7]+)", note):
            person.app_key = b32decode(key[1])
            assert person.enter_code().status_code == 302
        assert person.client.get("/", follow=True).status_code == 200


@pytest.mark.django_db
def test_three_companies_and_some_thirty_people_are_in_every_state():
    people = printed(create_demo())
    samir = Person(User.objects.get(username="samir.haddad"))
    samir.enter_password(people["samir.haddad"][0])

    assert Company.objects.count() == 3
    assert 25 <= User.objects.count() <= 40
    assert set(User.objects.values_list("role", flat=True)) == set(Role.values)
    assert Company.objects.filter(two_factor_enabled=True).count() == 1
    numbers = chips(samir)
    assert min(numbers.values()) >= 2
    assert numbers["All"] == User.objects.filter(is_active=True).count()
    states = {"All", "Set up", "Asked at next login", "Not asked", "Deactivated", "Never signed in"}
    assert set(numbers) == states | {"Passkey", "Passkey requested", "Only one way in"}
    assert User.objects.filter(email="").exists()
    assert User.objects.filter(first_name="", last_name="").exists()
    assert User.objects.filter(last_sign_in_at=None, is_active=True).exists()
    assert any(not user.has_usable_password() for user in User.objects.all())
    assert Passkey.objects.filter(backed_up=True).exists()
    assert Passkey.objects.filter(backed_up=False).exists()
    assert PasskeyRequest.objects.filter(user__authenticator_apps=None).exists()
    assert PasskeyRequest.objects.exclude(user__authenticator_apps=None).exists()


@pytest.mark.django_db
def test_every_page_about_them_opens():
    people = printed(create_demo())
    samir = Person(User.objects.get(username="samir.haddad"))
    samir.enter_password(people["samir.haddad"][0])

    for user in User.objects.all():
        for act in ("", "mfa/"):
            read(samir.client.get(f"{USERS}{user.pk}/{act}"))
    for company in Company.objects.all():
        read(samir.client.get(f"/settings/administration/companies/{company.pk}/"))
    read(samir.client.get("/settings/"))


@pytest.mark.django_db
def test_whoever_is_set_up_has_an_app_ten_codes_and_their_switch_on():
    create_demo()

    for app in AuthenticatorApp.objects.select_related("user"):
        assert app.confirmed
        assert app.user.two_factor_enabled
        assert RecoveryCode.objects.filter(user=app.user, used_at=None).count() == 10


@pytest.mark.django_db
def test_passwords_are_random_and_kept_nowhere():
    first = printed(create_demo())
    text = str(list(User.objects.values_list("password", flat=True))) + str(list(AuditEvent.objects.values()))
    passwords = [password for password, _note in first.values() if password != "(invited)"]

    assert len(set(passwords)) == len(passwords)
    assert all(len(password) >= 16 for password in passwords)
    assert not any(password in text for password in passwords)
    forget()
    User.objects.all().delete()
    Company.objects.all().delete()
    assert first["samir.haddad"][0] != printed(create_demo())["samir.haddad"][0]


@pytest.mark.django_db
def test_the_history_lies_in_the_past_and_belongs_to_its_people():
    create_demo()

    assert AuditEvent.objects.filter(action="signed_in").count() > 30
    for event in AuditEvent.objects.filter(action="signed_in").select_related("subject"):
        assert event.subject.created_at < event.at
        assert event.subject.last_sign_in_at >= event.at


@pytest.mark.django_db
def test_a_database_with_people_is_left_alone(make_user):
    make_user("kim")
    with pytest.raises(CommandError, match="There are people here already"):
        create_demo()

    assert User.objects.count() == 1


@pytest.mark.django_db
def test_at_a_start_with_people_nothing_is_said_and_done(make_user):
    make_user("kim")

    assert create_demo("--if-empty") == ""
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_at_the_first_start_the_people_are_made():
    assert len(printed(create_demo("--if-empty"))) == User.objects.count() > 20


@pytest.mark.django_db
def test_where_real_people_are_meant_no_demo_is_made_and_the_first_administrator_is(settings):
    settings.DEMO_ALLOWED = False

    said = create_demo("--if-empty")

    assert User.objects.count() == 0
    with pytest.raises(CommandError, match="embedded default alone"):
        create_demo()
    command = said.split("manage.py ")[1].split()[0]
    call_command(command, name="Root", email="root@example.com", stdout=StringIO())
    assert User.objects.get().role == Role.ADMINISTRATOR
    assert create_demo("--if-empty") == ""


@pytest.mark.django_db
def test_it_says_where_the_mail_goes(settings):
    assert str(settings.DATA_DIR / "outbox") in create_demo()


@pytest.mark.django_db
def test_a_demo_that_fails_leaves_nothing_behind():
    Company.objects.create(name="ACME machines")
    with pytest.raises(Exception, match=r"(?i)unique|one_company_a_name"):
        create_demo()

    assert User.objects.count() == 0
    assert Company.objects.count() == 1
