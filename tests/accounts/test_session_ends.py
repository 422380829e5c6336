"""Sessions: what they are, what ends them, and one's own list of them. What test_sessions.py says is not said again."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from time import time
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.sessions.backends import signed_cookies

from accounts import login, people
from accounts.authorization import NotPermitted
from accounts.models import Role, Session, User
from accounts.sessions import listed
from accounts.sessions.current import in_session
from accounts.sessions.store import SessionStore, new_key, stored_as
from audit.models import AuditEvent
from mfa import services
from mfa.views import login as login_views
from tests.accounts.steps import HALF_WAY, go_half_way
from tests.accounts.walk import pages
from tests.documents import decision
from tests.people import NOW, PASSWORD, Person, browser, key_of, with_key

README = (Path(__file__).resolve().parent.parent.parent / "README.md").read_text()

MINUTE, HOUR = 60, 3600


@pytest.fixture
def lee(make_person):
    return make_person("lee")


def another(person: Person) -> Person:
    """The same person at another browser, signed in."""
    other = Person(person.user, authenticator=person.authenticator, app_key=person.app_key)
    other.sign_in()
    return other


def place_of(person: Person) -> str:
    return f"/user-settings/sessions/{Session.objects.get(pk=stored_as(key_of(person.client))).public_id}/end/"


# --- 7.1 Documentation ---


@pytest.mark.row("ASVS-7.1.1")
def test_the_limits_are_documented_and_are_the_settings():
    row = next(line for line in README.splitlines() if "`SESSION_IDLE_SECONDS`" in line)

    assert re.findall(r"`(\d+)`", row) == ["3600", "86400"]
    assert (settings.SESSION_IDLE_SECONDS, settings.SESSION_SECONDS) == (3600, 86400)
    assert "NIST SP 800-63B-4" in decision(22)


@pytest.mark.row("ASVS-7.1.2")
def test_as_many_sessions_as_one_likes_go_on_at_once(kim):
    everywhere = [another(kim) for _ in range(8)]

    assert all(person.is_in for person in everywhere)
    assert "As many sessions at once as one likes" in decision(22)


@pytest.mark.row("ASVS-7.1.3")
def test_no_session_is_anybody_elses():
    assert settings.AUTHENTICATION_BACKENDS == ["mfa.backends.SignInBackend"]


# --- 7.2 What a session is ---


@pytest.mark.row("ASVS-7.2.1")
def test_a_cookie_that_is_made_up_or_bent_opens_nothing(kim):
    kim.sign_in()
    key = key_of(kim.client)
    forged = signed_cookies.SessionStore()
    forged["_auth_user_id"] = str(kim.user.pk)

    for cookie in (key[:-1], key.upper(), f"{key[:-1]}{'a' if key[-1] != 'a' else 'b'}", forged._get_session_key(), ""):
        assert with_key(cookie).get("/portal/").status_code == 302
    assert settings.SESSION_ENGINE == "accounts.sessions.store"
    assert kim.is_in


@pytest.mark.row("ASVS-7.2.2")
def test_no_header_and_no_name_of_a_session_opens_one(kim):
    kim.sign_in()
    key, public = key_of(kim.client), str(Session.objects.get(user=kim.user).public_id)

    for value in (key, public):
        for headers in ({"authorization": f"Bearer {value}"}, {"x-session": value}, {"cookie": f"sessionid={value}"}):
            assert browser().get("/portal/", headers=headers).status_code == 302
    assert with_key(public).get("/portal/").status_code == 302


@pytest.mark.row("ASVS-7.2.3", "N-5.1-secret")
def test_keys_are_unique_and_hold_128_bits(db):
    keys = {new_key() for _ in range(1000)}

    assert len(keys) == 1000
    assert {len(key) for key in keys} == {32}
    assert len(set("".join(keys))) == 64  # 64 ** 32 is 192 bits


@pytest.mark.row("ASVS-7.2.4", "N-5.1-secret", "CS-SESS-3")
def test_every_proof_gives_the_session_another_key_and_kills_the_old_one(kim, clock):
    kim.set_up_app()
    kim.client.post("/passkeys/authentication/options/", {}, content_type="application/json")
    seen = [key_of(kim.client)]
    kim.enter_password()
    seen.append(key_of(kim.client))
    kim.enter_code()
    seen.append(key_of(kim.client))
    clock.shift(20 * MINUTE)
    kim.client.post("/confirm/", {"code": kim.code()})
    seen.append(key_of(kim.client))
    new = {"old_password": PASSWORD, "new_password1": "nine red umbrellas", "new_password2": "nine red umbrellas"}
    assert kim.client.post("/user-settings/password/", new).headers["Location"] == "/user-settings/"
    seen.append(key_of(kim.client))

    assert len(set(seen)) == 5
    for old in seen[:-1]:
        assert with_key(old).get("/portal/").status_code == 302
    assert kim.is_in


# --- 7.3 Timeouts ---


@pytest.mark.row("ASVS-7.3.1", "N-2.2.3-1h", "N-5.1.1", "N-5.1.1-expiry")
def test_an_hour_of_nothing_ends_a_session_whatever_the_cookie_says(kim, clock):
    kim.sign_in()
    key = key_of(kim.client)

    clock.shift(HOUR - 1)
    assert with_key(key).get("/portal/").status_code == 200
    clock.shift(HOUR)
    answer = with_key(key).get("/m2s/?a=1")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/?next=%2Fm2s%2F%3Fa%3D1")
    assert not Session.objects.filter(pk=stored_as(key)).exists()
    clock.shift(-HOUR)
    assert with_key(key).get("/portal/").status_code == 302


@pytest.mark.row("ASVS-7.3.2", "N-2.2.3-24", "N-5.1.1", "N-5.1.1-expiry", "N-5.2-term")
def test_a_day_ends_a_session_however_busy_it_is(kim, clock):
    kim.sign_in()

    for _ in range(24 * 6 - 1):
        clock.shift(10 * MINUTE)
        assert kim.is_in
    clock.shift(10 * MINUTE)

    assert not kim.is_in
    assert not Session.objects.filter(user=kim.user).exists()


@pytest.mark.row("ASVS-7.3.2", "N-5.2-term")
def test_confirming_who_one_is_does_not_lengthen_a_day(kim, clock):
    kim.sign_in()
    for _ in range(47):
        clock.shift(30 * MINUTE)
        kim.client.post("/confirm/", {"password": PASSWORD})
        assert kim.is_in
    clock.shift(30 * MINUTE)

    assert not kim.is_in


@pytest.mark.row("ASVS-7.3.1")
def test_other_limits_hold_for_sessions_that_are_there(kim, clock, settings):
    kim.sign_in()
    settings.SESSION_IDLE_SECONDS = 120
    clock.shift(119)
    assert kim.is_in
    clock.shift(120)
    assert not kim.is_in


@pytest.mark.row("ASVS-7.3.2", "B-05")
@pytest.mark.parametrize("kind", HALF_WAY)
def test_a_login_half_way_keeps_its_ten_minutes(kind, kim, admin, clock):
    go_half_way(kim, kind, admin)

    clock.shift(9 * MINUTE)
    assert kim.asked_for == HALF_WAY[kind]
    clock.shift(1 * MINUTE + 1)
    assert kim.asked_for == "/login/"


# --- 7.4 Ends ---


@pytest.mark.row("ASVS-7.4.1")
def test_a_session_ends_under_whatever_key_it_has_by_then(kim, monkeypatch):
    """Signing out meets a confirmation in another tab, which gives the session its next key."""
    kim.sign_in()
    tab, other = with_key(key_of(kim.client)), with_key(key_of(kim.client))
    logout = login_views.logout

    def late(request):
        assert other.post("/confirm/", {"password": PASSWORD}).headers["Location"] == "/"
        logout(request)

    monkeypatch.setattr(login_views, "logout", late)
    tab.post("/logout/")

    assert not Session.objects.exists()
    assert other.get("/portal/").status_code == 302


@pytest.mark.row("ASVS-7.4.1")
def test_the_browser_drops_the_cookie_of_what_was_ended_here_and_no_other(kim):
    """A late answer to a key of before must not take the next one away."""
    kim.sign_in()
    before = with_key(key_of(kim.client))
    kim.client.post("/confirm/", {"password": PASSWORD})

    assert settings.SESSION_COOKIE_NAME not in before.get("/session/").cookies
    assert settings.SESSION_COOKIE_NAME not in before.get("/portal/").cookies
    dropped = kim.client.post("/logout/").cookies[settings.SESSION_COOKIE_NAME]
    assert (dropped.value, dropped["max-age"]) == ("", 0)


@pytest.mark.row("ASVS-7.4.3")
def test_without_the_app_what_it_opened_ends_but_the_session_that_removes_it(kim):
    kim.set_up_app()
    by_passkey = Person(kim.user, authenticator=kim.authenticator)
    kim.add_passkey()
    by_passkey.use_passkey()
    kim.sign_in()
    by_recovery = Person(kim.user)
    by_recovery.enter_password()
    by_recovery.client.post("/login/challenge/?with=recovery", {"code": kim.codes[0]})
    assert by_recovery.is_in

    answer = kim.client.post("/user-settings/mfa/two-factor/off/")

    assert answer.headers["Location"] == "/user-settings/mfa/"
    assert kim.is_in
    assert by_passkey.is_in
    assert not by_recovery.is_in


@pytest.mark.row("ASVS-6.5.6", "B-23")
def test_without_a_passkey_what_it_opened_ends_and_nothing_else(kim, administrator):
    passkey = kim.add_passkey()
    kim.use_passkey()
    by_password = another(kim)

    administrator.client.post(f"/settings/administration/users/{kim.user.pk}/mfa/passkeys/{passkey.pk}/delete/")

    assert not kim.is_in
    assert by_password.is_in
    assert administrator.is_in


@pytest.mark.row("ASVS-7.4.3")
def test_the_session_that_deletes_its_own_passkey_goes_on(kim):
    passkey = kim.add_passkey()
    kim.use_passkey()
    elsewhere = Person(kim.user, authenticator=kim.authenticator)
    elsewhere.use_passkey()

    kim.client.post(f"/user-settings/mfa/passkeys/{passkey.pk}/delete/")

    assert kim.is_in
    assert not elsewhere.is_in


@pytest.mark.row("ASVS-7.4.3")
def test_another_app_ends_what_the_old_one_opened(kim):
    kim.set_up_app()
    kim.sign_in()

    kim.set_up_app()

    assert not kim.is_in


@pytest.mark.row("ASVS-7.4.3")
def test_new_recovery_codes_end_nothing(kim):
    kim.set_up_app()
    kim.sign_in()

    services.make_recovery_codes(kim.user, actor=kim.user)

    assert kim.is_in


@pytest.mark.row("ASVS-8.3.2")
@pytest.mark.parametrize("what", ["role", "company"])
def test_another_role_or_company_ends_every_session_at_once(what, kim, admin, other_company):
    kim.sign_in()
    elsewhere = another(kim)
    if what == "role":
        kim.user.role = Role.COMPANY_ADMINISTRATOR
    else:
        kim.user.company = other_company

    people.change_user(kim.user, changed=[what], actor=admin)

    assert not kim.is_in
    assert not elsewhere.is_in


@pytest.mark.row("ASVS-8.3.2")
def test_nobody_moves_themselves(administrator, company):
    form = {"username": "petra", "email": "petra@acme.example", "role": "member", "company": str(company.pk)}
    administrator.client.post(f"/settings/administration/users/{administrator.user.pk}/", form)

    kept = User.objects.get(pk=administrator.user.pk)
    assert (kept.role, kept.company_id) == (Role.ADMINISTRATOR, None)
    assert administrator.is_in
    kept.company = company
    with pytest.raises(NotPermitted):
        people.change_user(kept, changed=["company"], actor=kept)


@pytest.mark.row("ASVS-7.4.3")
def test_another_name_ends_nothing(kim):
    kim.sign_in()
    kim.user.first_name = "Kimberly"

    people.change_user(kim.user, changed=["first_name"], actor=kim.user)

    assert kim.is_in


# --- 7.5 One's own sessions ---


@pytest.mark.row("ASVS-7.5.2", "CS-SESS-7")
def test_the_list_says_where_since_when_how_and_which_one_this_is(kim, clock):
    kim.set_up_app()
    phone = Person(kim.user, client=browser(), authenticator=kim.authenticator)
    phone.client.defaults["HTTP_USER_AGENT"] = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19.0 Safari/605.1"
    phone.add_passkey()
    phone.use_passkey()
    clock.shift(30 * MINUTE)
    kim.sign_in()

    page = kim.client.get("/user-settings/").content.decode()
    card = " ".join(unescape(re.sub(r"<[^>]+>", " ", page[page.index('id="sessions"') :])).split())

    assert re.search(
        r"Chrome on Linux This session Since today, 10:00, with a password and a code · 127\.0\.0\.1 "
        r"Safari on iPhone Since today, 09:30, with a passkey · 127\.0\.0\.1 · last active today, 09:30 Sign out",
        card,
    ), card
    assert "Sign out everywhere else" in card
    assert key_of(phone.client) not in page
    assert key_of(kim.client) not in page


@pytest.mark.row("ASVS-7.5.2")
def test_ending_one_ends_that_one_and_is_written_down(kim, lee):
    kim.sign_in()
    phone, tablet = another(kim), another(kim)
    lee.sign_in()

    answer = kim.client.post(place_of(phone), follow=True)

    assert "You are signed out of Chrome on Linux." in answer.content.decode()
    assert not phone.is_in
    assert all(person.is_in for person in (kim, tablet, lee))
    line = AuditEvent.objects.get(action="session_ended")
    assert (line.actor, line.subject, line.details["name"]) == (kim.user, kim.user, "Chrome on Linux")


@pytest.mark.row("ASVS-7.5.2")
def test_ending_the_others_ends_half_way_ones_too(kim, lee, admin):
    kim.sign_in()
    phone = another(kim)
    services.request_passkey(kim.user, actor=admin)
    half = Person(kim.user)
    half.enter_password()
    lee.sign_in()

    answer = kim.client.post("/user-settings/sessions/end-others/", follow=True)

    assert "You are signed out everywhere else." in answer.content.decode()
    assert not phone.is_in
    assert half.asked_for == "/login/"
    assert kim.is_in
    assert lee.is_in
    assert AuditEvent.objects.get(action="other_sessions_ended").details == {"sessions": 2}


@pytest.mark.row("ASVS-7.5.2")
@pytest.mark.parametrize("whose", ["somebody else's", "nobody's", "the acting one"])
def test_no_other_session_can_be_ended(whose, kim, lee):
    kim.sign_in()
    lee.sign_in()
    theirs = {"somebody else's": place_of(lee), "the acting one": place_of(kim)}
    before = Session.objects.count()

    answer = kim.client.post(theirs.get(whose, f"/user-settings/sessions/{uuid4()}/end/"))

    assert answer.status_code == 404
    assert Session.objects.count() == before
    assert lee.is_in
    assert not AuditEvent.objects.filter(action="session_ended").exists()


@pytest.mark.row("ASVS-7.5.2")
@pytest.mark.parametrize("all_others", [True, False])
def test_ending_needs_a_fresh_proof_and_goes_on_after_it(all_others, kim, clock):
    phone = another(kim)
    clock.shift(5 * MINUTE)
    kim.sign_in()
    clock.shift(16 * MINUTE)
    path = "/user-settings/sessions/end-others/" if all_others else place_of(phone)

    answer = kim.client.post(path)
    assert answer.headers["Location"].startswith("/confirm/")
    assert phone.is_in
    goes_on = kim.client.post(answer.headers["Location"], {"password": PASSWORD}, follow=True)
    assert f'action="{path}"' in goes_on.content.decode()
    kim.client.post(path)

    assert not phone.is_in
    assert kim.is_in


@pytest.mark.row("ASVS-7.5.2")
def test_the_acting_session_is_known_after_its_key_changed_in_the_same_request(kim, rf):
    """A request proves something, which renames its session, and then ends all others."""
    kim.sign_in()
    elsewhere = another(kim)
    request = rf.get("/")
    request.session = SessionStore(key_of(kim.client))
    with in_session(request.session):
        login.add_proof(request.session, login.Proof("password", time()))
        listed.end_others(kim.user, actor=kim.user)
    request.session.save()

    assert with_key(request.session.session_key).get("/portal/").status_code == 200
    assert not elsewhere.is_in


# --- 7.6 How a session begins ---


@pytest.mark.row("ASVS-7.6.1-7.6.2")
def test_no_get_ever_signs_anybody_in(kim):
    kim.add_passkey()
    client = browser()

    for page in pages():
        client.get(page.path(user_id=kim.user.pk), {"username": "kim", "password": PASSWORD, "next": "/portal/"})

    assert not Session.objects.filter(user__isnull=False).exists()


def test_the_clock_of_these_tests_is_the_servers(clock):
    assert time() == NOW.timestamp()
