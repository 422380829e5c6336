"""What a reset removed is put back by whoever lets the person in again, within a day."""

from __future__ import annotations

import pytest

from accounts.models import User
from accounts.not_me import Claim
from accounts.people import report_not_me
from audit.models import AuditEvent
from audit.sentences import sentence
from companies.access_passes import Validity
from companies.letting_in import APP, CODES, Lock, let_in
from companies.lost_phone import reset
from mfa.models import AuthenticatorApp, Passkey, RecoveryCode
from tests.companies import USERS, read
from tests.mfa.pages import CHALLENGE, SAVE, SETUP, confirm_setup, open_setup, words
from tests.people import PASSWORD, Person

WHY = {"checked": "in_person", "reason": "It was not Kim who called"}


@pytest.fixture
def robbed(kim, admin, clock):
    """Kim's phone is at home. Somebody who knows her password has talked the helpdesk into a reset, and set up theirs."""
    kim.set_up_app()
    kim.add_passkey()
    kim.sign_in()
    clock.shift(3600)
    lost = {APP, CODES, str(Passkey.objects.get().pk)}
    code = reset(kim.user, lost=lost, checked="called_back", reason="Lost", valid=Validity.AN_HOUR, actor=admin).code
    thief = Person(kim.user)
    thief.enter_password()
    assert thief.client.post(f"{CHALLENGE}?with=pass", {"code": code}).headers["Location"] == SETUP
    confirm_setup(thief, open_setup(thief))
    thief.client.post(SAVE, {"saved": "on"})
    assert thief.is_in
    event = AuditEvent.objects.get(action="user_reset")
    kim.user.refresh_from_db()
    assert report_not_me(Claim(event, kim.user.email), about="What you sign in with was removed")
    assert not thief.is_in
    kim.user.refresh_from_db()
    return kim, thief


def page_of(user):
    return f"{USERS}{user.pk}/let-in/"


def as_it_stands(page, **more):
    """What the form sends as it is proposed."""
    radios = read(page).all("input", type="radio")
    return {radio.attrs["name"]: radio.attrs["value"] for radio in radios if "checked" in radio.attrs} | WHY | more


def chooses_password(kim):
    User.objects.filter(pk=kim.user.pk).update(password=User.objects.get(username="petra").password)
    kim.user.refresh_from_db()


@pytest.mark.row("N-4.2.1-alt")
def test_as_it_is_proposed_the_owner_has_everything_again_and_the_thief_nothing(robbed, administrator):
    kim, thief = robbed
    page = administrator.client.get(page_of(kim.user))
    assert "Removed today" in words(page)
    assert "Put back" in words(page)

    said = administrator.client.post(page_of(kim.user), as_it_stands(page), follow=True)

    assert said.status_code == 200
    line = AuditEvent.objects.get(action="user_let_in")
    assert line.details["put_back"] == ["authenticator_app", Passkey.objects.get().name]
    assert line.details["removed"] == {"authenticator_apps": 1, "recovery_codes": 10, "passkeys": 0}
    chooses_password(kim)
    kim.client = Person(kim.user).client
    assert kim.enter_password(PASSWORD).headers["Location"] == CHALLENGE
    thiefs = Person(kim.user, app_key=thief.app_key)
    thiefs.enter_password()
    assert thiefs.enter_code().status_code == 400
    assert kim.enter_code(kim.codes[3]).headers["Location"] == "/"
    by_passkey = Person(kim.user, authenticator=kim.authenticator)
    by_passkey.use_passkey()
    assert by_passkey.is_in


def test_the_app_that_was_put_back_takes_codes(robbed, administrator):
    kim, _thief = robbed
    administrator.client.post(page_of(kim.user), as_it_stands(administrator.client.get(page_of(kim.user))))
    chooses_password(kim)
    again = Person(kim.user, app_key=kim.app_key)
    again.sign_in()

    assert again.is_in
    assert AuthenticatorApp.everything.count() == 1
    assert RecoveryCode.objects.filter(used_at=None).count() == 10


def test_two_apps_cannot_stay(robbed, administrator):
    kim, _thief = robbed
    page = administrator.client.get(page_of(kim.user))

    again = administrator.client.post(page_of(kim.user), as_it_stands(page, app="keep", app_before="keep"))

    assert again.status_code == 400
    assert "One authenticator app can stay." in words(again)


def test_what_is_left_removed_goes_for_good(robbed, admin, clock):
    kim, _thief = robbed
    let_in(kim.user, kept=(), actor=admin, **WHY)

    assert not AuthenticatorApp.objects.exists()
    assert not Passkey.objects.exists()
    assert AuditEvent.objects.get(action="user_let_in").details["put_back"] == []


def test_after_a_day_nothing_is_put_back(robbed, administrator, clock):
    kim, _thief = robbed
    clock.shift(24 * 3600)
    administrator = Person(administrator.user)
    administrator.sign_in()

    page = administrator.client.get(page_of(kim.user))

    assert "Put back" not in words(page)
    let_in(kim.user, kept=["app_before", str(Passkey.everything.get().pk)], actor=administrator.user, **WHY)
    assert not AuthenticatorApp.objects.exists()
    assert not Passkey.objects.exists()


def test_a_phone_that_was_truly_lost_is_not_proposed_to_be_put_back(kim, admin, clock):
    """Something else was reported, of before the reset."""
    kim.set_up_app()
    kim.sign_in()
    clock.shift(3600)
    before = AuditEvent.objects.filter(subject=kim.user, action="signed_in").first()
    reset(kim.user, lost={APP}, checked="called_back", reason="Lost", actor=admin)
    kim.user.refresh_from_db()
    report_not_me(Claim(before, kim.user.email), about="New sign-in to your account")
    kim.user.refresh_from_db()

    [app] = [factor for factor in Lock(kim.user, admin).factors() if factor.removed_at]

    assert app.key == "app_before"
    assert app.number == 10
    assert app.kept is False


def test_codes_that_went_alone_are_put_back_beside_their_app(kim, admin, clock):
    kim.set_up_app()
    kim.sign_in()
    clock.shift(3600)
    reset(kim.user, lost={CODES}, checked="called_back", reason="Photographed", actor=admin)
    kim.user.refresh_from_db()
    report_not_me(Claim(AuditEvent.objects.get(action="user_reset"), kim.user.email), about="Removed")
    kim.user.refresh_from_db()

    let_in(kim.user, kept=[APP, "codes_before"], actor=admin, **WHY)

    assert RecoveryCode.objects.filter(used_at=None).count() == 10


def test_the_line_says_what_was_put_back(robbed, administrator):
    kim, _thief = robbed
    page = page_of(kim.user)

    administrator.client.post(page, as_it_stands(administrator.client.get(page)))

    line = AuditEvent.objects.select_related("actor", "subject", "company").get(action="user_let_in")
    assert sentence(line).endswith(
        "removed: the authenticator app and 10 recovery codes; put back: the authenticator app and “Unknown browser”"
    )
