"""One service for each act: what it changes, what it writes down, and that every route is the same act (V38)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from accounts.models import Session, User
from accounts.people import lock_user
from audit.models import AuditEvent
from companies import services as companies
from mfa import services
from mfa.methods.passkeys.ceremonies import NewPasskey, Refused
from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode
from mfa.queries import State, listed_state, state_of, with_factors
from mfa.services import RequiredByCompany, Sessions
from tests.mfa.pages import OWN, audit_of, window_of
from tests.people import UUID_ZERO, Person

if TYPE_CHECKING:
    from collections.abc import Callable


def fresh(person: Person) -> User:
    """The person as the database has them."""
    return User.objects.select_related("company").get(pk=person.user.pk)


def actions(person: Person) -> list[str]:
    return [action for action, _ in audit_of(person.user)]


# --- Rows 3, 4 and 5 ---


def test_row_3_switching_on_asks_at_the_next_login(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)

    on = fresh(kim)
    assert on.two_factor_enabled
    assert on.two_factor_changed_by == admin
    assert on.two_factor_changed_at
    assert state_of(on, has_app=False) is State.ASKED
    assert audit_of(kim.user) == [("two_factor_enabled", "petra")]


def test_row_4_switching_off_removes_app_and_codes(kim_with_app, admin):
    kim_with_app.add_passkey()
    services.disable_two_factor(fresh(kim_with_app), actor=admin)

    assert not fresh(kim_with_app).two_factor_enabled
    assert not AuthenticatorApp.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert Passkey.objects.count() == 1, "passkeys stay"
    line = AuditEvent.objects.get(action="two_factor_disabled")
    assert line.details["changes"] == {
        "two_factor_enabled": [True, False],
        "authenticator_apps": [1, 0],
        "recovery_codes": [10, 0],
    }
    assert (line.actor, line.subject, line.company) == (admin, kim_with_app.user, kim_with_app.user.company)


def test_row_5_switching_off_what_is_not_set_up_asks_no_more(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    services.disable_two_factor(fresh(kim), actor=admin)

    assert state_of(fresh(kim), has_app=False) is State.OFF
    kim.enter_password()
    assert kim.is_in


def test_an_act_that_changes_nothing_writes_nothing(kim, admin):
    services.disable_two_factor(fresh(kim), actor=admin)
    services.enable_two_factor(fresh(kim), actor=admin)
    services.enable_two_factor(fresh(kim), actor=admin)
    services.delete_passkey_request(fresh(kim), actor=admin)
    services.request_passkey(fresh(kim), actor=admin)
    services.request_passkey(fresh(kim), actor=admin)

    assert actions(kim) == ["two_factor_enabled", "passkey_requested"]


def test_switching_on_again_does_not_change_who_did_it(kim, admin, company_admin):
    services.enable_two_factor(fresh(kim), actor=admin)
    services.enable_two_factor(fresh(kim), actor=company_admin)

    assert fresh(kim).two_factor_changed_by == admin


@pytest.mark.row("V35")
def test_people_cannot_switch_off_what_their_company_requires(kim_with_app, admin, company):
    companies.enable_company_two_factor(company, actor=admin)
    person = fresh(kim_with_app)

    with pytest.raises(RequiredByCompany):
        services.disable_two_factor(person, actor=person)

    assert fresh(kim_with_app).two_factor_enabled
    assert AuthenticatorApp.objects.exists()
    assert RecoveryCode.objects.count() == 10
    assert "two_factor_disabled" not in actions(kim_with_app)


@pytest.mark.row("V12")
def test_an_administrators_removal_escapes_no_company_rule(kim_with_app, admin, company):
    companies.enable_company_two_factor(company, actor=admin)
    services.disable_two_factor(fresh(kim_with_app), actor=admin)

    assert not AuthenticatorApp.objects.exists()
    assert kim_with_app.enter_password().headers["Location"] == "/login/setup/two-factor/"


def test_people_without_a_company_are_under_no_company_rule(admin):
    services.enable_two_factor(admin, actor=admin)
    services.disable_two_factor(admin, actor=admin)

    assert not User.objects.get(pk=admin.pk).two_factor_enabled


@pytest.mark.parametrize("act", [services.enable_two_factor, services.disable_two_factor])
@pytest.mark.parametrize("sessions", Sessions)
def test_sign_out_now_ends_every_session_at_once(kim, admin, act, sessions):
    kim.sign_in()
    elsewhere = Person(kim.user)
    elsewhere.sign_in()

    act(fresh(kim), actor=admin, sessions=sessions)

    assert kim.is_in is elsewhere.is_in is (sessions is Sessions.GO_ON)
    assert Session.objects.filter(user=kim.user).exists() is (sessions is Sessions.GO_ON)
    assert (("sessions_ended", "petra") in audit_of(kim.user)) is (sessions is Sessions.END)


# --- Rows 6, 7 and 8 ---


def test_row_6_and_7_a_passkey_is_requested_and_the_request_deleted(kim, admin):
    assert services.request_passkey(kim.user, actor=admin)
    assert PasskeyRequest.objects.get().requested_by == admin
    assert services.delete_passkey_request(kim.user, actor=admin)
    assert not services.delete_passkey_request(kim.user, actor=admin)

    assert not PasskeyRequest.objects.exists()
    assert actions(kim) == ["passkey_requested", "passkey_request_deleted"]


def test_an_open_request_stays_as_it_is(kim, admin, company_admin):
    services.request_passkey(kim.user, actor=admin)
    before = PasskeyRequest.objects.values().get()

    assert not services.request_passkey(kim.user, actor=company_admin)
    assert PasskeyRequest.objects.values().get() == before


def test_row_8_one_passkey_is_deleted_and_the_others_stay(kim, admin):
    first, second = kim.add_passkey(), kim.add_passkey()
    services.delete_passkey(first, actor=admin)

    assert Passkey.objects.get() == second
    assert actions(kim).count("passkey_deleted") == 1
    line = AuditEvent.objects.get(action="passkey_deleted")
    changes = {"passkeys": [2, 1]}
    assert line.details == {"name": first.name, "passkey": str(first.pk), "changes": changes}


def test_a_passkey_that_is_gone_already_is_deleted_without_a_line(kim, admin):
    passkey = kim.add_passkey()
    gone = Passkey.objects.get()
    services.delete_passkey(passkey, actor=admin)
    services.delete_passkey(gone, actor=admin)

    assert actions(kim).count("passkey_deleted") == 1


def test_a_passkey_is_suspended_once(kim):
    passkey = kim.add_passkey()
    services.suspend_passkey(passkey, "first")
    at = Passkey.objects.get().suspended_at
    services.suspend_passkey(passkey, "second")

    assert Passkey.objects.get().suspended_at == at
    assert [event.details["reason"] for event in AuditEvent.objects.filter(action="passkey_suspended")] == ["first"]


def test_a_passkey_id_belongs_to_one_person(kim, ada):
    kim.add_passkey()
    made = kim.authenticator.credentials[0]
    ada.authenticator.credentials = []
    new = NewPasskey(made.id, made.cose(), 0, UUID_ZERO, [], True, True)
    with pytest.raises(Refused):
        services.create_passkey(ada.user, new, actor=ada.user)

    assert Passkey.objects.get().user == kim.user
    assert "passkey_created" not in actions(ada)


# --- Company rules, as people feel them ---


def test_row_9_a_company_rule_asks_todays_and_future_people(kim, make_person, admin, company):
    companies.enable_company_two_factor(company, actor=admin)
    later = make_person("lena", company=company)

    for person in (kim, later):
        assert person.enter_password().headers["Location"] == "/login/setup/two-factor/"


def test_row_10_company_off_keeps_what_is_set_up_and_asks_nobody_else(kim_with_app, ada, admin, company):
    services.enable_two_factor(ada.user, actor=admin)
    companies.enable_company_two_factor(company, actor=admin)
    companies.disable_company_two_factor(company, actor=admin)

    assert kim_with_app.enter_password().headers["Location"] == "/login/challenge/"
    assert kim_with_app.enter_code().headers["Location"] == "/"
    assert ada.enter_password().headers["Location"] == "/"
    assert not fresh(ada).two_factor_enabled


@pytest.mark.row("V31")
def test_a_move_to_a_company_applies_its_rule(kim, admin, company, other_company):
    companies.enable_company_two_factor(other_company, actor=admin)
    kim.user.company = other_company
    kim.user.save()

    assert kim.enter_password().headers["Location"] == "/login/setup/two-factor/"


# --- V38: the same act by every route ---


def lines_of(act: Callable[[], object], subject: User) -> list[tuple[str, object, object, Any]]:
    """What `act` writes down about `subject`: action, company and details, without ids that differ by chance."""
    before = set(AuditEvent.objects.values_list("pk", flat=True))
    act()
    events = AuditEvent.objects.filter(subject=subject).exclude(pk__in=before).order_by("pk")
    return [
        (event.action, event.subject_id, event.company_id, {k: v for k, v in event.details.items() if k != "passkey"})
        for event in events
    ]


def prepare(act: str, kim: Person, admin: User) -> Passkey | None:
    """Undo what an earlier route did."""
    if act == "two-factor/on/":
        User.objects.update(two_factor_enabled=False)
    if act == "two-factor/off/":
        kim.set_up_app()
    if act == "passkeys/request/":
        PasskeyRequest.objects.all().delete()
    if act == "passkeys/request/delete/":
        PasskeyRequest.objects.get_or_create(user=kim.user, requested_by=admin)
    if act.endswith("{passkey}/delete/"):
        return kim.add_passkey()
    return None


def by_service(act: str, kim: Person, admin: User, passkey: Passkey | None) -> None:
    """As a command would do it."""
    if act == "two-factor/on/":
        services.enable_two_factor(fresh(kim), actor=admin)
    elif act == "two-factor/off/":
        services.disable_two_factor(fresh(kim), actor=admin)
    elif act == "passkeys/request/":
        services.request_passkey(fresh(kim), actor=admin)
    elif act == "passkeys/request/delete/":
        services.delete_passkey_request(fresh(kim), actor=admin)
    else:
        assert passkey
        services.delete_passkey(passkey, actor=admin)


@pytest.mark.row("V38")
@pytest.mark.parametrize(
    ("act", "action"),
    [
        ("two-factor/on/", "two_factor_enabled"),
        ("two-factor/off/", "two_factor_disabled"),
        ("passkeys/request/", "passkey_requested"),
        ("passkeys/request/delete/", "passkey_request_deleted"),
        ("passkeys/{passkey}/delete/", "passkey_deleted"),
    ],
)
def test_one_act_is_one_line_by_every_route(kim, administrator, carla, admin, act, action):
    kim.sign_in()
    kept = []
    for route in ("owner", "administrator", "company administrator", "service"):
        passkey = prepare(act, kim, admin)
        path = act.format(passkey=passkey.pk if passkey else "")
        if route == "owner" and kim.app_key:
            kim.client.post("/confirm/", {"code": kim.code()})
        if route == "owner" and passkey:
            kim.use_passkey()
        routes: dict[str, Callable[[], object]] = {
            "owner": lambda path=path: kim.client.post(OWN + path),
            "administrator": lambda path=path: administrator.client.post(window_of(kim.user) + path),
            "company administrator": lambda path=path: carla.client.post(window_of(kim.user) + path),
            "service": lambda passkey=passkey: by_service(act, kim, admin, passkey),
        }
        kept.append(lines_of(routes[route], kim.user))
        kim.authenticator.credentials.clear()

    assert [line[0] for line in kept[0]] == [action]
    assert kept[0] == kept[1] == kept[2] == kept[3]


@pytest.mark.row("V38")
def test_the_line_says_who_acted_and_from_where(kim, administrator):
    administrator.client.post(f"{window_of(kim.user)}two-factor/on/")
    services.request_passkey(kim.user, actor=administrator.user)

    by_screen, by_command = AuditEvent.objects.filter(subject=kim.user).order_by("pk")
    assert (by_screen.actor, by_command.actor) == (administrator.user, administrator.user)
    assert by_screen.address == "127.0.0.1"
    assert "Chrome" in by_screen.browser
    assert (by_command.address, by_command.browser) == (None, "")


# --- Queries ---


def test_lists_tell_of_everybody_what_the_rules_demand(kim_with_app, ada, make_person, admin, company):
    services.enable_two_factor(ada.user, actor=admin)
    services.request_passkey(ada.user, actor=admin)
    off = make_person("otto")
    lock_user(off.user, actor=admin)
    people = User.objects.filter(company=company)
    companies.enable_company_two_factor(company, actor=admin)
    stated = {p.pk: listed_state(p) for p in with_factors(people.select_related("company"))}
    assert stated == {kim_with_app.user.pk: State.SET_UP, ada.user.pk: State.ASKED, off.user.pk: State.ASKED}


def test_suspended_passkeys_and_unconfirmed_apps_are_not_counted(kim_with_app):
    kim_with_app.add_passkey()
    services.suspend_passkey(kim_with_app.add_passkey(), "a test")
    AuthenticatorApp.objects.update(confirmed=False)

    counted: Any = with_factors(User.objects.filter(pk=kim_with_app.user.pk)).get()
    assert (counted.has_app, counted.passkey_count, counted.passkey_requested) == (False, 1, False)


@pytest.mark.row("V17")
@pytest.mark.parametrize("model", [AuthenticatorApp, RecoveryCode, Passkey, PasskeyRequest])
def test_nothing_that_describes_a_factor_shows_its_secret(kim_with_app, admin, model):
    kim_with_app.add_passkey()
    services.request_passkey(kim_with_app.user, actor=admin)
    row = model.objects.first()

    described = f"{row} {row!r}"
    for secret in (*kim_with_app.codes, kim_with_app.app_key.hex(), str(kim_with_app.app_key)):
        assert secret not in described
