"""Everybody has a budget of mails that they can cause to others: every address of the site is tried.

Mails about an act to its person are not held to it: they say what happened, and tell of one thing once a minute.
"""

from __future__ import annotations

from time import time

import pytest
from django.db import transaction

from accounts import people
from accounts.models import Budget, Role, User
from accounts.throttle import lanes
from notices.table import NOTICES
from tests.accounts.walk import pages
from tests.people import PASSWORD

# One form with what every form of the site asks for.
FILLED = {
    "first_name": "Nele", "last_name": "Berg", "username": "nele", "email": "nele@elsewhere.example", "language": "",
    "role": "member", "name": "Another name", "checked": "in_person", "reason": "They stand before me.",
    "old_password": PASSWORD, "new_password1": "four words in line", "new_password2": "four words in line",
}  # fmt: skip
ABOUT_AN_ACT = {f"m2v: {notice.headline}" for notices in NOTICES.values() for notice in notices}
BUDGETED = {
    "settings:user",
    "settings:user_new",
    "settings:user_invite",
    "settings:user_let_in",
    "settings:user_remind",
    "settings:user_password_reset",
    "settings:company_on",
    "user_settings",
}
OF_THE_SITE = {"settings:rule_on", "settings:rule_off"}


@pytest.fixture
def subjects(make_user, company, admin):
    """People in every state in which mail goes to them."""
    locked = make_user("lukas", first_name="Lukas")
    people.lock_user(locked, actor=admin)
    invited = make_user("nora", first_name="Nora", password=None)
    return [make_user("mia", first_name="Mia", two_factor_enabled=True), locked, invited]


@pytest.fixture(params=[Role.ADMINISTRATOR, Role.COMPANY_ADMINISTRATOR, Role.MEMBER])
def actor(request, make_person, company, admin):
    of = None if request.param == Role.ADMINISTRATOR else company
    person = make_person("alex", first_name="Alex", role=request.param, company=of)
    person.sign_in()
    return person


@pytest.fixture
def tried(actor, subjects, company, mailoutbox, django_capture_on_commit_callbacks):
    """`tried()` posts to every address, as far as `actor` gets there: for each what mail went to others, and if it took.

    What an attempt does is undone.
    """

    def post(path):
        form = FILLED | ({"company": str(company.pk)} if actor.user.role == Role.ADMINISTRATOR else {})
        with transaction.atomic():
            before, addresses = taken(), set(User.objects.values_list("email", flat=True))
            with django_capture_on_commit_callbacks(execute=True):
                status = actor.client.post(path, form).status_code
            mails = [mail for mail in mailoutbox if mail.to != [actor.user.email]]
            loose = [mail for mail in mails if mail.subject not in ABOUT_AN_ACT or mail.to[0] not in addresses]
            circular = len({mail.to[0] for mail in mails}) > 1
            took = taken() > before
            transaction.set_rollback(True)
        mailoutbox.clear()
        return status, mails, loose or (mails if circular else []), took

    def taken():
        return sum(Budget.objects.filter(pk__startswith="mails:").values_list("failures", flat=True))

    def each():
        for page in pages():
            if "POST" not in page.methods or page.public:
                continue
            for subject in subjects if page.has("user_id") else [actor.user]:
                path = page.path(user_id=subject.pk, company_id=company.pk)
                yield page.name, subject.username, *post(path)

    return each


def test_no_address_of_the_site_mails_others_without_a_budget(tried, actor):
    found = {}
    for name, subject, status, _mails, loose, took in tried():
        assert status != 500
        assert took or not loose, f"{name} for {subject} mails {[(mail.subject, mail.to) for mail in loose]}"
        if took:
            found.setdefault(name, set()).add(subject)

    expected = {
        Role.MEMBER: {"user_settings"},
        Role.COMPANY_ADMINISTRATOR: BUDGETED,
        Role.ADMINISTRATOR: BUDGETED | OF_THE_SITE,
    }
    assert set(found) == expected[actor.user.role]
    if actor.user.role != Role.MEMBER:
        assert found["settings:user"] == {"mia", "lukas", "nora"}


def test_a_budget_that_is_used_up_sends_nothing_and_changes_nothing(tried, actor):
    for lane in lanes.actor_lanes("mails", actor.user):
        Budget.objects.create(key=lane.key, failures=400, blocked_until=time() + 600, last_at=time(), began_at=time())

    statuses = {}
    for name, subject, status, _mails, loose, took in tried():
        assert not took
        assert loose == [], f"{name} for {subject} mails {[(mail.subject, mail.to) for mail in loose]}"
        statuses[name, subject] = status

    assert statuses["user_settings", "alex"] == 429
    if actor.user.role != Role.MEMBER:
        assert [statuses["settings:user", subject] for subject in ("mia", "lukas", "nora")] == [429] * 3
        assert statuses["settings:user_let_in", "lukas"] == 429
        assert statuses["settings:user_new", "alex"] == 429


def test_an_administrator_of_the_site_enters_many_addresses_and_not_any_number(administrator, make_user, mailoutbox):
    mia = make_user("mia", first_name="Mia")
    Budget.objects.create(
        key=lanes.actor_lanes("mails", administrator.user)[0].key,
        failures=290,
        blocked_until=0,
        last_at=time(),
        began_at=time(),
    )
    form = {"first_name": "Mia", "username": "mia", "role": "member", "company": str(mia.company_id)}
    path = f"/settings/administration/users/{mia.pk}/"

    answers = [
        administrator.client.post(path, form | {"email": f"mia{number}@elsewhere.example"}) for number in range(15)
    ]

    assert [answer.status_code for answer in answers].count(302) == 10
    assert "Too many attempts" in answers[-1].content.decode()
    same = administrator.client.post(path, form | {"first_name": "Maria", "email": mia.email})
    assert same.status_code == 302, "what mails nobody goes on"


def test_a_members_address_takes_nothing_from_their_administrators(make_person, company_admin):
    shared = {lane.key for lane in lanes.actor_lanes("mails", company_admin)}

    assert not shared & {lane.key for lane in lanes.actor_lanes("mails", make_person("mia").user)}
