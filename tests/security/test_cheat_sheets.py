"""OWASP's cheat sheets: multi-factor authentication, authentication, tenants."""

from __future__ import annotations

import logging
from uuid import UUID

import pytest

from accounts.models import Session, User
from audit.models import AuditEvent
from companies import services as companies
from mfa import services
from mfa.models import AuthenticatorApp, Passkey
from tests.accounts.walk import everything, pages
from tests.mfa.pages import CHALLENGE, NEW_CODES, OWN, OWN_SETUP, SAVE, SETUP, confirm_setup, open_setup, window_of
from tests.people import PASSWORD, Person, browser
from tests.security.flows import NoCache
from tests.security.scenes import DOORS, FORM, PASSWORD_PAGE, REGISTRATION, is_shut, main_of, paths_about, things

USERS = "/settings/administration/users/"
QUARTER = 15 * 60 + 1
OWN_CHANGES = [
    PASSWORD_PAGE,
    "/user-settings/",
    f"{OWN}two-factor/off/",
    f"{OWN}two-factor/on/",
    OWN_SETUP,
    NEW_CODES,
    f"{OWN}passkeys/request/",
]


# --- Multi-factor authentication ---


@pytest.mark.row("CS-MFA-1")
@pytest.mark.parametrize("path", [*OWN_CHANGES, f"{USERS}new/"])
def test_what_asks_for_a_fresh_proof(path, clock, admin):
    petra = Person(admin)
    petra.set_up_app()
    petra.sign_in()
    clock.shift(QUARTER)
    before = things()

    answer = petra.client.post(path, {"email": "new@acme.example", "language": "en", "username": "new"})

    assert answer.headers["Location"].startswith("/confirm/")
    assert petra.client.post("/confirm/", {"password": PASSWORD}).status_code == 400, "the password is not enough"
    assert things() == before


@pytest.mark.row("CS-MFA-2")
@pytest.mark.parametrize("scheme", ["Basic a2ltOmNvcnJlY3QgaG9yc2UgYmF0dGVyeSBzdGFwbGU=", "Bearer x", "Token x"])
def test_no_header_signs_anybody_in(scheme, half_way):
    for client in (browser(), half_way.client):
        assert [client.get(path, HTTP_AUTHORIZATION=scheme).status_code for path in DOORS] == [302] * len(DOORS)


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


@pytest.mark.row("CS-MFA-6")
def test_set_up_ends_with_saved_recovery_codes(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    kim.enter_password()
    assert confirm_setup(kim, open_setup(kim)).headers["Location"] == SAVE

    assert kim.client.post(SAVE, {}).status_code == 400
    assert is_shut(kim)
    assert kim.client.post(SAVE, {"saved": "on"}).headers["Location"] == "/"
    assert kim.is_in
    assert kim.user.recovery_codes.filter(used_at=None).count() == 10


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


@pytest.mark.row("CS-AUTH-1")
def test_one_answer_for_every_failed_sign_in(make_person, kim):
    make_person("inga", is_active=False)
    make_person("ines", password=None)
    told = {
        (answer.status_code, main_of(answer, name))
        for name, password in (("kim", "wrong"), ("nobody", "wrong"), ("inga", PASSWORD), ("ines", "!"))
        for answer in (browser().post("/login/", {"username": name, "password": password}),)
    }

    assert len(told) == 1


@pytest.mark.row("CS-AUTH-3")
def test_an_endless_password_is_not_hashed(kim, monkeypatch):
    def hashed(*_args, **_kwargs):
        raise AssertionError("hashed")

    monkeypatch.setattr("accounts.models.User.check_password", hashed)
    monkeypatch.setattr("accounts.models.User.set_password", hashed)
    for size in (1025, 200_000, 1_000_000):
        answer = browser().post("/login/", {"username": "kim", "password": "x" * size})
        assert answer.status_code in {400, 413}


@pytest.mark.row("CS-AUTH-5")
def test_one_request_is_one_guess(half_way):
    right = half_way.code()
    many = [*(f"{number:06}" for number in range(20)), right, "000000"]

    assert half_way.client.post(CHALLENGE, {"code": many}).status_code == 400
    assert AuditEvent.objects.filter(action="refused").count() == 1
    assert half_way.json(CHALLENGE, {"code": many}).status_code in {400, 403}
    body = "&".join(f"code[]={code}" for code in many)
    assert half_way.client.generic("POST", CHALLENGE, body, FORM).status_code == 400
    assert is_shut(half_way)
    assert not AuthenticatorApp.objects.exclude(last_used_at=None).exists()


# --- Tenants ---


@pytest.mark.row("CS-TEN-1")
def test_the_company_is_never_taken_from_the_request(carla, foreigners, other_company):
    other, headers = str(other_company.pk), {}
    for name in ("X_COMPANY", "X_COMPANY_ID", "X_TENANT", "X_ORG_ID"):
        headers[f"HTTP_{name}"] = other
    query = f"?company={other}&company_id={other}&tenant={other}"

    for path in (USERS, "/settings/", "/settings/administration/companies/", "/portal/"):
        page = carla.client.get(path + query, **headers).content.decode()
        assert "xaver" not in page
        assert "Nordwind" not in page
    made = {"username": "new", "first_name": "", "last_name": "", "email": "", "role": "member", "company": other}
    carla.client.post(f"{USERS}new/{query}", made | {"company_id": other}, **headers)
    assert User.objects.get(username="new").company == carla.user.company


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


@pytest.mark.row("CS-TEN-2")
def test_no_page_is_kept_in_a_cache(administrator, kim, settings):
    """Nor anything else that could be of another company: none is asked."""
    settings.CACHES = {"default": {"BACKEND": "tests.security.flows.NoCache"}}
    NoCache.asked.clear()
    kim.add_passkey()
    kim.sign_in()

    for person in (administrator, kim):
        statuses = {person.client.get(path).status_code for path in paths_about(kim.user).values()}
        assert statuses <= {200, 302, 403, 404, 405}
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
