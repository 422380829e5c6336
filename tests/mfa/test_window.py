"""The MFA window, to its owner and to administrators: what it says in every state, and what its buttons do."""

from __future__ import annotations

import re
from typing import Any

import pytest

from accounts import people
from accounts.models import Role, User
from companies import services as companies
from mfa import services
from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest
from tests.authenticator import UP, UV
from tests.mfa.pages import OWN, audit_of, codes_on, html, window_of, words
from tests.people import PASSWORD, Person

ACTS = ["two-factor/on/", "two-factor/off/", "passkeys/request/", "passkeys/request/delete/"]

WRONG_METHOD = {("post", ""), ("get", "passkeys/request/"), ("get", "passkeys/request/delete/")}


def says(viewer: Person, subject: Person | None = None) -> str:
    """What somebody's window says, or the viewer's own."""
    return words(viewer.client.get(window_of(subject.user) if subject else OWN))


def does(viewer: Person, act: str, subject: Person | None = None, **fields: str) -> str:
    """Press a button in the window; what the window says then."""
    answer = viewer.client.post((window_of(subject.user) if subject else OWN) + act, fields, follow=True)
    assert answer.status_code == 200
    return words(answer)


def asks(viewer: Person, act: str, subject: Person | None = None) -> str:
    """What is said before an act is confirmed."""
    answer = viewer.client.get((window_of(subject.user) if subject else OWN) + act)
    assert answer.status_code == 200
    return words(answer)


def button(page: str, name: str) -> str:
    """The opening tag of the button whose text is `name`."""
    buttons = re.findall(r"<button([^>]*)>(.*?)</button>", page, re.DOTALL)
    (attributes,) = [tag for tag, inside in buttons if re.sub(r"<.*>", "", inside, flags=re.DOTALL).strip() == name]
    return str(attributes)


def switch(page: str) -> str:
    found = re.search(r'<button class="switch"([^>]*)>', page)
    assert found, page
    return found[1]


def confirm(person: Person) -> None:
    """Prove who one is with the strongest factor."""
    if person.app_key:
        AuthenticatorApp.objects.update(last_used_step=-1)  # as if half a minute had gone by
        assert person.client.post("/confirm/", {"code": person.code()}).status_code == 302
    elif person.authenticator.credentials:
        assert person.use_passkey().status_code == 200


@pytest.fixture
def kim_in(kim):
    """Kim, signed in with the password."""
    kim.sign_in()
    return kim


# --- Rows 1 and 2: the window itself ---


def test_row_1_and_2_the_window_has_two_sections_for_owner_and_administrator(kim_in, administrator):
    for page in (says(kim_in), says(administrator, kim_in)):
        assert "Multi-factor authentication" in page
        assert "Kim Hansen, Acme Machines" in page
        assert "Two-factor authentication (2FA)" in page
        assert "Passkey authentication" in page


@pytest.mark.parametrize("act", ["", "two-factor/on/", "two-factor/off/"])
def test_the_window_is_a_page_of_its_own_and_alone_for_htmx(kim_in, administrator, act):
    for person, address in ((kim_in, OWN), (administrator, window_of(kim_in.user))):
        whole = person.client.get(address + act)
        alone = person.client.get(address + act, headers={"hx-request": "true", "hx-request-type": "partial"})
        assert html(whole).count("<html") == 1
        assert "<html" not in html(alone)
        for answer in (whole, alone):
            assert html(answer).count("<dialog open") == 1
            assert "HX-Request" in answer.headers["Vary"]
            assert "no-store" in answer.headers["Cache-Control"]


def test_every_role_has_its_own_window(make_person):
    for role in Role:
        person = make_person(role, role=role)
        person.sign_in()
        assert person.client.get(OWN).status_code == 200


# --- The sentences of every state ---


def test_off(kim_in, administrator):
    mine, theirs = says(kim_in), says(administrator, kim_in)

    assert "Not switched on for you" in mine
    assert "Not switched on for Kim" in theirs
    for page in (mine, theirs):
        assert "State Off" in page
        assert "Next login User name and password" in page
        assert " Why " not in page
        assert " With Authenticator app" not in page
    assert "You have no passkey yet." in mine
    assert "Kim has no passkey yet." in theirs
    assert "No request is open." in mine
    assert "Set up now" in mine
    assert "Set up now" not in theirs


def test_asked(kim_in, administrator, admin):
    services.enable_two_factor(kim_in.user, actor=admin)
    mine, theirs = says(kim_in), says(administrator, kim_in)

    assert "Switched on for you" in mine
    assert "Switched on for Kim" in theirs
    assert "Why Switched on by Petra Vogt today" in mine
    assert "Why Switched on by you today" in theirs
    assert "State Asked at next login" in mine
    assert (
        "You enter the password and are then asked to set up an authenticator app. Until it is set up, you cannot get in."
        in mine
    )
    assert "Kim enters the password and is then asked to set up an authenticator app." in theirs


def test_asked_with_a_passkey(kim_in, administrator, admin):
    kim_in.add_passkey()
    services.enable_two_factor(kim_in.user, actor=admin)

    assert "You sign in with a passkey and are then asked to set up an authenticator app." in says(kim_in)
    assert "Kim signs in with a passkey and is then asked to set up" in says(administrator, kim_in)


def test_required_by_the_company(kim_in, administrator, admin, company):
    companies.enable_company_two_factor(company, actor=admin)
    mine, theirs = says(kim_in), says(administrator, kim_in)

    assert "Not switched on for you; Acme Machines requires it for everyone" in mine
    assert "Not switched on for Kim; Acme Machines requires it for everyone" in theirs
    assert "Why Required by Acme Machines since today" in mine
    assert "State Asked at next login" in theirs


def test_required_by_the_company_nobody_knows_since_when(kim_in, company):
    company.two_factor_enabled = True
    company.save()

    assert "Why Required by Acme Machines Next login" in says(kim_in)


def test_required_by_both(kim_in, admin, company, clock):
    kim_in.sign_in()
    services.enable_two_factor(kim_in.user, actor=admin)
    companies.enable_company_two_factor(company, actor=admin)
    clock.shift(3 * 24 * 3600)
    kim_in.sign_in()
    kim_in.client.post("/logout/")
    petra = Person(admin)
    petra.sign_in()

    assert "Why Switched on by you on 4 May 2026, and required by Acme Machines since 4 May 2026" in says(petra, kim_in)


def test_switched_on_by_nobody_knows_whom(kim_in, administrator):
    User.objects.filter(pk=kim_in.user.pk).update(two_factor_enabled=True)

    assert "Why Switched on for you" in says(kim_in)
    assert "Why Switched on for Kim" in says(administrator, kim_in)


def test_set_up(kim_with_app, administrator):
    kim_with_app.sign_in()
    mine, theirs = says(kim_with_app), says(administrator, kim_with_app)

    for page in (mine, theirs):
        assert "State Set up" in page
        assert "With Authenticator app since today, last used today, " in page
        assert "10 of 10 recovery codes left" in page
        assert "Next login Password and code" in page
    assert "Why Switched on by you today" in mine
    assert "Why Switched on by Kim Hansen today" in theirs
    for name in ("Set up the app again", "New recovery codes"):
        assert name in mine
        assert name not in theirs


def test_set_up_and_not_used_yet(kim_with_app, administrator):
    assert "With Authenticator app since today, 10 of 10 recovery codes left" in says(administrator, kim_with_app)


@pytest.mark.parametrize(("app", "sentence"), [(True, "Password and code"), (False, "User name and password")])
def test_the_next_login_with_passkey_and_request(kim, administrator, admin, app, sentence):
    if app:
        kim.set_up_app()
    kim.add_passkey()
    services.request_passkey(kim.user, actor=admin)
    kim.use_passkey()
    kim.client.post("/login/setup/passkey/", {"later": "yes"})

    assert f"Next login {sentence}, or a passkey, then you are asked to create a passkey" in says(kim)
    assert f"Next login {sentence}, or a passkey, then Kim is asked to create a passkey" in says(administrator, kim)


def test_the_next_login_says_that_a_passkey_is_asked_for_after_the_set_up_too(kim, administrator, admin):
    services.enable_two_factor(kim.user, actor=admin)
    services.request_passkey(kim.user, actor=admin)

    page = says(administrator, kim)

    assert "is then asked to set up an authenticator app." in page
    assert "asked to create a passkey" in page.partition("Next login")[2].partition("Passkey authentication")[0]


def test_the_next_login_of_somebody_deactivated(kim, administrator, admin):
    people.deactivate_user(kim.user, actor=admin)

    assert "Next login Kim is deactivated and cannot sign in." in says(administrator, kim)


def test_the_next_login_of_somebody_invited(make_person, administrator):
    omar = make_person("omar", first_name="Omar", password=None)

    assert "Next login Omar was invited and has not chosen a password yet." in says(administrator, omar)


def test_requests_say_who_asked_and_when(kim_in, administrator, admin, carla):
    services.request_passkey(kim_in.user, actor=admin)
    everywhere = "asked at every login until a passkey is created or the request is deleted."

    assert f"Requested by Petra Vogt today, {{}} You are {everywhere}".split("{}")[0] in says(kim_in)
    assert f"You are {everywhere}" in says(kim_in)
    assert "Requested by you today, " in says(administrator, kim_in)
    assert f"Kim is {everywhere}" in says(administrator, kim_in)
    assert "Requested by Petra Vogt today, " in says(carla, kim_in)
    PasskeyRequest.objects.update(requested_by=None)
    assert "Requested by an administrator today, " in says(kim_in)


def test_row_8_each_passkey_is_listed_with_its_own_buttons(kim, administrator):
    first = kim.add_passkey()
    kim.authenticator.flags = UP | UV
    second = kim.add_passkey()
    services.rename_passkey(second, "Old <phone>", actor=kim.user)
    kim.authenticator.flags |= 8 | 16
    kim.use_passkey()

    for viewer, address in ((kim, OWN), (administrator, window_of(kim.user))):
        page = html(viewer.client.get(address))
        for passkey in Passkey.objects.all():
            assert f'aria-label="Delete passkey {passkey.name}"' in page
            assert f'action="{address}passkeys/{passkey.pk}/delete/"' in page
        text = words(viewer.client.get(address))
        assert f"{first.name} Synced Created today · Last used today, " in text
        assert "Old <phone> On this device only Created today · Not used yet" in text
        assert ("Rename passkey" in page) is (viewer is kim)
    assert "<phone>" not in kim.client.get(OWN).content.decode()


def test_the_latest_activity_is_shown(kim_in, administrator, admin):
    assert "Kim Hansen signed in with a password" in says(kim_in)
    services.enable_two_factor(kim_in.user, actor=admin)

    assert "Petra Vogt switched two-factor authentication on for Kim Hansen" in says(administrator, kim_in)


def test_nothing_has_happened_yet(kim, administrator):
    assert "Nothing has happened yet." in says(administrator, kim)


# --- The switch ---


@pytest.mark.parametrize("on", [True, False])
def test_the_switch_shows_and_changes_the_persons_own_setting(kim, administrator, admin, on):
    if on:
        services.enable_two_factor(kim.user, actor=admin)
    page = html(administrator.client.get(window_of(kim.user)))

    assert 'role="switch"' in switch(page)
    assert f'aria-checked="{str(on).lower()}"' in switch(page)
    assert f'action="{window_of(kim.user)}two-factor/{"off" if on else "on"}/"' in page
    assert " disabled" not in switch(page)


def test_the_own_switch_is_locked_while_the_company_requires_it(kim_in, administrator, admin, company):
    companies.enable_company_two_factor(company, actor=admin)
    services.enable_two_factor(kim_in.user, actor=admin)

    assert " disabled" in switch(html(kim_in.client.get(OWN)))
    assert "It stays on while your company requires it." in says(kim_in)
    assert " disabled" not in switch(html(administrator.client.get(window_of(kim_in.user))))


@pytest.mark.parametrize("who", ["administrator", "carla"])
def test_row_3_an_administrator_switches_on(request, kim, who):
    viewer = request.getfixturevalue(who)
    before = asks(viewer, "two-factor/on/", kim)
    assert "Switch on two-factor authentication for Kim Hansen?" in before
    assert "Kim enters the password and is then asked to set up an authenticator app." in before
    assert "stay signed in" not in before, "there are no sessions"
    assert "Sign out now" not in before

    after = does(viewer, "two-factor/on/", kim)

    assert "Kim will be asked to set up two-factor authentication at the next login." in after
    assert kim.enter_password().headers["Location"] == "/login/setup/two-factor/"


def test_one_switches_ones_own_on(kim_in):
    before = asks(kim_in, "two-factor/on/")
    assert "Switch on two-factor authentication?" in before
    assert "You stay signed in; you are asked at the next login." in before
    assert "Sign out now Ends your 1 session at once." in before

    assert "You will be asked to set up two-factor authentication at the next login." in does(kim_in, "two-factor/on/")
    assert kim_in.is_in
    assert kim_in.enter_password().headers["Location"] == "/login/setup/two-factor/"


def test_switching_on_where_the_app_is_set_up(kim_with_app, administrator):
    User.objects.update(two_factor_enabled=False)
    assert "Kim’s authenticator app stays. Nothing else changes." in asks(administrator, "two-factor/on/", kim_with_app)
    assert "Two-factor authentication is switched on for Kim." in does(administrator, "two-factor/on/", kim_with_app)
    User.objects.update(two_factor_enabled=False)
    kim_with_app.sign_in()
    assert "Your authenticator app stays. Nothing else changes." in asks(kim_with_app, "two-factor/on/")
    assert "Two-factor authentication is switched on for you." in does(kim_with_app, "two-factor/on/")


@pytest.mark.parametrize("who", ["administrator", "carla"])
def test_row_4_an_administrator_switches_off_what_is_set_up(request, kim_with_app, who):
    viewer = request.getfixturevalue(who)
    before = asks(viewer, "two-factor/off/", kim_with_app)
    assert "Switch off two-factor authentication for Kim Hansen?" in before
    assert "Kim’s authenticator app and 10 recovery codes are removed. This cannot be undone." in before
    assert "Kim has no other method and will sign in with user name and password only." in before

    after = does(viewer, "two-factor/off/", kim_with_app)

    assert "Two-factor authentication is off for Kim. User name and password are enough again." in after
    assert kim_with_app.enter_password().headers["Location"] == "/"


def test_row_4_one_switches_ones_own_off(kim_with_app):
    kim_with_app.sign_in()
    before = asks(kim_with_app, "two-factor/off/")
    assert "Your authenticator app and 10 recovery codes are removed. This cannot be undone." in before
    assert "You have no other method and will sign in with user name and password only." in before

    after = does(kim_with_app, "two-factor/off/")

    assert "Two-factor authentication is off. User name and password are enough again." in after
    assert not AuthenticatorApp.objects.exists()


def test_row_5_switching_off_what_is_not_set_up(kim_in, administrator, admin):
    services.enable_two_factor(kim_in.user, actor=admin)
    assert "Kim has not set it up; there is nothing to remove." in asks(administrator, "two-factor/off/", kim_in)
    after = does(administrator, "two-factor/off/", kim_in)
    assert "Kim will no longer be asked to set up two-factor authentication." in after
    services.enable_two_factor(kim_in.user, actor=admin)
    assert "You have not set it up; there is nothing to remove." in asks(kim_in, "two-factor/off/")

    after = does(kim_in, "two-factor/off/")

    assert "You will no longer be asked to set up two-factor authentication." in after
    assert kim_in.enter_password().headers["Location"] == "/"


def test_switching_off_says_what_stays(kim_with_app, administrator):
    kim_with_app.add_passkey()
    before = asks(administrator, "two-factor/off/", kim_with_app)
    assert "Kim will sign in with user name and password only, or with a passkey." in before
    assert "Kim’s 1 passkey stays and keeps working." in before
    kim_with_app.add_passkey()
    kim_with_app.sign_in()
    mine = asks(kim_with_app, "two-factor/off/")

    assert "You will sign in with user name and password only, or with a passkey." in mine
    assert "Your 2 passkeys stay and keep working." in mine


def test_switching_off_does_not_call_a_suspended_passkey_working(kim_with_app, administrator):
    services.suspend_passkey(kim_with_app.add_passkey(), "a test")

    before = asks(administrator, "two-factor/off/", kim_with_app)

    assert "keeps working" not in before
    assert "Kim has no other method and will sign in with user name and password only." in before


@pytest.mark.parametrize(("app", "again"), [(True, "set it up again"), (False, "set it up")])
def test_an_administrator_switches_off_for_somebody_whose_company_requires_it(
    kim, administrator, admin, company, app, again
):
    if app:
        kim.set_up_app()
    companies.enable_company_two_factor(company, actor=admin)
    before = asks(administrator, "two-factor/off/", kim)
    assert f"Acme Machines still requires it: Kim will be asked to {again} at the next login." in before

    after = does(administrator, "two-factor/off/", kim)

    assert "Acme Machines requires it: Kim will be asked to set it up at the next login." in after
    assert ("Removed." in after) is app
    assert kim.enter_password().headers["Location"] == "/login/setup/two-factor/"


@pytest.mark.row("V35")
def test_one_cannot_switch_ones_own_off_while_the_company_requires_it(kim_with_app, admin, company):
    companies.enable_company_two_factor(company, actor=admin)
    kim_with_app.sign_in()

    after = does(kim_with_app, "two-factor/off/")

    assert "Acme Machines requires two-factor authentication. You can set it up anew, but not switch it off." in after
    assert AuthenticatorApp.objects.exists()
    assert User.objects.get(pk=kim_with_app.user.pk).two_factor_enabled


@pytest.mark.row("B-37")
def test_a_company_administrator_escapes_the_own_companys_rule_by_no_address(carla, admin, company):
    """Neither in their own window nor in their own row of the Administration."""
    companies.enable_company_two_factor(company, actor=admin)
    carla.set_up_app()
    confirm(carla)
    for act in (f"{OWN}two-factor/off/", f"{window_of(carla.user)}two-factor/off/"):
        assert "You can set it up anew, but not switch it off." in words(carla.client.post(act, follow=True))
    assert AuthenticatorApp.objects.filter(user=carla.user).exists()


@pytest.mark.parametrize("act", ["two-factor/on/", "two-factor/off/"])
def test_sign_out_now_is_a_box_to_tick(kim_in, administrator, admin, act):
    services.enable_two_factor(kim_in.user, actor=admin)
    does(administrator, act, kim_in)
    assert kim_in.is_in
    assert "Ends Kim’s 1 session at once." in asks(administrator, act, kim_in)

    does(administrator, act, kim_in, sign_out="on")

    assert not kim_in.is_in


def test_who_signs_themselves_out_everywhere_is_out(kim_in):
    assert "Sign in to m2v" in does(kim_in, "two-factor/on/", sign_out="on")
    assert not kim_in.is_in


# --- Requests ---


def test_row_6_and_7_request_and_delete(kim, administrator):
    page = html(administrator.client.get(window_of(kim.user)))
    assert " disabled" not in button(page, "Request new passkey")
    assert " disabled" in button(page, "Delete current passkey request")

    assert "Kim will be asked to create a passkey at the next login." in does(administrator, "passkeys/request/", kim)
    page = html(administrator.client.get(window_of(kim.user)))
    assert " disabled" not in button(page, "Delete current passkey request")
    assert " disabled" not in button(page, "Request new passkey")
    assert kim.enter_password().headers["Location"] == "/login/setup/passkey/"

    after = does(administrator, "passkeys/request/delete/", kim)
    assert "The request is deleted. Kim will no longer be asked for a passkey." in after
    assert kim.enter_password().headers["Location"] == "/"


def test_row_6_and_7_about_oneself(kim_in):
    assert "You will be asked to create a passkey at the next login." in does(kim_in, "passkeys/request/")
    assert "Requested by you today, " in says(kim_in)
    after = does(kim_in, "passkeys/request/delete/")

    assert "The request is deleted. You will no longer be asked for a passkey." in after


def test_a_second_request_changes_nothing_and_says_who_asked_and_when(kim, administrator, carla):
    does(carla, "passkeys/request/", kim)
    before = PasskeyRequest.objects.values().get()

    after = does(administrator, "passkeys/request/", kim)

    assert "A request is open already. Requested by Carla Reyes today, " in after
    assert PasskeyRequest.objects.values().get() == before


def test_deleting_a_request_that_is_not_open(kim, administrator):
    assert "No request was open." in does(administrator, "passkeys/request/delete/", kim)


@pytest.mark.row("ASVS-3.5.3")
@pytest.mark.parametrize("act", ["passkeys/request/", "passkeys/request/delete/"])
def test_opening_an_address_changes_nothing(kim_in, administrator, admin, act):
    for viewer, address in ((kim_in, OWN), (administrator, window_of(kim_in.user))):
        for method in ("get", "head", "put", "delete", "options"):
            assert getattr(viewer.client, method)(address + act).status_code == 405
    assert not PasskeyRequest.objects.exists()


@pytest.mark.row("ASVS-3.5.3")
@pytest.mark.parametrize("act", ["two-factor/on/", "two-factor/off/"])
def test_asking_what_an_act_means_does_not_do_it(kim_with_app, administrator, act):
    on = User.objects.get(pk=kim_with_app.user.pk).two_factor_enabled
    asks(administrator, act, kim_with_app)
    administrator.client.head(window_of(kim_with_app.user) + act)

    assert User.objects.get(pk=kim_with_app.user.pk).two_factor_enabled is on
    assert AuthenticatorApp.objects.exists()


# --- Deleting a passkey ---


def test_row_8_an_administrator_deletes_one_passkey(kim, administrator):
    first, second = kim.add_passkey(), kim.add_passkey()
    act = f"passkeys/{first.pk}/delete/"
    before = asks(administrator, act, kim)
    assert f"Delete passkey “{first.name}”?" in before
    assert "Kim can no longer sign in with it. This cannot be undone." in before
    assert "Kim keeps 1 other passkey." in before
    assert "It stays visible in Kim’s password manager until Kim deletes it there." in before

    assert f"The passkey “{first.name}” is deleted." in does(administrator, act, kim)

    assert Passkey.objects.get() == second
    assert ("passkey_deleted", "petra") in audit_of(kim.user)


def test_row_8_one_deletes_ones_own(kim):
    passkey = kim.add_passkey()
    kim.use_passkey()
    act = f"passkeys/{passkey.pk}/delete/"
    before = asks(kim, act)
    assert "You can no longer sign in with it. This cannot be undone." in before
    assert "You have no other method left and will sign in with user name and password only." in before
    assert "It stays visible in your password manager until you delete it there." in before

    does(kim, act)

    assert not Passkey.objects.exists()


def test_deleting_says_what_is_kept(kim_with_app, administrator):
    passkey = kim_with_app.add_passkey()
    act = f"passkeys/{passkey.pk}/delete/"
    assert "Kim keeps the authenticator app." in asks(administrator, act, kim_with_app)
    kim_with_app.add_passkey()
    kim_with_app.add_passkey()
    assert "Kim keeps 2 other passkeys and the authenticator app." in asks(administrator, act, kim_with_app)
    kim_with_app.sign_in()
    assert "You keep 2 other passkeys and the authenticator app." in asks(kim_with_app, act)


def test_deleting_the_last_usable_one_says_so(kim, administrator):
    passkey = kim.add_passkey()
    services.suspend_passkey(kim.add_passkey(), "a test")

    before = asks(administrator, f"passkeys/{passkey.pk}/delete/", kim)

    assert "Kim has no other method left and will sign in with user name and password only." in before


@pytest.mark.row("B-35", "V2")
@pytest.mark.parametrize("how", ["get", "post"])
def test_somebody_elses_passkey_is_not_there(kim, ada, administrator, carla, how, other_company, make_person):
    foreign = make_person("marta", company=other_company)
    theirs, abroad = ada.add_passkey(), foreign.add_passkey()
    kim.add_passkey()
    kim.use_passkey()
    for viewer, address in (
        (kim, f"{OWN}passkeys/{theirs.pk}/delete/"),
        (kim, f"{OWN}passkeys/{theirs.pk}/rename/"),
        (administrator, f"{window_of(kim.user)}passkeys/{theirs.pk}/delete/"),
        (administrator, f"{OWN}passkeys/{theirs.pk}/delete/"),
        (carla, f"{window_of(ada.user)}passkeys/{abroad.pk}/delete/"),
        (carla, f"{window_of(foreign.user)}passkeys/{abroad.pk}/delete/"),
    ):
        assert getattr(viewer.client, how)(address).status_code == 404
    assert Passkey.objects.count() == 3


def test_an_id_that_is_none_is_not_there(kim_in):
    for path in ("passkeys/1/delete/", "passkeys/x/rename/", "passkeys/00000000-0000-0000-0000-000000000000/delete/"):
        assert kim_in.client.get(OWN + path).status_code == 404


# --- Whose window ---


@pytest.mark.row("B-35", "V20")
@pytest.mark.parametrize("act", ["", *ACTS])
@pytest.mark.parametrize("how", ["get", "post"])
def test_whom_one_may_not_manage_does_not_exist(carla, admin, other_company, make_person, act, how):
    foreign = make_person("marta", company=other_company)
    without = make_person("nils", company=None)
    before = User.objects.order_by("pk").values()
    kept = list(before)
    for person in (foreign.user, without.user, admin):
        answer = getattr(carla.client, how)(window_of(person) + act)
        assert answer.status_code in {404, 405}
        assert answer.status_code == 404 or (how, act) in WRONG_METHOD
    assert list(before.all()) == kept
    assert not PasskeyRequest.objects.exists()


@pytest.mark.parametrize("act", ["", *ACTS])
@pytest.mark.parametrize("how", ["get", "post"])
def test_row_11_members_have_no_window_but_their_own(kim_in, ada, act, how):
    for person in (ada.user, kim_in.user):
        assert getattr(kim_in.client, how)(window_of(person) + act).status_code == 403
    assert not User.objects.filter(two_factor_enabled=True).exists()
    assert not PasskeyRequest.objects.exists()
    assert kim_in.client.get(OWN).status_code == 200


@pytest.mark.row("ASVS-8.3.2")
def test_a_role_that_was_taken_away_opens_nothing_any_more(carla, kim):
    assert carla.client.get(window_of(kim.user)).status_code == 200
    User.objects.filter(pk=carla.user.pk).update(role=Role.MEMBER)

    assert carla.client.get(window_of(kim.user)).status_code == 403
    assert carla.client.post(f"{window_of(kim.user)}passkeys/request/").status_code == 403


@pytest.mark.row("B-38")
def test_what_a_form_does_not_ask_for_is_ignored(kim, administrator):
    more: dict[str, Any] = {
        "user": str(administrator.user.pk),
        "user_id": str(administrator.user.pk),
        "actor": str(kim.user.pk),
        "confirmed": "true",
        "role": "administrator",
        "two_factor_enabled": "false",
        "exempt": "true",
    }
    administrator.client.post(f"{window_of(kim.user)}two-factor/on/", more)

    changed = User.objects.get(pk=kim.user.pk)
    assert (changed.two_factor_enabled, changed.role) == (True, Role.MEMBER)
    assert changed.two_factor_changed_by == administrator.user
    assert not User.objects.get(pk=administrator.user.pk).two_factor_enabled


@pytest.mark.row("V17")
def test_no_window_shows_a_secret_or_a_way_to_add_a_factor_for_somebody_else(kim_with_app, administrator):
    page = html(administrator.client.get(window_of(kim_with_app.user)))

    for secret in (*kim_with_app.codes, PASSWORD, kim_with_app.user.password):
        assert secret not in page
    assert codes_on(administrator.client.get(window_of(kim_with_app.user))) == []
    for action in ("/user-settings/mfa/two-factor/set-up/", "/user-settings/mfa/passkeys/new/"):
        assert action not in page
    for path in ("two-factor/set-up/", "recovery-codes/", "recovery-codes/new/", "passkeys/new/"):
        assert administrator.client.get(window_of(kim_with_app.user) + path).status_code == 404


def test_names_are_shown_as_text(make_person, administrator):
    odd = make_person("odd", first_name="<img src=x>", last_name="{{ 7|add:1 }}'\"")

    page = administrator.client.get(window_of(odd.user)).content.decode()

    assert "<img src=x" not in page
    assert "{{ 7|add:1 }}" in page.replace("&#x27;", "'")


def test_a_name_with_braces_breaks_no_sentence(make_person, administrator):
    odd = make_person("braces", first_name="{0} {name} {company} {", last_name="}")
    services.enable_two_factor(odd.user, actor=odd.user)

    page = says(administrator, odd)

    assert "{0} {name} {company} { enters the password" in page
    assert "will be asked to create a passkey" in does(administrator, "passkeys/request/", odd)
    assert "will no longer be asked" in does(administrator, "two-factor/off/", odd)


def test_behind_the_new_name_of_a_passkey_the_profile_is_whole(kim):
    """Both are forms with a "name" of their own."""
    passkey = kim.add_passkey()
    kim.use_passkey()

    page = html(kim.client.get(f"{OWN}passkeys/{passkey.pk}/rename/"))

    assert 'name="first_name" value="Kim"' in page
    assert f'name="name" form="rename" maxlength="64" required autocomplete="off" value="{passkey.name}"' in page


def test_ones_own_window_says_first_what_to_do_now_then_the_switch_the_two_buttons_and_the_list(kim):
    kim.sign_in()
    kim.add_passkey()
    page = kim.client.get("/user-settings/mfa/").content.decode()

    order = [
        "Set up now",
        'role="switch"',
        'id="passkeys"',
        "Create a passkey<",
        "Request new passkey",
        "Delete current passkey request",
        'class="items boxed"',
    ]
    places = [page.index(part) for part in order]
    assert places == sorted(places)
