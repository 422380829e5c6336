"""Ways around MFA: what answers tell, who acts on whom, passkeys, odd requests."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth import get_backends
from django.contrib.auth.hashers import get_hasher

from accounts.models import Role, User
from accounts.text import fold
from audit.models import AuditEvent
from companies import services as companies
from companies.models import Company
from mfa import services
from mfa.models import AuthenticatorApp, Passkey
from mfa.views.passkeys import QUESTIONS
from tests.accounts.walk import pages
from tests.mfa.pages import CHALLENGE, OWN, SETUP, window_of
from tests.people import PASSWORD, Person, browser
from tests.scenes import (
    AUTHENTICATION,
    DOORS,
    FORM,
    REGISTRATION,
    acts_on,
    is_shut,
    main_of,
    things,
)

USERS = "/settings/administration/users/"


def question(person, about=AUTHENTICATION, **body):
    answer = person.json(f"{about}options/", body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def answered(person, credential, about=AUTHENTICATION):
    return person.json(about, {"credential": credential}).status_code


# --- What answers tell ---


@pytest.mark.row("N-B.3-UP", "N-B.3-UV", "WA-28", "B-31", "V32")
@pytest.mark.parametrize("passkeys", [0, 1, 3])
def test_the_passkey_question_is_the_same_for_everybody(passkeys, kim):
    for _ in range(passkeys):
        kim.add_passkey()
    told = [question(Person(kim.user), username=name) for name in ("kim", "nobody", "", "kim")]

    challenges = {options.pop("challenge") for options in told}
    assert len(challenges) == len(told)
    assert all(options == told[0] for options in told)
    assert told[0]["allowCredentials"] == []


@pytest.fixture
def everybody(kim, ada, make_person):
    """People in each state, and nobody: name and address."""
    kim.set_up_app()
    kim.add_passkey()
    make_person("inga", is_active=False)
    make_person("ines", password=None)
    return {name: f"{name}@acme.example" for name in ("kim", "ada", "inga", "ines", "nobody")}


def around(answer):
    """What an answer says outside its page, without what is random every time."""
    headers = {
        name: re.sub(r"'nonce-[\w-]+'", "", value) for name, value in answer.headers.items() if name != "X-Request-ID"
    }
    return answer.status_code, headers, {name: dict(cookie) for name, cookie in answer.cookies.items()}


@pytest.mark.row("B-33")
def test_a_wrong_password_does_not_tell_who_has_mfa(clock, everybody, kim, ada):
    """Nor does the sixth, which waits."""
    for _time in range(6):
        answers = [browser().post("/login/", {"username": name, "password": "wrong"}) for name in ("kim", "ada")]

        assert main_of(answers[0], "kim") == main_of(answers[1], "ada")
        assert around(answers[0]) == around(answers[1])
        for word in ("two-factor", "authenticator", "recovery"):
            assert word not in main_of(answers[0]).lower()
    assert answers[0].status_code == 429


# --- Who acts on whom ---


@pytest.mark.row("ASVS-8.2.2", "B-35")
def test_another_companys_people_do_not_exist(carla, foreigners):
    before = things()

    for person in foreigners:
        passkey, company = person.user.passkeys.get(), person.user.company_id or person.user.pk
        for page in pages():
            if page.has("user_id"):
                path = page.path(user_id=person.user.pk, passkey_id=passkey.pk)
            elif page.has("company_id") and person.user.company_id != carla.user.company_id:
                path = page.path(company_id=company)
            else:
                continue
            for method in page.methods:
                answer = carla.client.generic(method, path, "sign_out=on&role=member&name=x", FORM)
                assert answer.status_code == 404, (person.user.username, page.name, method)

    assert things() == before
    assert not AuditEvent.objects.filter(
        actor=carla.user, action__in=["two_factor_disabled", "passkey_deleted"]
    ).exists()


@pytest.mark.row("B-36")
def test_nobody_acts_on_a_higher_role(carla, kim, ada, foreigners):
    kim.sign_in()
    before = things()

    for path in acts_on(ada.user) + acts_on(kim.user):
        assert kim.client.post(path).status_code == 403, path
    administrator = next(person for person in foreigners if person.user.username == "alan")
    for path in acts_on(administrator.user):
        assert carla.client.post(path).status_code == 404, path
    profile = {"username": "carla", "email": "carla@acme.example", "role": Role.ADMINISTRATOR}
    carla.client.post(f"{USERS}{carla.user.pk}/", profile)
    carla.client.post(f"{USERS}{ada.user.pk}/", profile | {"username": "ada"})

    assert things()["User"] == before["User"]
    assert things() == before


@pytest.mark.row("B-37", "V35")
def test_nobody_frees_themselves_from_their_companys_rule(carla, company, admin):
    carla.set_up_app()
    companies.enable_company_two_factor(company, actor=admin)
    carla.client.post("/confirm/", {"code": carla.code()})

    for path in (f"{OWN}two-factor/off/", f"{window_of(carla.user)}two-factor/off/"):
        carla.client.post(path, {"sign_out": ""})

    assert AuthenticatorApp.objects.filter(user=carla.user).exists()
    assert User.objects.get(pk=carla.user.pk).two_factor_enabled


FORGED = {
    **dict.fromkeys(("mfa_required", "exempt", "is_staff", "is_superuser"), "false"),
    **dict.fromkeys(("two_factor_enabled", "confirmed"), "on"),
    "grace_until": "2099-01-01",
    "last_used_step": "-1",
    "sign_count": "0",
    "is_active": "",
    "password": "x",
    "session_epoch": "9",
    "suspended_at": "",
    "requested_by": "",
    "user": "",
    "owner": "",
    "method": "passkey",
}


@pytest.mark.row("B-38", "V19")
def test_fields_that_no_form_has_are_ignored(kim_with_app, other_company):
    kim = kim_with_app
    forged = FORGED | {"company": str(other_company.pk), "role": Role.ADMINISTRATOR, "username": "root"}
    kim.enter_password(**{name: value for name, value in forged.items() if name not in {"username", "password"}})
    assert kim.client.post(CHALLENGE, {**forged, "code": "000000"}).status_code == 400
    kim.client.post(CHALLENGE, {**forged, "code": kim.codes[0]})
    passkey = kim.add_passkey()
    before = things()

    kim.client.post("/user-settings/", {"email": "kim@acme.example", "language": ""} | forged)
    kim.client.post(f"{OWN}passkeys/{passkey.pk}/rename/", {"name": passkey.name} | forged)
    answer = kim.json(f"{REGISTRATION}options/", {**forged, "user": {"name": "root"}})
    assert answer.json()["user"]["name"] == "kim"

    after = things()
    for row in (*before["User"], *after["User"]):
        del row["email"]
    assert after == before


@pytest.mark.row("B-39")
def test_there_is_no_time_of_grace(clock, kim, admin):
    services.enable_two_factor(kim.user, actor=admin)

    for _ in range(3):
        kim.enter_password()
        kim.client.post(SETUP, {"later": "yes", "skip": "on", "grace_until": "2099-01-01"})
        assert is_shut(kim)
        assert kim.asked_for == SETUP
        clock.shift(timedelta(days=2))


@pytest.mark.row("B-40")
def test_without_a_company_the_own_switch_still_counts(make_person, admin, company):
    alone = make_person("alone", company=None, role=Role.ADMINISTRATOR)
    services.enable_two_factor(alone.user, actor=admin)
    alone.enter_password()
    assert alone.asked_for == SETUP

    moved = make_person("moved", company=company)
    companies.enable_company_two_factor(company, actor=admin)
    User.objects.filter(pk=moved.user.pk).update(two_factor_enabled=False)
    moved.enter_password()
    assert moved.asked_for == SETUP, "the company's rule, whatever the own switch says"
    assert not Company._meta.get_field("two_factor_enabled").null, "a company always has a rule"


# --- Odd requests ---


@pytest.mark.row("B-41", "B-42", "V14")
@pytest.mark.parametrize(
    "path",
    [
        "/login/../portal/",
        "/login/..%2fportal/",
        "/login%2f..%2fportal/",
        "/login/challenge/../../portal/",
        "/login/challenge/;/portal/",
        "/portal/%2e%2e/settings/",
        "//portal/",
        "/LOGIN/../portal/",
        "/portal/;x",
        "/static/../portal/",
        "/login-anything",
        "/passkeys/authentication/../../portal/",
        "/en/portal/",
        "/portal//",
        "/portal/%2e/",
        "/PORTAL/",
        "/portal/?next=/login/",
        "/portal/#/login/",
        "/portal/.css",
    ],
)
def test_no_spelling_of_a_path_opens_a_page(path, half_way):
    for method in ("GET", "HEAD", "OPTIONS", "POST"):
        answer = half_way.client.generic(method, path)
        assert answer.status_code in {301, 302, 404}, method
    for header in ("HTTP_X_ORIGINAL_URL", "HTTP_X_REWRITE_URL", "HTTP_X_FORWARDED_PREFIX"):
        assert half_way.client.get("/portal/", **{header: "/login/"}).status_code == 302
    assert is_shut(half_way)


@pytest.mark.row("B-42")
@pytest.mark.parametrize(
    "header",
    ["X_FORWARDED_FOR", "X_REAL_IP", "REMOTE_USER", "X_FORWARDED_HOST", "X_USER_ID", "X_FORWARDED_USER", "FORWARDED"],
)
def test_no_header_opens_a_door_or_makes_a_person(header, half_way, admin):
    values = {"X_FORWARDED_HOST": "evil.example", "REMOTE_USER": "petra"}
    forged = {f"HTTP_{header}": values.get(header, "10.9.8.7"), "REMOTE_USER": "petra"}

    for client in (half_way.client, browser()):
        assert [client.get(path, **forged).status_code for path in DOORS] == [302] * len(DOORS)
    options = half_way.client.post(f"{AUTHENTICATION}options/", {}, content_type="application/json", **forged).json()
    assert options["rpId"] == "localhost"
    half_way.client.post(CHALLENGE, {"code": "000000"}, **forged)
    assert AuditEvent.objects.filter(action="refused").latest("id").address == "127.0.0.1"


# --- Passkeys ---


@pytest.mark.row("B-44")
def test_a_passkey_is_made_for_whoever_was_asked(kim, ada):
    """Even if the question to Kim were in Ada's session, where a new sign-in leaves none."""
    for person in (kim, ada):
        person.sign_in()
    answer = kim.authenticator.create(question(kim, REGISTRATION))
    session = ada.client.session
    session[QUESTIONS] = kim.client.session[QUESTIONS]
    session.save()

    assert answered(ada, answer, REGISTRATION) == 400
    assert not Passkey.objects.exists()
    assert AuditEvent.objects.latest("id").details["reason"] == "The question was asked of somebody else."


@pytest.mark.row("CS-MFA-2", "B-48")
def test_there_is_one_way_to_check_a_password(kim):
    assert len(settings.AUTHENTICATION_BACKENDS) == 1
    assert settings.AUTHENTICATION_BACKENDS[0].split(".")[0] in {"accounts", "mfa"}
    assert [backend.authenticate(None, username="kim") for backend in get_backends()] == [None]
    for scheme in ("Basic a2ltOmNvcnJlY3QgaG9yc2UgYmF0dGVyeSBzdGFwbGU=", "Bearer x", "Token x", "Negotiate x"):
        assert browser().get("/portal/", HTTP_AUTHORIZATION=scheme).status_code == 302


@pytest.mark.row("B-49", "V12")
def test_a_factor_removed_half_way_proves_nothing(half_way, company, admin):
    companies.enable_company_two_factor(company, actor=admin)
    services.disable_two_factor(half_way.user, actor=admin)

    half_way.enter_code()

    assert is_shut(half_way)
    assert half_way.asked_for == SETUP


# --- What goes wrong, what is old, what is written down ---


@pytest.mark.row("B-50")
@pytest.mark.parametrize(
    "broken",
    [
        "mfa.steps.pending_steps",
        "mfa.steps.holdings_of",
        "mfa.methods.totp.verification.check",
        "audit.recording.LINE.add",
    ],
)
def test_an_error_opens_nothing(broken, half_way, monkeypatch):
    half_way.client.raise_request_exception = False
    code, before = half_way.code(), things()

    def fails(*_args, **_kwargs):
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(broken, fails)
        assert half_way.client.post(CHALLENGE, {"code": code}).status_code == 500

    assert things() == before
    assert is_shut(half_way)
    assert half_way.enter_code(code).headers["Location"] == "/", "the code was not used up"


@pytest.mark.row("B-52")
def test_every_refusal_is_on_record(kim_with_app, ada):
    kim = kim_with_app
    ada.add_passkey()
    kim.enter_password("wrong")
    kim.enter_password()
    kim.enter_code("000000")
    kim.enter_code("0000-0000-0000-0000")
    kim.authenticator = ada.authenticator
    kim.json(AUTHENTICATION, {"credential": kim.authenticator.get(question(ada))})

    lines = AuditEvent.objects.filter(action="refused", subject=kim.user).order_by("id")

    assert [line.details["methods"] for line in lines] == [["password"], ["totp"], ["recovery"], ["passkey"]]
    for line in lines:
        assert (line.company, line.address, line.actor) == (kim.user.company, "127.0.0.1", None)
        assert "Chrome" in line.browser
        assert line.details["reason"]


@pytest.mark.row("ASVS-14.2.5", "B-54")
@pytest.mark.parametrize(
    "path",
    [
        f"{OWN}x.css",
        f"{OWN[:-1]}.css",
        "/user-settings/x.js",
        "/portal/logo.png",
        "/settings/a.css",
        "/portal/.css",
        "/portal/;x.css",
    ],
)
def test_a_page_under_a_files_name_is_not_found(path, administrator):
    answer = administrator.client.get(path)

    assert answer.status_code == 404
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Petra Vogt" not in main_of(answer)


@pytest.mark.row("B-55")
@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost:9999", "127.0.0.1:8000"])
def test_the_host_header_decides_nothing(host, kim, mailoutbox):
    kim.add_passkey()
    options = kim.client.post(f"{AUTHENTICATION}options/", {}, content_type="application/json", HTTP_HOST=host)
    if options.status_code == 200:
        assert options.json()["rpId"] == "localhost"
    else:
        assert options.status_code == 400
    kim.authenticator.origin = f"http://{host}"
    assert kim.use_passkey().status_code == 400
    browser().post("/password-reset/", {"email": kim.user.email}, HTTP_HOST=host)
    for mail in mailoutbox:
        assert host not in mail.body


@pytest.fixture
def hashed(kim, monkeypatch):
    """What is hashed from here on."""
    seen: list[str] = []
    hasher = type(get_hasher())
    encode = hasher.encode

    def noted(self, password, salt, *args):
        seen.append(password)
        return encode(self, password, salt, *args)

    monkeypatch.setattr(hasher, "encode", noted)
    return seen


@pytest.mark.row("B-56")
@pytest.mark.parametrize(
    "body",
    [
        b"x" * 1_000_000,
        json.dumps({"credential": "x" * 100_000}).encode(),
        json.dumps({f"k{number}": number for number in range(10_000)}).encode(),
        b"[" * 50_000,
        b'{"credential":' * 5_000,
    ],
    ids=["a megabyte", "a long value", "ten thousand keys", "deep", "deeper"],
)
def test_too_much_is_a_quick_4xx(body, kim, hashed):
    kim.add_passkey()
    question(kim)
    for path in (AUTHENTICATION, f"{AUTHENTICATION}options/"):
        answer = kim.client.generic("POST", path, body, "application/json")
        assert answer.status_code in ({400, 413, 200} if path.endswith("options/") else {400, 413})
    for path, field in (
        ("/login/", b"username"),
        ("/login/", b"username=kim&password"),
        ("/password-reset/", b"email"),
    ):
        answer = browser().generic("POST", path, field + b"=" + body, FORM)
        assert 400 <= answer.status_code < 500
    assert hashed == []
    assert is_shut(kim)


@pytest.mark.row("CS-AUTH-3", "B-56")
@pytest.mark.parametrize(("length", "hashes"), [(1024, 1), (1025, 0), (200_000, 0), (1_000_000, 0)])
@pytest.mark.parametrize("name", ["kim", "nobody"])
def test_a_password_of_a_megabyte_is_never_hashed(length, hashes, name, kim, hashed):
    answer = browser().post("/login/", {"username": name, "password": "x" * length})

    assert answer.status_code == (413 if length == 1_000_000 else 400)
    assert len(hashed) == hashes


@pytest.mark.row("B-57")
@pytest.mark.parametrize(
    "spelling", ["kim", "KIM", " kim ", "\uff2b\uff49\uff4d", "\u212aim", "k\u0131m", "\u043aim", "kim\u200b"]
)
def test_one_name_is_one_person_in_every_spelling(spelling, kim, administrator):
    is_kim = fold(spelling) == fold("kim")

    answer = browser().post("/login/", {"username": spelling, "password": PASSWORD})
    assert answer.status_code == (302 if is_kim else 400)
    made = {"username": spelling, "first_name": "", "last_name": "", "role": "member", "company": kim.user.company_id}
    answer = administrator.client.post(f"{USERS}new/", made)
    assert User.objects.filter(username_folded=fold("kim")).count() == 1
    assert not is_kim or answer.status_code == 400
