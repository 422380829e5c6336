"""A page that was opened before somebody else changed the row: only what its reader changed is written."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from accounts import people
from accounts.models import Role, User
from audit.models import AuditEvent
from companies import services as companies
from companies.access_passes import Validity, demand_passes, give_pass, withdraw_pass
from companies.forms import UserForm
from companies.letting_in import APP, CODES, let_in
from companies.lost_phone import reset
from companies.models import Company
from mfa import services
from mfa.models import AccessPass, AuthenticatorApp, Passkey, RecoveryCode
from tests.accounts.walk import everything
from tests.companies import COMPANIES, USERS, press, read
from tests.mfa.pages import words

if TYPE_CHECKING:
    from tests.people import Person

PROFILE = "/user-settings/"
OWN = "/user-settings/mfa/"


def fields_of(person: Person, path: str) -> dict[str, str]:
    """What the form on this page sends if nothing is changed in it."""
    page = read(person.client.get(path))
    typed = page.all("input", type="text") + page.all("input", type="email") + page.all("input", id="id_name")
    sent = {one.attrs["name"]: one.attrs.get("value", "") for one in typed + page.all("input", type="hidden")}
    for choice in page.all("select"):
        chosen = [one.attrs["value"] for one in choice.all("option") if "selected" in one.attrs]
        sent[choice.attrs["name"]] = chosen[0] if chosen else ""
    return {name: value for name, value in sent.items() if name != "csrfmiddlewaretoken"}


def change(user: User, actor: User, **values: object) -> None:
    now = User.objects.get(pk=user.pk)
    for name, value in values.items():
        setattr(now, name, value)
    people.change_user(now, changed=list(values), actor=actor)


@pytest.fixture
def boss(make_user) -> User:
    """Another administrator, whose page is open."""
    return make_user("olaf", first_name="Olaf", last_name="Berg", role=Role.ADMINISTRATOR, company=None)


def test_an_older_page_makes_nobody_administrator_again(administrator, admin, boss, make_user, company):
    second = make_user("third", role=Role.ADMINISTRATOR, company=None)
    path = f"{USERS}{boss.pk}/"
    sent = fields_of(administrator, path)
    change(boss, second, role=Role.MEMBER, company=company)

    answer = administrator.client.post(path, sent | {"first_name": "Olav"}, follow=True)

    boss.refresh_from_db()
    assert (boss.first_name, boss.role, boss.company) == ("Olav", Role.MEMBER, company)
    assert "Changed meanwhile: Role is now “Member”." in read(answer).words
    assert "Changed meanwhile: Company is now “Acme Machines”." in read(answer).words
    line = AuditEvent.objects.filter(action="user_changed").latest("pk")
    assert (line.actor, list(line.details["changes"])) == (admin, ["first_name"])


def test_an_older_page_puts_back_no_address_that_its_owner_changed(administrator, kim):
    path = f"{USERS}{kim.user.pk}/"
    sent = fields_of(administrator, path)
    User.objects.filter(pk=kim.user.pk).update(email="kim.hansen@acme.example")  # as opening its link does

    answer = administrator.client.post(path, sent | {"last_name": "Hansen-Berg"}, follow=True)

    kim.user.refresh_from_db()
    assert (kim.user.last_name, kim.user.email) == ("Hansen-Berg", "kim.hansen@acme.example")
    assert "is now “kim.hansen@acme.example”." in read(answer).words


def test_a_company_administrators_older_page_raises_nobody(carla, admin, make_user):
    ada = make_user("ada", role=Role.COMPANY_ADMINISTRATOR)
    path = f"{USERS}{ada.pk}/"
    sent = fields_of(carla, path)
    change(ada, admin, role=Role.MEMBER)

    carla.client.post(path, sent | {"first_name": "Ada"})

    ada.refresh_from_db()
    assert (ada.first_name, ada.role) == ("Ada", Role.MEMBER)


def test_ones_own_older_page_undoes_no_correction(kim, admin):
    kim.sign_in()
    sent = fields_of(kim, PROFILE)
    change(kim.user, admin, last_name="Hanssen")

    answer = kim.client.post(PROFILE, sent | {"first_name": "Kimberly"}, follow=True)

    kim.user.refresh_from_db()
    assert (kim.user.first_name, kim.user.last_name) == ("Kimberly", "Hanssen")
    assert "Last name is now “Hanssen”." in read(answer).words


def test_of_two_who_change_one_field_the_second_sees_the_firsts_value_before_theirs_is_written(administrator, kim):
    path = f"{USERS}{kim.user.pk}/"
    mine = fields_of(administrator, path) | {"first_name": "Kimberly", "last_name": "Berg"}
    change(kim.user, kim.user, first_name="Kimi")

    answer = administrator.client.post(path, mine)

    kim.user.refresh_from_db()
    assert (answer.status_code, kim.user.first_name, kim.user.last_name) == (400, "Kimi", "Hansen")
    page = read(answer, 400)
    assert "This was changed meanwhile, to “Kimi”." in page.words
    assert page.one("input", name="first_name").attrs["value"] == "Kimberly"
    again = {one.attrs["name"]: one.attrs.get("value", "") for one in page.all("input", type="hidden")}
    assert administrator.client.post(path, mine | again).status_code == 302
    kim.user.refresh_from_db()
    assert (kim.user.first_name, kim.user.last_name) == ("Kimberly", "Berg")


def test_two_who_make_the_same_change_disagree_about_nothing(administrator, kim):
    path = f"{USERS}{kim.user.pk}/"
    mine = fields_of(administrator, path) | {"first_name": "Kimberly"}
    change(kim.user, kim.user, first_name="Kimberly")

    assert administrator.client.post(path, mine).status_code == 302
    assert AuditEvent.objects.filter(action="user_changed").count() == 1


@pytest.mark.parametrize("kept", ["kim@bücher.example", "kim@xn--bcher-kva.example"])
@pytest.mark.parametrize("sent", ["kim@bücher.example", "kim@xn--bcher-kva.example", "kim@BÜCHER.example"])
def test_an_address_in_another_spelling_is_no_change(kept, sent, kim):
    """Browsers send their own spelling of a domain."""
    User.objects.filter(pk=kim.user.pk).update(email=kept)
    kim.sign_in()
    page = fields_of(kim, PROFILE)

    assert kim.client.post(PROFILE, page | {"email": sent}).status_code == 302

    kim.user.refresh_from_db()
    assert kim.user.email == kept
    assert not AuditEvent.objects.filter(action="user_changed").exists()


def test_a_field_that_was_emptied_meanwhile_is_said_to_be_empty(administrator, kim):
    path = f"{USERS}{kim.user.pk}/"
    sent = fields_of(administrator, path)
    change(kim.user, kim.user, last_name="")

    assert "to empty." in read(administrator.client.post(path, sent | {"last_name": "Berg"}), 400).words


def test_a_company_renamed_meanwhile_keeps_that_name_until_it_was_seen(administrator, company, admin):
    path = f"{COMPANIES}{company.pk}/edit/"
    untouched = fields_of(administrator, path)
    mine = untouched | {"name": "Acme Werke"}
    companies.rename_company(Company.objects.get(), "Acme AG", actor=admin)

    answer = administrator.client.post(path, mine)
    assert answer.status_code == 400
    assert "to “Acme AG”." in read(answer, 400).words
    assert administrator.client.post(path, untouched).status_code == 302
    assert Company.objects.get().name == "Acme AG"
    seen_now = {one.attrs["name"]: one.attrs["value"] for one in read(answer, 400).all("input", type="hidden")}
    administrator.client.post(path, mine | seen_now)
    assert Company.objects.get().name == "Acme Werke"


def test_a_passkey_renamed_meanwhile_keeps_that_name_until_it_was_seen(kim):
    passkey = kim.add_passkey()
    kim.use_passkey()
    path = f"{OWN}passkeys/{passkey.pk}/rename/"
    mine = fields_of(kim, path) | {"name": "Old phone"}
    services.rename_passkey(passkey, "New phone", actor=kim.user)

    answer = kim.client.post(path, mine)

    assert answer.status_code == 400
    assert "to “New phone”." in read(answer, 400).words
    assert Passkey.objects.get().name == "New phone"


@pytest.mark.parametrize("row", ["person", "company", "passkey"])
def test_what_changes_between_the_look_and_the_lock_is_not_lost_either(row, kim, admin, company):
    if row == "person":
        form = UserForm(
            {"first_name": "Kimberly", "username": "kim", "company": str(company.pk), "role": "member"},
            instance=User.objects.get(pk=kim.user.pk),
            actor=admin,
            companies=Company.objects.all(),
        )
        assert form.is_valid()
        change(kim.user, kim.user, first_name="Kimi")
        act = lambda: people.change_user(  # noqa: E731
            form.instance, changed=form.changed_data, actor=admin, seen=form.decided_on()
        )
    elif row == "company":
        companies.rename_company(Company.objects.get(), "Acme AG", actor=admin)
        act = lambda: companies.rename_company(company, "Acme", actor=admin, seen="Acme Machines")  # noqa: E731
    else:
        passkey = kim.add_passkey()
        services.rename_passkey(passkey, "New phone", actor=kim.user)
        act = lambda: services.rename_passkey(passkey, "Old", actor=kim.user, seen=passkey.name)  # noqa: E731

    with pytest.raises(people.ChangedMeanwhile):
        act()


# --- What somebody holds ---

WHY = {"checked": "in_person", "reason": "Lost", "valid": "60"}


@pytest.fixture
def kim_with_all(kim) -> Person:
    kim.set_up_app()
    kim.add_passkey()
    return kim


@pytest.fixture
def hanna(make_person) -> Person:
    """The site's helpdesk, at work beside the administrator."""
    hanna = make_person("hanna", first_name="Hanna", last_name="Weber", role=Role.HELPDESK, company=None)
    hanna.sign_in()
    return hanna


def of_kim(kim: Person, act: str) -> str:
    return f"{USERS}{kim.user.pk}/{act}/?on=user"


def give(kim: Person, by: User) -> None:
    give_pass(kim.user, valid=Validity.AN_HOUR, checked="in_person", reason="First day", actor=by)


CHANGES = {
    "an app that goes": lambda kim, by: services.disable_two_factor(kim.user, actor=by),
    "a passkey that comes": lambda kim, by: kim.add_passkey(),
    "a passkey that goes": lambda kim, by: services.delete_passkey(Passkey.objects.get(), actor=by),
    "a pass": give,
    "another app": lambda kim, by: kim.set_up_app(),
    "other codes": lambda kim, by: RecoveryCode.objects.update(created_at=timezone.now()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_lost_is_removed_on_a_page_that_shows_what_there_is(kim_with_all, administrator, hanna, change):
    page = of_kim(kim_with_all, "lost-phone")
    older = hanna.client.get(page)
    CHANGES[change](kim_with_all, administrator.user)
    before = everything()

    newer = press(hanna.client, older, "Confirm", **WHY)

    assert everything() == before
    dialog = read(newer, 400).dialog
    said = "This account was changed after this page was opened, and nothing was done."
    assert (said in dialog.words, read(newer, 400).words.count(said)) == (True, 1), "the page behind says nothing of it"
    with pytest.raises(people.ChangedMeanwhile):
        reset(kim_with_all.user, lost=[APP], actor=hanna.user, seen=seen_on(older), checked="in_person", reason="Lost")
    press(hanna.client, hanna.client.get(page), "Confirm", checked="in_person", reason="Lost")
    assert AuditEvent.objects.filter(subject=kim_with_all.user, actor=hanna.user).exists()


def seen_on(page) -> str:
    return read(page, page.status_code).dialog.one("input", name="seen").attrs["value"]


def test_a_pass_that_a_colleague_has_just_made_is_not_ended_unseen(kim_with_all, administrator, hanna):
    """Two at once on one call: the second reads of the first one's pass before it ends, and that it did."""
    page = of_kim(kim_with_all, "lost-phone")
    older = hanna.client.get(page)
    assert "open access pass" not in words(older)
    press(administrator.client, administrator.client.get(page), "Confirm", **WHY)
    given = AccessPass.objects.get()

    newer = press(hanna.client, older, "Confirm", **WHY)

    assert AccessPass.objects.get().digest == given.digest
    assert AccessPass.objects.get().is_open
    said = read(newer, 400).dialog.words
    assert re.search(r"Kim has an open access pass: made by Petra Vogt today, ..:.., good until today, ..:..\.", said)
    assert "Confirming ends it." in said
    done = press(hanna.client, newer, "Confirm", **WHY)
    assert AccessPass.objects.get().digest != given.digest
    assert re.search("made by Petra Vogt today, ..:.. opens nothing any more", words(done))


@pytest.mark.parametrize("ended", ["by what goes", "by signing out"])
def test_a_reset_without_a_pass_says_which_one_it_ended(kim_with_all, administrator, ended):
    give(kim_with_all, administrator.user)
    ticked = {"app": "on"} if ended == "by what goes" else {"sign_out": "on"}
    asked = administrator.client.get(of_kim(kim_with_all, "lost-phone"))
    assert "made by you today" in words(asked)

    said = administrator.client.post(
        of_kim(kim_with_all, "lost-phone"), WHY | ticked | {"seen": seen_on(asked)}, follow=True
    )

    assert re.search("made by you today, ..:.. opens nothing any more", words(said))
    assert "is not signed in anywhere" not in words(said)


def test_the_pass_that_is_withdrawn_is_the_one_that_the_page_shows(kim_with_all, administrator, hanna):
    give(kim_with_all, administrator.user)
    page = of_kim(kim_with_all, "access-pass/withdraw")
    older = administrator.client.get(page)
    assert "made by you today" in words(older)
    first = AccessPass.objects.get().created_at
    give(kim_with_all, hanna.user)

    newer = press(administrator.client, older, "Confirm")

    assert AccessPass.objects.get().is_open
    said = read(newer, 400).dialog.words
    assert "This account was changed" in said
    assert "made by Hanna Weber today" in said
    with pytest.raises(people.ChangedMeanwhile):
        withdraw_pass(kim_with_all.user, actor=administrator.user, made=first)
    press(administrator.client, newer, "Confirm")
    assert not AccessPass.objects.get().is_open


def relocked(kim: Person, by: User) -> None:
    User.objects.filter(pk=kim.user.pk).update(locked_at=timezone.now())


AFTER_A_LOCK = {
    "a passkey that goes": CHANGES["a passkey that goes"],
    "an app that goes": CHANGES["an app that goes"],
    "another lock": relocked,
    "what was kept apart": lambda kim, by: RecoveryCode.everything.filter(removed_at__isnull=False).update(
        removed_at=timezone.now() - timedelta(days=2)
    ),
}


@pytest.mark.parametrize("change", AFTER_A_LOCK)
def test_a_locked_person_is_let_in_on_a_page_that_shows_what_there_is(kim_with_all, administrator, hanna, change):
    reset(kim_with_all.user, lost=[CODES], actor=hanna.user, checked="in_person", reason="Lost")
    people.lock_user(kim_with_all.user, actor=administrator.user)
    page = f"{USERS}{kim_with_all.user.pk}/let-in/"
    older = administrator.client.get(page)
    word = read(older).one("input", name="seen").attrs["value"]
    kim_with_all.user.refresh_from_db()
    AFTER_A_LOCK[change](kim_with_all, administrator.user)
    before = everything()

    newer = press(administrator.client, older, "Let Kim in again", checked="in_person", reason="It was Kim")

    assert everything() == before
    assert "This account was changed after this page was opened" in read(newer, 400).words
    with pytest.raises(people.ChangedMeanwhile):
        let_in(kim_with_all.user, kept=[], actor=administrator.user, seen=word, checked="in_person", reason="It was")
    press(administrator.client, administrator.client.get(page), "Let Kim in again", checked="in_person", reason="It")
    kim_with_all.user.refresh_from_db()
    assert kim_with_all.user.locked_at is None


# --- The confirmations of the window ---

OLDER = "This account was changed after this page was opened, and nothing was done."


def set_up_meanwhile(kim, admin, company):
    kim.set_up_app()


def anew_meanwhile(kim, admin, company):
    kim.set_up_app()


def passkey_gone_meanwhile(kim, admin, company):
    services.delete_passkey(kim.user.passkeys.get(), actor=admin)


def suspended_meanwhile(kim, admin, company):
    services.suspend_passkey(kim.user.passkeys.get(), "counter")


def rule_gone_meanwhile(kim, admin, company):
    companies.disable_company_two_factor(company, actor=admin)


def pass_demanded_meanwhile(kim, admin, company):
    demand_passes(company, actor=admin)


@pytest.mark.parametrize(
    ("holds", "meanwhile", "now"),
    [
        ([], set_up_meanwhile, "Kim’s authenticator app and 10 recovery codes are removed."),
        (["app"], anew_meanwhile, "Kim’s authenticator app and 10 recovery codes are removed."),
        (["app", "passkey"], passkey_gone_meanwhile, "Kim has no other method and will sign in with user name and"),
        (["app", "passkey"], suspended_meanwhile, "Kim has no other method and will sign in with user name and"),
        (["app", "rule"], rule_gone_meanwhile, "Kim has no other method and will sign in with user name and"),
        (["app", "rule"], pass_demanded_meanwhile, "Kim’s authenticator app and 10 recovery codes are removed."),
    ],
)
def test_an_older_page_switches_off_nothing_but_what_it_showed(
    administrator, kim, admin, company, holds, meanwhile, now
):
    services.enable_two_factor(kim.user, actor=admin)
    make_hold(kim, holds, admin, company)
    shown = administrator.client.get(f"{USERS}{kim.user.pk}/mfa/two-factor/off/")
    meanwhile(kim, admin, company)
    lines, held = AuditEvent.objects.count(), AuthenticatorApp.objects.get()

    again = press(administrator.client, shown, "Confirm")

    said = read(again, 400).words
    assert OLDER in said
    assert now in said
    assert AuthenticatorApp.objects.get() == held
    assert AuditEvent.objects.count() == lines
    assert press(administrator.client, again, "Confirm").status_code == 200
    assert not AuthenticatorApp.objects.exists()


def make_hold(kim, holds, admin, company):
    if "rule" in holds:
        companies.enable_company_two_factor(company, actor=admin)
    if "app" in holds:
        kim.set_up_app()
    if "passkey" in holds:
        kim.add_passkey()


def test_an_older_page_of_ones_own_switches_nothing_off_either(kim_with_app):
    kim_with_app.add_passkey()
    kim_with_app.sign_in()
    shown = kim_with_app.client.get(f"{OWN}two-factor/off/")
    assert "1 passkey stays" in read(shown).words
    services.suspend_passkey(Passkey.objects.get(), "counter")

    again = press(kim_with_app.client, shown, "Confirm")

    assert "You have no other method and will sign in with user name and password only." in read(again, 400).words
    assert AuthenticatorApp.objects.exists()


@pytest.mark.parametrize("by", ["owner", "administrator"])
def test_an_older_page_deletes_no_passkey_that_became_the_last_factor(administrator, kim_with_app, admin, by):
    passkey = kim_with_app.add_passkey()
    kim_with_app.sign_in()
    viewer, window = (kim_with_app, OWN) if by == "owner" else (administrator, f"{USERS}{kim_with_app.user.pk}/mfa/")
    shown = viewer.client.get(f"{window}passkeys/{passkey.pk}/delete/")
    assert "the authenticator app." in read(shown).words
    services.disable_two_factor(kim_with_app.user, actor=admin)
    if by == "owner":
        kim_with_app.use_passkey()  # who signed in with the app was signed out

    again = press(viewer.client, shown, "Confirm")

    said = read(again, 400).words
    assert OLDER in said
    assert "no other method left and will sign in with user name and password only." in said
    assert Passkey.objects.get() == passkey
    assert press(viewer.client, again, "Confirm").status_code == 200
    assert not Passkey.objects.exists()


def test_a_rule_that_came_meanwhile_is_said_and_not_that_the_page_is_older(kim_with_app, admin, company):
    kim_with_app.sign_in()
    shown = kim_with_app.client.get(f"{OWN}two-factor/off/")
    companies.enable_company_two_factor(company, actor=admin)

    said = read(press(kim_with_app.client, shown, "Confirm")).words

    assert "requires two-factor authentication. You can set it up anew, but not switch it off." in said
    assert AuthenticatorApp.objects.exists()


def test_what_changes_nothing_of_what_was_shown_makes_no_page_older(administrator, kim_with_app, admin):
    passkey = kim_with_app.add_passkey()
    shown = administrator.client.get(f"{USERS}{kim_with_app.user.pk}/mfa/two-factor/off/")
    services.request_passkey(kim_with_app.user, actor=admin)
    services.rename_passkey(passkey, "Blue key", actor=kim_with_app.user)
    kim_with_app.enter_password()
    kim_with_app.client.post("/login/challenge/recovery/", {"code": kim_with_app.codes[0]})

    assert press(administrator.client, shown, "Confirm").status_code == 200
    assert not AuthenticatorApp.objects.exists()
