"""Factors changed on less than a factor, and companies that must not meet."""

from __future__ import annotations

import logging
from uuid import UUID

import pytest

from accounts.models import Session
from audit.models import AuditEvent
from companies import services as companies
from mfa import services
from mfa.models import Passkey
from tests.accounts.walk import everything, pages
from tests.mfa.pages import NEW_CODES, OWN, OWN_SETUP, SETUP, window_of
from tests.people import PASSWORD, Person
from tests.scenes import REGISTRATION, paths_about, things
from tests.security.flows import NoCache

USERS = "/settings/administration/users/"
QUARTER = 15 * 60 + 1


# --- Multi-factor authentication ---


@pytest.mark.row("CS-MFA-4")
@pytest.mark.parametrize("act", [f"{OWN}two-factor/off/", NEW_CODES, OWN_SETUP])
def test_a_factor_is_changed_on_an_existing_factor(act, clock, kim_with_app):
    kim = kim_with_app
    kim.sign_in()
    clock.shift(QUARTER)
    before = things()

    assert kim.client.post(act, {"code": "123456"}).headers["Location"].startswith("/confirm/")
    assert kim.json(f"{REGISTRATION}options/", {}).status_code == 403
    assert things() == before
    assert kim.client.post("/confirm/", {"code": kim.code()}).status_code == 302
    assert not kim.client.post(act, {"code": "x"}).headers.get("Location", "").startswith("/confirm/")


@pytest.mark.row("CS-MFA-7")
def test_no_code_is_logged_or_kept(kim_with_app, caplog):
    kim, used, wrong = kim_with_app, kim_with_app.codes[0], "918273"
    caplog.set_level(logging.DEBUG)
    right = kim.code()
    kim.enter_password()
    for code in (wrong, right):
        kim.enter_code(code)
    kim.client.post("/confirm/", {"code": used})

    kept = str(everything()) + str([row.get_decoded() for row in Session.objects.all()])
    said = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("django.db"))
    lines = str(list(AuditEvent.objects.values_list("details", "browser")))
    for code in (wrong, used, used.replace("-", ""), PASSWORD):
        assert code not in kept
        assert code not in said
    for code in (wrong, right, used):
        assert code not in lines


@pytest.mark.row("CS-MFA-8")
@pytest.mark.parametrize("who", ["administrator", "company administrator"])
def test_administrators_are_asked_like_all_others(who, admin, company_admin, company):
    person = Person(admin if who == "administrator" else company_admin)
    if who == "administrator":
        services.enable_two_factor(admin, actor=admin)
    else:
        companies.enable_company_two_factor(company, actor=admin)

    person.enter_password()
    assert person.client.get("/settings/").status_code == 302
    assert person.asked_for == SETUP


# --- Authentication ---


# --- Tenants ---


@pytest.mark.row("CS-TEN-2")
def test_equal_names_in_two_companies_stay_apart(make_person, carla, kim, other_company):
    twin = make_person("kim2", first_name="Kim", last_name="Hansen", company=other_company)
    for person in (kim, twin):
        person.add_passkey()
        person.sign_in()

    assert carla.client.get(USERS, {"q": "Kim Hansen"}).content.decode().count("Actions for kim") == 1
    lines = AuditEvent.objects.filter(action="signed_in", subject__in=[kim.user, twin.user]).order_by("id")
    assert [line.company for line in lines] == [kim.user.company, other_company]
    assert Passkey.objects.filter(name=kim.user.passkeys.get().name).count() == 2, "one name each"


@pytest.mark.row("ASVS-14.2.2", "CS-TEN-2")
def test_no_page_is_kept_in_a_cache(administrator, kim, settings):
    """Nor anything else that could be of another company: none is asked."""
    settings.CACHES = {"default": {"BACKEND": "tests.security.flows.NoCache"}}
    NoCache.asked.clear()
    kim.add_passkey()
    kim.sign_in()

    for person in (administrator, kim):
        statuses = {person.client.get(path).status_code for path in paths_about(kim.user).values()}
        assert statuses <= {200, 302, 403, 404, 405, 410}
        assert 200 in statuses
    assert NoCache.asked == []


@pytest.mark.row("CS-TEN-3")
def test_ids_cannot_be_guessed(kim, company, carla, foreigners):
    passkey = kim.add_passkey()
    for made in (kim.user.pk, company.pk, passkey.pk):
        assert isinstance(made, UUID)
        assert made.version == 4
    ids = {name for page in pages() for name in ("user_id", "company_id", "passkey_id") if page.has(name)}
    assert ids == {"user_id", "company_id", "passkey_id"}
    assert not [page.pattern for page in pages() if "<int:" in page.pattern or "<str:" in page.pattern]
    for person in foreigners:
        assert carla.client.get(f"{USERS}{person.user.pk}/").status_code == 404, "a known id is no key"
        assert carla.client.get(window_of(person.user)).status_code == 404
