"""People: what they are called, who manages them, and the acts on them, each with its audit line."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import people
from accounts.models import Role, Session, User
from audit.models import AuditEvent
from companies.services import end_company_sessions
from tests.people import Person


def lines():
    """The audit, oldest first: (action, actor, subject)."""
    return list(AuditEvent.objects.order_by("pk").values_list("action", "actor__username", "subject__username"))


# --- Names and roles ---


@pytest.mark.parametrize(
    ("first", "last", "full", "short"),
    [
        ("Kim", "Hansen", "Kim Hansen", "Kim"),
        ("Kim", "", "Kim", "Kim"),
        ("", "Hansen", "Hansen", "Hansen"),
        ("", "", "kim", "kim"),
        ("Nguyễn Thị", "Anh", "Nguyễn Thị Anh", "Nguyễn Thị"),
    ],
)
def test_people_are_called_by_what_is_on_record(first, last, full, short):
    person = User(username="kim", first_name=first, last_name=last)

    assert (person.get_full_name(), person.get_short_name()) == (full, short)


@pytest.mark.parametrize(
    ("role", "opens"),
    [*((role, role != Role.MEMBER) for role in Role), ("x", False)],
)
def test_everybody_but_members_opens_the_settings_app(role, opens):
    assert User(role=role).opens_settings is opens


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("companys", [True, False, None])
def test_2fa_is_required_where_either_switch_is_on(own, companys, make_user, company):
    company.two_factor_enabled = bool(companys)
    person = make_user("kim", company=None if companys is None else company, two_factor_enabled=own)

    assert person.two_factor_required is (own or bool(companys))
    assert person.required_by_company is bool(companys)


def test_who_manages_whom(make_user, other_company):
    users = {
        "ada": make_user("ada", role=Role.ADMINISTRATOR, company=None),
        "alan": make_user("alan", role=Role.ADMINISTRATOR),
        "carla": make_user("carla", role=Role.COMPANY_ADMINISTRATOR),
        "cora": make_user("cora", role=Role.COMPANY_ADMINISTRATOR),
        "kim": make_user("kim"),
        "inga": make_user("inga", is_active=False),
        "xaver": make_user("xaver", company=other_company),
        "nora": make_user("nora", role=Role.COMPANY_ADMINISTRATOR, company=None),
        "norbert": make_user("norbert", company=None),
    }
    managed = {
        name: set(User.objects.managed_by(user).values_list("username", flat=True)) for name, user in users.items()
    }

    assert managed == {
        "ada": set(users),
        "alan": set(users),
        "carla": {"carla", "cora", "kim", "inga"},
        "cora": {"carla", "cora", "kim", "inga"},
        "kim": set(),
        "inga": set(),
        "xaver": set(),
        "nora": set(),
        "norbert": set(),
    }


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", {"kim", "amelie"}),
        ("kim", {"kim"}),
        ("HANSEN kim", {"kim"}),
        ("amélie", {"amelie"}),
        ("AMÉLIE marchetti", {"amelie"}),
        ("acme.example", {"kim", "amelie"}),
        ("kim amelie", set()),
        ("%", set()),
        ("_", set()),
        ("k\x00im", {"kim"}),
        ("\x00", {"kim", "amelie"}),
        (" ".join(["kim"] * 8 + ["nobody"]), {"kim"}),
    ],
)
def test_people_are_found_by_any_part_of_their_names_and_address(words, found, make_user):
    make_user("kim", first_name="Kim", last_name="Hansen")
    make_user("amelie", first_name="Amélie", last_name="Dubois-Marchetti")

    assert set(User.objects.get_queryset().search(words).values_list("username", flat=True)) == found


# --- Acts ---


def test_a_new_person_has_no_password_and_a_line_in_the_audit(admin, company):
    person = User(username="nadia", company=company, password="sneaked in")

    people.create_user(person, actor=admin)

    person.refresh_from_db()
    assert not person.has_usable_password()
    assert lines() == [("user_created", "petra", "nadia")]
    assert AuditEvent.objects.get().company == company
    details = AuditEvent.objects.get().details
    assert details["role"] == "member"
    assert details["changes"] == {
        "username": ["", "nadia"],
        "first_name": ["", ""],
        "last_name": ["", ""],
        "email": ["", ""],
        "language": ["", ""],
        "role": ["", "member"],
        "company": ["", str(company.pk)],
    }


def test_a_person_who_cannot_be_saved_leaves_no_line(admin, kim):
    with pytest.raises(IntegrityError), transaction.atomic():
        people.create_user(User(username="KIM"), actor=admin)

    assert lines() == []


def test_a_changed_profile_says_what_was_and_what_is(admin, kim, other_company):
    before = str(kim.user.company_id)
    kim.user.first_name, kim.user.company, kim.user.role = "Kimberly", other_company, Role.COMPANY_ADMINISTRATOR
    kim.user.email = ""

    people.change_user(kim.user, changed=["first_name", "company", "role", "email"], actor=admin)

    assert AuditEvent.objects.get().details["changes"] == {
        "first_name": ["Kim", "Kimberly"],
        "company": [before, str(other_company.pk)],
        "role": ["member", "company_administrator"],
        "email": ["kim@acme.example", ""],
    }
    kim.user.refresh_from_db()
    assert (kim.user.first_name, kim.user.email_folded, kim.user.search_text.split("\n")[0]) == (
        "Kimberly",
        "",
        "kimberly",
    )


@pytest.mark.parametrize("changed", [[], ["password"], ["is_active", "session_epoch", "two_factor_enabled"]])
def test_what_is_no_part_of_the_profile_is_not_changed_by_it(changed, admin, kim):
    kim.user.is_active = False
    kim.user.two_factor_enabled = True
    kim.user.password = "x"

    people.change_user(kim.user, changed=changed, actor=admin)

    kim.user.refresh_from_db()
    assert (kim.user.is_active, kim.user.two_factor_enabled) == (True, False)
    assert kim.user.has_usable_password()
    assert lines() == []


def test_fields_that_were_not_named_stay_as_they_are_in_the_database(admin, kim):
    stale = User.objects.get(pk=kim.user.pk)
    User.objects.filter(pk=kim.user.pk).update(two_factor_enabled=True, session_epoch=7)
    stale.first_name, stale.last_name = "Kimberly", "not named"

    people.change_user(stale, changed=["first_name"], actor=admin)

    kim.user.refresh_from_db()
    assert (kim.user.first_name, kim.user.last_name) == ("Kimberly", "Hansen")
    assert (kim.user.two_factor_enabled, kim.user.session_epoch) == (True, 7)


@pytest.mark.row("V30")
def test_a_renamed_person_keeps_their_factors_and_signs_in_under_the_new_name(admin, kim):
    kim.set_up_app()
    kim.add_passkey()
    kim.user.username = "kimberly"

    people.change_user(kim.user, changed=["username"], actor=admin)

    assert kim.enter_password().headers["Location"] == "/login/challenge/"
    assert kim.enter_code().status_code == 302
    assert kim.is_in
    assert kim.user.passkeys.count() == 1


@pytest.mark.row("V31")
def test_somebody_who_moves_to_a_company_that_requires_2fa_is_asked_at_the_next_login(admin, kim, other_company):
    other_company.two_factor_enabled = True
    other_company.save()
    kim.user.company = other_company

    people.change_user(kim.user, changed=["company"], actor=admin)

    assert kim.enter_password().headers["Location"] == "/login/setup/two-factor/"


def test_deactivating_twice_writes_one_line_and_so_does_activating(admin, kim):
    for _time in range(2):
        people.deactivate_user(kim.user, actor=admin)
    for _time in range(2):
        people.activate_user(kim.user, actor=admin)

    assert lines() == [("user_deactivated", "petra", "kim"), ("user_activated", "petra", "kim")]


def test_activating_somebody_does_not_bring_their_sessions_back(admin, kim):
    kim.sign_in()
    key = kim.client.cookies["session"].value

    people.deactivate_user(kim.user, actor=admin)
    people.activate_user(kim.user, actor=admin)

    kim.client.cookies["session"] = key
    assert not kim.is_in
    kim.sign_in()
    assert kim.is_in


def test_ending_a_companys_sessions_costs_the_same_however_many_people_it_has(admin, make_user, company):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            end_company_sessions(company, actor=admin)
        return len(queries)

    make_user("kim")
    few = cost()
    for number in range(5):
        person = Person(make_user(f"user{number}"))
        person.sign_in()

    assert cost() == few
    assert not Session.objects.filter(user__company=company).exists()


def test_ending_a_companys_sessions_ends_no_others(admin, kim, make_person, other_company, company):
    xaver = make_person("xaver", company=other_company)
    for person in (kim, xaver):
        person.sign_in()

    end_company_sessions(company, actor=admin)

    assert not kim.is_in
    assert xaver.is_in
    line = AuditEvent.objects.latest("pk")
    assert (line.action, line.actor, line.subject, line.company) == ("company_sessions_ended", admin, None, company)


def test_a_change_of_password_is_one_line_and_no_other_column(kim):
    before = dict(User.objects.filter(pk=kim.user.pk).values().get())

    people.change_password(kim.user, "four other words", actor=kim.user)

    after = dict(User.objects.filter(pk=kim.user.pk).values().get())
    assert {name for name in after if after[name] != before[name]} == {"password"}
    assert lines() == [("password_changed", "kim", "kim")]
    assert AuditEvent.objects.get().details == {}


def test_a_person_with_a_line_in_the_audit_cannot_be_deleted_from_under_it(admin, kim):
    people.end_sessions(kim.user, actor=admin)

    for person in (admin, kim.user):
        with pytest.raises(IntegrityError), transaction.atomic():
            person.delete()


def test_an_audit_line_is_named_by_its_time_act_and_subject(admin, kim):
    people.end_sessions(kim.user, actor=admin)
    line = AuditEvent.objects.get()

    assert str(line) == f"{line.at:%Y-%m-%d %H:%M:%S} sessions_ended {kim.user.pk}"
    assert str(AuditEvent(at=line.at, action="refused")).endswith("refused ")
