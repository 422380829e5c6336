"""Session keys that are stolen, planted, guessed or kept, and whoever ends somebody else's."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import call_command

from accounts.models import Session
from accounts.sessions.store import stored_as
from audit.models import AuditEvent
from tests.accounts.walk import everything, pages
from tests.documents import decision
from tests.people import NOW, PASSWORD, Person, browser, key_of, with_key

NEW = {"old_password": PASSWORD, "new_password1": "nine red umbrellas", "new_password2": "nine red umbrellas"}


# --- The cheat sheet ---


@pytest.mark.row("CS-SESS-1")
def test_only_the_cookie_carries_a_session(kim):
    kim.sign_in()
    key = key_of(kim.client)

    for name in ("session", "sessionid", "session_key", "sid"):
        assert browser().get("/portal/", {name: key}).status_code == 302
        assert browser().post("/user-settings/", {name: key}).status_code == 302


@pytest.mark.row("CS-SESS-2", "B-18")
def test_a_key_that_is_unknown_is_never_adopted(kim):
    planted = "a1" * 16
    kim.client.cookies["session"] = planted
    kim.sign_in()

    assert key_of(kim.client) != planted
    assert not Session.objects.filter(pk=stored_as(planted)).exists()
    assert with_key(planted).get("/portal/").status_code == 302


@pytest.mark.row("CS-SESS-4")
def test_the_choice_of_an_hour_is_documented():
    assert "`SESSION_IDLE_SECONDS`" in decision(22)
    assert "**Sessions end** after one hour without a request" in decision(22)


@pytest.mark.row("CS-SESS-5")
def test_the_life_of_a_session_is_in_the_audit_without_its_key(kim):
    kim.sign_in()
    elsewhere = Person(kim.user)
    elsewhere.sign_in()
    keys = [key_of(person.client) for person in (kim, elsewhere)]
    here, there = (str(Session.objects.get(pk=stored_as(key)).public_id) for key in keys)
    kim.client.post(f"/user-settings/sessions/{there}/end/")
    kim.client.post("/logout/")

    lines = {
        (line.action, line.details.get("session"))
        for line in AuditEvent.objects.filter(action__in=["signed_in", "session_ended", "signed_out"])
    }
    assert lines == {("signed_in", here), ("signed_in", there), ("session_ended", there), ("signed_out", here)}
    written = str(list(AuditEvent.objects.values()))
    assert not any(key in written or stored_as(key) in written for key in keys)


@pytest.mark.row("CS-SESS-6")
def test_whatever_sets_a_session_is_kept_by_no_cache(kim):
    kim.set_up_app()
    for answer in (
        kim.json("/passkeys/authentication/options/", {}),
        kim.enter_password(),
        kim.enter_code(),
        kim.client.get("/session/"),
        kim.client.post("/session/"),
    ):
        assert "no-store" in answer.headers["Cache-Control"], answer.request["PATH_INFO"]


@pytest.mark.row("CS-SESS-8")
def test_a_copy_of_the_database_opens_no_session(kim):
    kim.sign_in()
    out = StringIO()
    call_command("dumpdata", stdout=out)

    assert key_of(kim.client) not in out.getvalue()
    for row in Session.objects.all():
        for stolen in (row.pk, str(row.public_id), stored_as(row.pk)):
            assert with_key(stolen).get("/portal/").status_code == 302
    assert kim.is_in


@pytest.mark.row("ASVS-14.3.1", "H-08")
def test_signing_out_clears_the_browser_and_keeps_other_cookies(kim):
    kim.sign_in()
    answer = kim.client.post("/logout/")

    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert answer.headers["Location"] == "/login/?signed_out=yes"
    assert answer.cookies["session"]["max-age"] == 0
    assert "Clear-Site-Data" not in browser().get("/login/").headers


# --- Bypasses ---


@pytest.mark.row("B-18")
def test_every_step_rotates_and_a_planted_key_is_dead(kim):
    kim.set_up_app()
    thief = browser()
    thief.post("/passkeys/authentication/options/", {}, content_type="application/json")
    planted = key_of(thief)
    kim.client.cookies["session"] = planted
    keys = [planted]
    for step in (kim.enter_password, kim.enter_code):
        step()
        keys.append(key_of(kim.client))

    assert len(set(keys)) == 3
    for old in keys[:-1]:
        assert with_key(old).get("/portal/").status_code == 302
    assert thief.get("/portal/").status_code == 302


@pytest.mark.row("B-35")
def test_nobody_ends_a_session_of_somebody_else_whoever_they_are(administrator, kim):
    kim.sign_in()
    theirs = Session.objects.get(user=kim.user).public_id
    before = everything()

    assert administrator.client.post(f"/user-settings/sessions/{theirs}/end/").status_code == 404
    assert administrator.client.post("/user-settings/sessions/end-others/").status_code == 302

    assert kim.is_in
    after = everything("AuditEvent")
    for row in after["User"]:
        row["session_epoch"] -= row["username"] == "petra"  # her own other sessions are ended
    assert after == {name: rows for name, rows in before.items() if name != "AuditEvent"}


@pytest.mark.row("B-51")
@pytest.mark.parametrize("end", ["sign out", "password", "deactivation", "idle", "overall"])
def test_the_cookie_of_a_session_that_ended_is_worth_nothing(end, kim, administrator, time_machine):
    time_machine.move_to(NOW, tick=False)
    administrator.sign_in()
    kim.sign_in()
    key = key_of(kim.client)
    if end == "sign out":
        kim.client.post("/logout/")
    elif end == "password":
        kim.client.post("/user-settings/password/", NEW)
        assert kim.is_in
    elif end == "deactivation":
        administrator.client.post(f"/settings/administration/users/{kim.user.pk}/deactivate/")
    elif end == "idle":
        time_machine.shift(3601)
    else:
        Session.objects.filter(user=kim.user).update(seen_at=datetime(2026, 5, 5, 9, 30, tzinfo=UTC))
        time_machine.shift(86401)

    for page in pages():
        if not page.public:
            answer = with_key(key).get(page.path(user_id=kim.user.pk))
            assert answer.headers["Location"].startswith("/login/"), page.name
    assert with_key(key).post("/session/", headers={"accept": "application/json"}).status_code == 401


@pytest.mark.row("CS-AUTH-4", "V22")
def test_half_way_logins_die_with_the_password(kim):
    kim.set_up_app()
    half = Person(kim.user, app_key=kim.app_key)
    half.enter_password()
    kim.sign_in()
    kim.client.post("/user-settings/password/", NEW)

    assert half.enter_code(kim.code(1)).headers["Location"] == "/"
    assert not half.is_in
