"""Confirming who one is before anything that changes how people get in, and going on with what was begun."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from accounts.models import User
from audit.models import AuditEvent
from mfa import services
from mfa.models import Passkey, PasskeyRequest
from tests.mfa.pages import (
    NEW_CODES,
    OWN,
    OWN_CODES,
    OWN_SETUP,
    audit_of,
    html,
    refusals_of,
    session_dump,
    window_of,
    words,
)
from tests.people import PASSWORD, Person, key_of, with_key

CONFIRM = "/confirm/"
CONTINUE = "/confirm/continue/"
QUARTER = 15 * 60


def next_of(answer: Any) -> str:
    """Where somebody who is asked to confirm goes on afterwards."""
    assert answer.status_code == 302, answer.content
    address = urlsplit(answer.headers["Location"])
    assert address.path == CONFIRM
    return str(parse_qs(address.query)["next"][0])


def is_refused(answer: Any) -> bool:
    """Is this the page that sends nothing on, and says what to do?"""
    return answer.status_code == 410 and "This does not go on" in words(answer) and "data-goes-on" not in html(answer)


@pytest.fixture
def kim(kim, clock):
    """Kim signed in with the password a quarter of an hour ago."""
    kim.sign_in()
    clock.shift(QUARTER)
    return kim


@pytest.fixture
def kim_with_app(make_person, clock):
    """Somebody with an app who signed in a quarter of an hour ago."""
    person = make_person("noor", first_name="Noor")
    person.set_up_app()
    person.sign_in()
    clock.shift(QUARTER)
    return person


@pytest.mark.row("ASVS-7.5.1")
def test_codes_that_wait_to_be_saved_are_not_shown_to_whoever_comes_by_later(kim_with_app, clock):
    kim_with_app.client.post(CONFIRM, {"code": kim_with_app.code()})
    kim_with_app.client.post(NEW_CODES)
    assert kim_with_app.client.get(OWN_CODES).status_code == 200
    clock.shift(QUARTER)

    assert next_of(kim_with_app.client.get(OWN_CODES)) == OWN_CODES


@pytest.fixture
def kim_with_passkey(make_person, clock):
    """Somebody with a passkey who signed in a quarter of an hour ago."""
    person = make_person("pia")
    person.add_passkey()
    person.use_passkey()
    clock.shift(QUARTER)
    return person


@pytest.fixture
def petra(admin, clock):
    """The administrator signed in a quarter of an hour ago."""
    person = Person(admin)
    person.sign_in()
    clock.shift(QUARTER)
    return person


OWN_ACTS = [
    ("get", f"{OWN}two-factor/on/"),
    ("post", f"{OWN}two-factor/on/"),
    ("get", f"{OWN}two-factor/off/"),
    ("post", f"{OWN}two-factor/off/"),
    ("post", f"{OWN}passkeys/request/"),
    ("post", f"{OWN}passkeys/request/delete/"),
    ("get", OWN_SETUP),
    ("post", OWN_SETUP),
    ("post", NEW_CODES),
    ("get", f"{OWN}passkeys/new/"),
    ("get", "/user-settings/password/"),
    ("post", "/user-settings/password/"),
    ("post", "/user-settings/"),
]


@pytest.mark.row("ASVS-7.5.1", "V21")
@pytest.mark.parametrize(("method", "path"), OWN_ACTS)
def test_every_act_on_oneself_asks_first(kim, method, path):
    answer = getattr(kim.client, method)(path)

    assert next_of(answer).partition("?form=")[0] == (path if method == "get" else CONTINUE)


@pytest.mark.parametrize(("ahead", "asks"), [(30, False), (120, True), (10 * 365 * 86400, True)])
def test_a_proof_that_was_made_while_the_clock_ran_ahead_confirms_nothing(kim, ahead, asks):
    """It would confirm who one is for as long as the clock was ahead; half a minute is what servers may differ by."""
    session = kim.client.session
    (proof,) = session["proofs"]
    session["proofs"] = [proof, proof | {"at": proof["at"] + QUARTER + ahead}]
    session.save()

    answer = kim.client.get(OWN_SETUP)

    assert answer.headers.get("Location", "").startswith(CONFIRM) is asks


@pytest.mark.parametrize(("method", "path"), OWN_ACTS)
def test_nothing_asks_within_a_quarter_of_an_hour(kim, clock, method, path):
    clock.shift(-1)

    answer = getattr(kim.client, method)(path)

    assert not answer.headers.get("Location", "").startswith(CONFIRM)


@pytest.mark.row("ASVS-7.5.3", "V21")
@pytest.mark.parametrize(
    ("method", "act"),
    [
        ("get", "two-factor/on/"),
        ("post", "two-factor/on/"),
        ("get", "two-factor/off/"),
        ("post", "two-factor/off/"),
        ("post", "passkeys/request/"),
        ("post", "passkeys/request/delete/"),
        ("get", "passkeys/{passkey}/delete/"),
        ("post", "passkeys/{passkey}/delete/"),
    ],
)
def test_every_act_of_an_administrator_asks_first(petra, kim, method, act):
    passkey = kim.add_passkey()
    path = window_of(kim.user) + act.format(passkey=passkey.pk)

    answer = getattr(petra.client, method)(path)

    assert next_of(answer).partition("?form=")[0] == (path if method == "get" else CONTINUE)
    assert Passkey.objects.filter(pk=passkey.pk).exists()
    assert not PasskeyRequest.objects.exists()
    assert not User.objects.get(pk=kim.user.pk).two_factor_enabled


def test_looking_asks_nothing(kim, petra):
    for path in ("/", "/portal/", "/user-settings/", OWN):
        assert kim.client.get(path, follow=True).request["PATH_INFO"] not in {CONFIRM, "/login/"}
    assert petra.client.get(window_of(kim.user)).status_code == 200


# --- With which factor ---


def test_without_any_factor_the_password_confirms(kim):
    page = kim.client.get(f"{CONFIRM}?next={OWN}")
    assert "Enter your password once more." in words(page)
    assert "Signed in as kim" in words(page)

    assert kim.client.post(CONFIRM, {"password": PASSWORD, "next": OWN}).headers["Location"] == OWN

    assert kim.client.get(OWN_SETUP).status_code == 200
    assert audit_of(kim.user)[-1] == ("confirmed", "kim")
    assert AuditEvent.objects.latest("id").details == {"methods": ["password"]}


@pytest.mark.parametrize("fields", [{"password": "wrong"}, {"password": ""}, {}, {"code": "123456"}])
def test_a_wrong_password_confirms_nothing(kim, fields):
    answer = kim.client.post(CONFIRM, fields)

    assert answer.status_code == 400
    assert next_of(kim.client.get(OWN_SETUP)) == OWN_SETUP
    if fields.get("password"):
        assert "This is not your password. Try again." in words(answer)
        assert refusals_of(kim.user) == ["WrongPassword"]


@pytest.mark.row("CS-MFA-1", "CS-MFA-4")
def test_a_password_is_not_enough_for_somebody_with_an_app(kim_with_app):
    page = kim_with_app.client.get(CONFIRM)
    assert "Enter a code from your authenticator app." in words(page)
    assert "Password" not in words(page)

    assert kim_with_app.client.post(CONFIRM, {"password": PASSWORD}).status_code == 400

    assert next_of(kim_with_app.client.get(OWN_SETUP)) == OWN_SETUP


def test_a_code_confirms(kim_with_app):
    assert kim_with_app.client.post(CONFIRM, {"code": kim_with_app.code(), "next": OWN}).headers["Location"] == OWN
    assert kim_with_app.client.get(OWN_SETUP).status_code == 200
    assert AuditEvent.objects.latest("id").details == {"methods": ["totp"]}


@pytest.mark.parametrize("code", ["000000", "", "abc"])
def test_a_wrong_code_confirms_nothing(kim_with_app, code):
    assert kim_with_app.client.post(CONFIRM, {"code": code}).status_code == 400
    assert next_of(kim_with_app.client.get(OWN_SETUP)) == OWN_SETUP


@pytest.mark.row("B-13")
def test_somebody_elses_code_confirms_nothing(kim_with_app, make_person):
    other = make_person("olga")
    other.set_up_app()

    assert kim_with_app.client.post(CONFIRM, {"code": other.code()}).status_code == 400


def test_a_recovery_code_confirms_once(kim_with_app):
    page = kim_with_app.client.get(f"{CONFIRM}?with=recovery&next={OWN}")
    assert "Enter one of your recovery codes." in words(page)
    code = kim_with_app.codes[0]

    assert kim_with_app.client.post(f"{CONFIRM}?with=recovery", {"code": code, "next": OWN}).headers["Location"] == OWN
    assert kim_with_app.user.recovery_codes.filter(used_at=None).count() == 9
    assert kim_with_app.client.post(f"{CONFIRM}?with=recovery", {"code": code}).status_code == 400


def test_a_password_is_not_enough_for_somebody_with_a_passkey(kim_with_passkey):
    page = words(kim_with_passkey.client.get(CONFIRM))
    assert "Use your passkey once more." in page

    assert kim_with_passkey.client.post(CONFIRM, {"password": PASSWORD}).status_code == 400
    assert kim_with_passkey.client.post(CONFIRM, {"code": "123456"}).status_code == 400
    assert next_of(kim_with_passkey.client.get(OWN_SETUP)) == OWN_SETUP


@pytest.mark.row("B-24")
def test_a_fresh_login_with_the_password_is_not_enough_for_somebody_with_a_passkey(kim_with_passkey):
    kim_with_passkey.enter_password()

    assert kim_with_passkey.is_in
    assert next_of(kim_with_passkey.client.get(OWN_SETUP)) == OWN_SETUP


def test_a_passkey_confirms_and_leads_on(kim_with_passkey):
    options = kim_with_passkey.json("/passkeys/authentication/options/", {}).json()
    assert len(options["allowCredentials"]) == 1
    credential = kim_with_passkey.authenticator.get(options)

    answer = kim_with_passkey.json("/passkeys/authentication/", {"credential": credential, "next": OWN_SETUP})

    assert answer.json() == {"next": OWN_SETUP}
    assert kim_with_passkey.client.get(OWN_SETUP).status_code == 200
    assert audit_of(kim_with_passkey.user)[-1] == ("confirmed", "pia")


def test_a_passkey_confirms_for_somebody_with_an_app_too(kim_with_app):
    kim_with_app.add_passkey()
    assert "Use a passkey instead" in words(kim_with_app.client.get(CONFIRM))

    assert kim_with_app.use_passkey().json() == {"next": "/"}
    assert kim_with_app.client.get(OWN_SETUP).status_code == 200


def test_whoever_lost_every_passkey_confirms_with_the_password_again(kim_with_passkey, admin):
    services.delete_passkey(Passkey.objects.get(), actor=admin)
    kim_with_passkey.sign_in()

    assert "Enter your password once more." in words(kim_with_passkey.client.get(CONFIRM))
    assert kim_with_passkey.client.post(CONFIRM, {"password": PASSWORD}).status_code == 302


def test_a_confirmation_counts_for_a_quarter_of_an_hour(kim, clock):
    kim.client.post(CONFIRM, {"password": PASSWORD})
    clock.shift(QUARTER - 1)
    assert kim.client.get(OWN_SETUP).status_code == 200
    clock.shift(1)

    assert next_of(kim.client.get(OWN_SETUP)) == OWN_SETUP


@pytest.mark.row("B-18")
def test_confirming_changes_the_sessions_key(kim):
    before = kim.client.cookies["session"].value
    kim.client.post(CONFIRM, {"password": PASSWORD})

    assert kim.client.cookies["session"].value != before
    thief = Person(kim.user)
    thief.client.cookies["session"] = before
    assert not thief.is_in
    assert kim.is_in


@pytest.mark.row("B-34")
@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil", "javascript:alert(1)", ""])
def test_confirming_leads_to_this_site_only(kim, wanted):
    assert kim.client.post(CONFIRM, {"password": PASSWORD, "next": wanted}).headers["Location"] == "/"


def test_where_to_go_on_may_be_in_the_address(kim):
    assert kim.client.post(f"{CONFIRM}?next={OWN}", {"password": PASSWORD}).headers["Location"] == OWN


def test_strangers_and_claimants_have_nothing_to_confirm(kim_with_app):
    kim_with_app.enter_password()
    for path in (CONFIRM, CONTINUE):
        assert kim_with_app.client.get(path).headers["Location"].startswith("/login/")
        assert Person(kim_with_app.user).client.get(path).headers["Location"].startswith("/login/")


# --- Going on ---


def test_an_act_goes_on_with_what_its_form_held(kim, petra, clock):
    """Petra's "Sign out now" survives the confirmation."""
    path = f"{window_of(kim.user)}two-factor/on/"
    there = next_of(petra.client.post(path, {"sign_out": "on", "csrfmiddlewaretoken": "x"}))
    assert not User.objects.get(pk=kim.user.pk).two_factor_enabled
    assert petra.client.post(CONFIRM, {"password": PASSWORD, "next": there}).headers["Location"] == there

    page = petra.client.get(there)

    assert "What you were about to do goes on now, with what you had filled in." in words(page)
    form = re.search(r'<form method="post" action="([^"]+)" data-goes-on>(.*?)</form>', html(page), re.DOTALL)
    assert form
    assert form[1] == path
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[2]))
    assert fields["sign_out"] == "on"
    done = petra.client.post(form[1], fields)
    assert done.headers["Location"] == window_of(kim.user)
    assert User.objects.get(pk=kim.user.pk).two_factor_enabled
    assert not kim.is_in


def test_an_act_goes_on_over_the_list_that_it_was_opened_from(kim, petra):
    """What was searched and filtered is there when the window closes, also with a confirmation between."""
    there = next_of(petra.client.post(f"{window_of(kim.user)}two-factor/on/?q=kim&page=2", {"sign_out": ""}))
    petra.client.post(CONFIRM, {"password": PASSWORD, "next": there})

    page = html(petra.client.get(there))
    path = unescape(re.search(r'action="([^"]+)" data-goes-on', page)[1])

    assert petra.client.post(path, {}).headers["Location"] == f"{window_of(kim.user)}?q=kim&page=2"


def test_several_values_of_one_name_all_go_on(petra, kim):
    there = next_of(petra.client.post(f"{window_of(kim.user)}two-factor/on/", {"a": ["1", "2"], "b": "<script>"}))
    petra.client.post(CONFIRM, {"password": PASSWORD, "next": there})

    page = petra.client.get(there).content.decode()

    assert page.index('name="a" value="1"') < page.index('name="a" value="2"')
    assert 'name="b" value="&lt;script&gt;"' in page


@pytest.mark.row("V4")
def test_no_password_waits_in_the_session(kim):
    fields = {"old_password": PASSWORD, "new_password1": "another long one", "new_password2": "another long one"}
    kim.client.post("/user-settings/password/", fields | {"note": "kept"})

    dump = session_dump(kim)
    assert "kept" in dump
    assert PASSWORD not in dump
    assert "another long one" not in dump


def test_what_waited_is_forgotten_once_it_is_done(petra, kim):
    """Back leads to no page that would do it a second time."""
    path = f"{window_of(kim.user)}passkeys/request/"
    there = next_of(petra.client.post(path))
    petra.client.post(CONFIRM, {"password": PASSWORD, "next": there})
    petra.client.post(path)

    assert is_refused(petra.client.get(there))
    assert petra.client.get(CONFIRM, {"next": there}).headers["Location"] == there
    assert PasskeyRequest.objects.get().user == kim.user


def test_going_on_is_no_way_around_the_confirmation(petra, kim):
    path = f"{window_of(kim.user)}passkeys/request/"
    there = next_of(petra.client.post(path, headers={"Referer": f"http://localhost:8000{LIST}"}))
    asked = petra.client.get(there)
    assert next_of(asked) == there
    assert f'<a href="{escape(LIST)}">Cancel</a>' in petra.client.get(asked.headers["Location"]).content.decode()

    assert next_of(petra.client.post(path)).startswith(CONTINUE)
    assert not PasskeyRequest.objects.exists()
    assert petra.client.post(there).status_code == 405


@pytest.mark.parametrize("query", ["", "?form=", "?form=none", "?form=a&form=b"])
def test_with_nothing_to_go_on_with_one_is_told_so(query, petra, kim):
    petra.client.post(f"{window_of(kim.user)}passkeys/request/")

    assert is_refused(petra.client.get(CONTINUE + query))


@pytest.mark.row("ASVS-7.5.1")
def test_a_thief_of_the_cookie_slips_no_form_under_the_owners_proof(kim_with_app):
    """Whatever else is sent in the session, what was confirmed is what goes on."""
    wanted = next_of(kim_with_app.client.post(f"{OWN}passkeys/request/"))
    thief = with_key(key_of(kim_with_app.client))
    theirs = next_of(thief.post("/user-settings/", {"email": "thief@evil.example"}))

    kim_with_app.client.post(CONFIRM, {"code": kim_with_app.code(), "next": wanted})

    page = kim_with_app.client.get(wanted).content.decode()
    assert f'action="{OWN}passkeys/request/" data-goes-on' in page
    assert "evil.example" not in page
    assert theirs != wanted


@pytest.fixture
def planted(kim_with_app):
    """Where a form goes on that a thief of the owner's session sent, in the thief's browser."""
    thief = with_key(key_of(kim_with_app.client))
    return next_of(thief.post(f"{OWN}two-factor/off/", {"sign_out": "on"}))


@pytest.mark.row("ASVS-7.5.1")
def test_a_planted_form_does_not_go_on_after_the_owner_confirmed_something_else(kim_with_app, planted):
    """A page elsewhere leads the owner's browser to where the thief's form waits, within the 15 minutes."""
    wanted = next_of(kim_with_app.client.post(f"{OWN}passkeys/request/"))
    kim_with_app.client.post(CONFIRM, {"code": kim_with_app.code(), "next": wanted})

    assert is_refused(kim_with_app.client.get(planted))
    assert "data-goes-on" in html(kim_with_app.client.get(wanted)), "the owner's own does, still"
    assert "two-factor/off" not in session_dump(kim_with_app)


@pytest.mark.row("ASVS-7.5.1")
def test_the_owner_is_not_led_to_confirm_a_planted_form(kim_with_app, planted):
    assert kim_with_app.client.get(CONFIRM, {"next": planted}).headers["Location"] == planted
    assert is_refused(kim_with_app.client.get(planted))

    confirmed = kim_with_app.client.post(CONFIRM, {"code": kim_with_app.code(), "next": planted}, follow=True)

    assert confirmed.redirect_chain[0] == (planted, 302)
    assert is_refused(confirmed)
    assert kim_with_app.user.authenticator_apps.exists()


@pytest.mark.row("ASVS-7.5.1")
def test_a_passkey_confirms_no_planted_form_either(kim_with_passkey):
    thief = with_key(key_of(kim_with_passkey.client))
    planted = next_of(thief.post("/user-settings/", {"email": "thief@evil.example"}))
    options = kim_with_passkey.json("/passkeys/authentication/options/", {}).json()
    credential = kim_with_passkey.authenticator.get(options)

    answer = kim_with_passkey.json("/passkeys/authentication/", {"credential": credential, "next": planted})

    assert is_refused(kim_with_passkey.client.get(answer.json()["next"]))


def test_a_thief_of_all_cookies_plants_nothing_in_the_owners_browser(kim_with_app):
    """Each form has a key of its own, which only the browser gets that sent it."""
    wanted = next_of(kim_with_app.client.post(f"{OWN}passkeys/request/"))
    thief = with_key(key_of(kim_with_app.client))
    for name, cookie in kim_with_app.client.cookies.items():
        thief.cookies[name] = cookie.value
    planted = next_of(thief.post(f"{OWN}two-factor/off/"))

    kim_with_app.client.post(CONFIRM, {"code": kim_with_app.code(), "next": wanted})

    assert is_refused(kim_with_app.client.get(planted))
    assert f'action="{OWN}passkeys/request/"' in html(kim_with_app.client.get(wanted))


def test_a_form_goes_on_under_a_proof_that_named_it_and_no_other(kim_with_app):
    """Somebody at an unlocked screen sends a form there; what its owner confirms later is not that one."""
    left_behind = next_of(kim_with_app.client.post(f"{OWN}two-factor/off/"))
    wanted = next_of(kim_with_app.client.post(f"{OWN}passkeys/request/"))
    kim_with_app.client.post(CONFIRM, {"code": kim_with_app.code(), "next": wanted})

    assert next_of(kim_with_app.client.get(left_behind)) == left_behind
    assert "data-goes-on" in html(kim_with_app.client.get(wanted))


def test_a_form_waits_for_ten_minutes(kim, clock):
    there = next_of(kim.client.post(f"{OWN}passkeys/request/"))
    clock.shift(10 * 60 - 1)
    kim.client.post(CONFIRM, {"password": PASSWORD, "next": there})
    assert "data-goes-on" in html(kim.client.get(there))
    clock.shift(1)

    assert is_refused(kim.client.get(there))


def test_whoever_took_longer_has_confirmed_and_sends_it_again(kim, clock):
    there = next_of(kim.client.post(f"{OWN}passkeys/request/"))
    clock.shift(10 * 60)
    assert is_refused(kim.client.post(CONFIRM, {"password": PASSWORD, "next": there}, follow=True))

    assert kim.client.post(f"{OWN}passkeys/request/").headers["Location"] == OWN
    assert PasskeyRequest.objects.get().user == kim.user


@pytest.mark.parametrize(("ahead", "waits"), [(30, True), (120, False), (10 * 365 * 86400, False)])
def test_a_form_that_was_sent_while_the_clock_ran_ahead_does_not_wait(kim, ahead, waits):
    """It would wait for as long as the clock was ahead; half a minute is what servers may differ by."""
    there = next_of(kim.client.post(f"{OWN}passkeys/request/"))
    session = kim.client.session
    ((key, form),) = session["held_forms"].items()
    session["held_forms"] = {key: form | {"at": form["at"] + ahead}}
    session.save()

    assert is_refused(kim.client.get(there)) is not waits


def test_a_form_of_before_the_update_does_not_go_on(kim):
    """It was bound to no browser."""
    session = kim.client.session
    session["held_forms"] = {"a": {"path": f"{OWN}passkeys/request/", "fields": [], "cancel": ""}}
    session.save()
    there = f"{CONTINUE}?form=a"

    assert is_refused(kim.client.get(there))
    assert kim.client.post(CONFIRM, {"password": PASSWORD, "next": there}).headers["Location"] == there
    assert is_refused(kim.client.get(there))


def test_the_cookie_of_a_form_goes_to_this_site_alone_and_is_gone_with_the_form(kim, settings):
    settings.OVER_TLS = True
    cookie = kim.client.post(f"{OWN}passkeys/request/").cookies["forms"]

    assert cookie["samesite"] == "Strict"
    assert (cookie["httponly"], cookie["secure"], cookie["path"], cookie["domain"]) == (True, True, "/", "")
    assert cookie["max-age"] == 10 * 60
    assert "forms" not in kim.client.get(OWN_SETUP).cookies, "a page is asked for again, and holds nothing"


@pytest.mark.parametrize("bent", ["", ".", "x" * 4000, "a.b.c.d.e", "ä"])
def test_a_cookie_of_forms_that_was_made_up_opens_nothing(kim, bent):
    there = next_of(kim.client.post(f"{OWN}passkeys/request/"))
    kim.client.cookies["forms"] = bent

    assert is_refused(kim.client.get(there))
    again = next_of(kim.client.post(f"{OWN}passkeys/request/"))
    assert len(kim.client.cookies["forms"].value) < 100
    kim.client.post(CONFIRM, {"password": PASSWORD, "next": again})
    assert "data-goes-on" in html(kim.client.get(again))


def test_each_of_three_tabs_goes_on_with_its_own_form(petra, kim):
    """Each after its own confirmation, in whatever order, and the other two wait meanwhile."""
    forms = [f"{window_of(kim.user)}{act}" for act in ("two-factor/on/", "passkeys/request/", "two-factor/off/")]
    places = [next_of(petra.client.post(form)) for form in forms]

    for form, place in reversed(list(zip(forms, places, strict=True))):
        assert next_of(petra.client.get(place)) == place
        petra.client.post(CONFIRM, {"password": PASSWORD, "next": place})
        assert f'action="{form}"' in petra.client.get(place).content.decode()
    petra.client.post(forms[0])
    assert is_refused(petra.client.get(places[0]))
    assert petra.client.get(places[1]).status_code == 200


def test_a_fourth_form_takes_the_firsts_place(petra, kim):
    first, *others = [next_of(petra.client.post(f"{window_of(kim.user)}passkeys/request/?q={n}")) for n in range(4)]

    assert is_refused(petra.client.get(first))
    for each in others:
        assert next_of(petra.client.get(each)) == each


# --- Scripts ---


@pytest.mark.row("V27")
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_htmx_request_gets_403_with_a_code_and_where_to_go(kim, method):
    path = f"{OWN}two-factor/on/"

    answer = getattr(kim.client, method)(path, headers={"hx-request": "true"})

    assert answer.status_code == 403
    assert answer.json()["error"] == "confirmation_required"
    there = answer.json()["next"]
    assert answer.headers["HX-Redirect"] == there
    back = parse_qs(urlsplit(there).query)["next"][0]
    assert back.partition("?form=")[0] == (path if method == "get" else CONTINUE)


@pytest.mark.row("V21", "V27")
def test_a_json_request_gets_403_with_a_code(kim):
    answer = kim.client.post(NEW_CODES, headers={"accept": "application/json"})

    assert answer.status_code == 403
    assert answer.json()["error"] == "confirmation_required"
    assert "HX-Redirect" not in answer.headers


def test_the_codes_page_leads_on_where_no_codes_wait(kim):
    kim.client.post(CONFIRM, {"password": PASSWORD})
    assert kim.client.get(OWN_CODES).headers["Location"] == OWN


LIST = "/settings/administration/users/?q=hansen&page=2"


@pytest.mark.parametrize(
    ("came_from", "leads_to"),
    [
        (f"http://localhost:8000{LIST}", LIST),
        ("http://localhost:8000/user-settings/mfa/", "/user-settings/mfa/"),
        ("http://localhost:8000//evil.example/", "/"),
        ("https://evil.example/portal/", "/"),
        ("http://localhost:8000/confirm/?next=/portal/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
@pytest.mark.parametrize("header", ["Referer", "HX-Current-URL"])
def test_cancel_leads_back_to_where_one_came_from(petra, kim, came_from, leads_to, header):
    headers = {header: came_from, "HX-Request": "true"} if header.startswith("HX") else {header: came_from}
    answer = petra.client.get(f"{window_of(kim.user)}two-factor/on/", headers=headers)
    page = html(petra.client.get(answer.headers.get("HX-Redirect") or answer.headers["Location"]))

    assert re.findall(r'<a href="([^"]*)">Cancel</a>', page) == [leads_to]


def test_cancel_believes_no_address_elsewhere(petra):
    page = html(petra.client.get(f"{CONFIRM}?cancel=//evil.example/"))

    assert re.findall(r'<a href="([^"]*)">Cancel</a>', page) == ["/"]
