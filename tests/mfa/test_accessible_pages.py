"""WCAG 2.2 on the pages of sign-in: what their HTML must say. What only a browser shows is in tests/browser."""

from __future__ import annotations

import re

import pytest

from mfa import services
from mfa.methods import recovery_codes
from tests.companies import read
from tests.mfa.pages import CHALLENGE, CREATE, OWN, OWN_SETUP, SAVE, SETUP, confirm_setup, open_setup
from tests.people import PASSWORD, Person, browser
from tests.scenes import PASSWORD_PAGE, paths_about

RECOVERY = f"{CHALLENGE}?with=recovery"
CONFIRM = "/confirm/"
HELP = "Don’t have any of these with you? Your administrator can remove your two-factor authentication."


@pytest.fixture
def gate(kim, ada, admin):
    """Every page of the login as somebody reads it: its address, and what is on it."""
    services.enable_two_factor(kim.user, actor=admin)
    shown = {"/login/": read(browser().get("/login/")), "/password-reset/": read(browser().get("/password-reset/"))}
    kim.enter_password()
    shown[SETUP] = read(kim.client.get(SETUP))
    confirm_setup(kim, open_setup(kim))
    shown[SAVE] = read(kim.client.get(SAVE))
    kim.add_passkey()
    other = Person(kim.user)
    other.enter_password()
    for path in (CHALLENGE, RECOVERY):
        shown[path] = read(other.client.get(path))
    services.request_passkey(ada.user, actor=admin)
    ada.enter_password()
    shown[CREATE] = read(ada.client.get(CREATE))
    return shown


def inputs(page):
    """The fields that people fill in."""
    fields = [field for field in page.all("input") if field.attrs.get("type") != "hidden"]
    return [field for field in fields if field.attrs.get("aria-hidden") != "true"]


def seen(element):
    """What it shows, without what is there for the eye alone."""
    parts = [
        part if isinstance(part, str) else "" if part.attrs.get("aria-hidden") == "true" else seen(part)
        for part in element.children
    ]
    return " ".join(" ".join(parts).split())


@pytest.mark.row("WCAG-1.1.1")
def test_the_qr_code_has_its_key_as_text(gate):
    page = gate[SETUP]
    pictures = [found for found in page.walk() if found.attrs.get("role") == "img"]

    assert [found.attrs.get("aria-label") or found.one("title").words for found in pictures] == ["QR code"]
    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", page.one("code", id="key").words)
    assert page.button("Copy")
    assert all("alt" in picture.attrs for shown in gate.values() for picture in shown.all("img"))


@pytest.mark.row("WCAG-1.3.5")
def test_fields_say_what_they_are_for(gate, kim):
    said = {
        (path, field.attrs["name"]): (field.attrs.get("autocomplete"), field.attrs.get("type"))
        for path, page in gate.items()
        for field in inputs(page)
    }

    assert said["/login/", "username"] == ("username webauthn", "text")
    assert said["/login/", "password"] == ("current-password", "password")
    assert said["/password-reset/", "email"] == ("username", "text")
    for path in (CHALLENGE, SETUP):
        assert said[path, "code"] == ("one-time-code", "text")
        assert gate[path].one("input", name="code").attrs["inputmode"] == "numeric"
    assert "number" not in {kind for _purpose, kind in said.values()}


@pytest.mark.row("WCAG-2.5.3")
def test_what_a_button_shows_is_in_its_name(gate, administrator, kim):
    shown = [*gate.values(), *(read(administrator.client.get(path)) for path in ("/settings/", "/portal/", OWN))]

    for page in shown:
        for found in [*page.all("button"), *page.all("a")]:
            name, visible = found.label.lower(), seen(found).lower()
            assert name, found.attrs
            assert visible in name, (name, visible)


@pytest.mark.row("WCAG-3.2.6")
def test_help_is_in_the_same_place_on_every_step(gate, kim):
    kim.client.post(SAVE, {"saved": "on"})
    pages = [
        gate[CHALLENGE],
        gate[RECOVERY],
        read(kim.client.get(CONFIRM)),
        read(kim.client.get(f"{CONFIRM}?with=recovery")),
    ]

    for page in pages:
        main = page.one("main")
        paragraphs = [found.words for found in main.all("p")]
        assert paragraphs[-1] == HELP, "the last thing on the card"
        assert main.words.endswith(HELP)


@pytest.mark.row("WCAG-3.3.1, 3.3.3")
@pytest.mark.parametrize(
    ("path", "field", "wrong"),
    [(CHALLENGE, "code", "000000"), (CHALLENGE, "code", ""), (RECOVERY, "code", "AAAA-AAAA-AAAA-AAAA")],
)
def test_what_is_wrong_is_said_beside_its_field(path, field, wrong, half_way):
    page = read(half_way.client.post(path, {field: wrong}), 400)
    found = page.one("input", name=field)
    [error] = [each for each in page.walk() if each.attrs.get("role") == "alert"]

    assert found.attrs["aria-invalid"] == "true"
    assert error.attrs["id"] in found.attrs["aria-describedby"].split()
    assert error.words
    assert error.parent is found.parent


def described_by(field):
    return field.attrs["aria-describedby"].split()


@pytest.mark.row("WCAG-3.3.1, 3.3.3")
def test_all_that_is_wrong_with_one_field_belongs_to_it(kim):
    kim.sign_in()
    wrong = {"old_password": PASSWORD, "new_password1": "kim12345", "new_password2": "kim12345"}
    page = read(kim.client.post(PASSWORD_PAGE, wrong), 400)
    said = {
        page.one("div", id=each).words
        for each in described_by(page.one("input", name="new_password1"))
        if each.endswith("error")
    }
    troubles = [each.words for each in page.all("p", **{"class": "error"})]

    assert len(troubles) > 1
    assert said == {" ".join(troubles)}


@pytest.mark.row("WCAG-3.3.1, 3.3.3")
def test_the_login_says_what_is_wrong_and_keeps_the_name(kim):
    page = read(kim.client.post("/login/", {"username": "kim", "password": "wrong"}), 400)

    assert page.one("input", name="username").attrs["value"] == "kim"
    [note] = [each.words for each in page.walk() if each.attrs.get("role") == "alert" and each.words]
    assert note == "User name or password is not right. Check both and try again."


@pytest.mark.row("WCAG-3.3.2, 4.1.2")
def test_every_field_has_a_label(gate, administrator, kim, company):
    shown = list(gate.values())
    shown += [
        read(answer)
        for path in (*paths_about(kim.user, company).values(), PASSWORD_PAGE, OWN_SETUP)
        if (answer := administrator.client.get(path)).status_code == 200 and not answer.streaming  # a file has none
    ]

    for page in shown:
        labelled = {label.attrs.get("for") for label in page.all("label")}
        for field in [*inputs(page), *page.all("select")]:
            within = field.parent and any(label in _above(field) for label in page.all("label"))
            named = field.attrs.get("aria-label") or field.attrs.get("aria-labelledby")
            assert named or within or field.attrs.get("id") in labelled, field.attrs


def _above(element):
    while element.parent:
        element = element.parent
        yield element


@pytest.mark.row("WCAG-3.3.4")
@pytest.mark.parametrize("act", ["two-factor/off/", "passkeys/{passkey}/delete/"])
def test_what_cannot_be_undone_asks_first(act, kim_with_app):
    passkey = kim_with_app.add_passkey()
    kim_with_app.sign_in()
    path = OWN + act.format(passkey=passkey.pk)

    page = read(kim_with_app.client.get(path))

    assert page.button("Confirm")
    assert "Cancel" in {found.label for found in [*page.all("a"), *page.all("button")]}
    assert page.dialog.words
    assert kim_with_app.user.passkeys.count() == 1
    assert kim_with_app.user.authenticator_apps.count() == 1


@pytest.mark.row("WCAG-3.3.7")
def test_nothing_is_asked_twice_in_one_login(gate):
    for path, page in gate.items():
        if path not in {"/login/", "/password-reset/"}:
            assert not {field.attrs["name"] for field in inputs(page)} & {"username", "password", "email"}, path
            assert "Signing in as" in page.words


# --- 3.3.8: nothing rests on memory or copying alone ---


@pytest.mark.row("WCAG-3.3.8")
def test_one_field_takes_a_pasted_code(half_way):
    [field] = inputs(read(half_way.client.get(CHALLENGE)))

    assert int(field.attrs["maxlength"]) >= len("123 456")
    assert not {name for name in field.attrs if name.startswith("on")}
    assert field.attrs["autocomplete"] != "off"
    code = half_way.code()
    assert half_way.enter_code(f" {code[:3]} {code[3:]} ").headers["Location"] == "/"


@pytest.mark.row("WCAG-3.3.8")
def test_every_step_has_another_way_than_copying(gate):
    assert "Sign in with a passkey" in {button.label for button in gate["/login/"].all("button")}
    assert "Use a passkey instead" in {button.label for button in gate[CHALLENGE].all("button")}
    opens = [link for link in gate[SETUP].all("a") if link.attrs["href"].startswith("otpauth://totp/")]
    assert opens
    assert all(link.words for link in opens)
    assert {"Copy", "Download", "Print"} <= {button.label for button in gate[SAVE].all("button")}


@pytest.mark.row("N-3.1.1.2-pm", "WCAG-3.3.8", "WCAG-3.3.8-pm")
def test_password_managers_know_every_field(gate, kim):
    kim.client.post(SAVE, {"saved": "on"})
    change = read(kim.client.get(PASSWORD_PAGE))

    said = {
        field.attrs["name"]: field.attrs["autocomplete"]
        for field in change.one("form", **{"aria-label": "Change password"}).all("input")
        if "autocomplete" in field.attrs
    }
    assert said == {
        "username": "username",
        "old_password": "current-password",
        "new_password1": "new-password",
        "new_password2": "new-password",
    }
    form = gate["/login/"].one("form", action="/login/")
    assert {field.attrs["name"] for field in form.all("input")} >= {"username", "password"}


@pytest.mark.row("WCAG-1.3.5")
def test_browsers_know_the_fields_of_ones_own_profile_and_each_language_is_named_in_itself(kim):
    kim.sign_in()
    profile = read(kim.client.get("/user-settings/"))

    known = {
        field.attrs["name"]: field.attrs["autocomplete"]
        for field in [*profile.all("input"), *profile.all("select")]
        if "autocomplete" in field.attrs
    }
    assert known == {"first_name": "given-name", "last_name": "family-name", "email": "email", "language": "language"}
    languages = [option for option in profile.one("select", name="language").all("option") if option.attrs["value"]]
    assert [option.attrs["lang"] for option in languages] == [option.attrs["value"] for option in languages] != []


@pytest.mark.row("WCAG-3.3.8", "WCAG-3.3.8-captcha")
def test_there_is_no_puzzle(gate, kim):
    for path, page in gate.items():
        assert not re.search(r"captcha|puzzle|robot|security question", page.words.lower()), path
        assert page.all("iframe") == page.all("canvas") == []
    for _ in range(3):
        assert "captcha" not in browser().post("/login/", {"username": "kim", "password": "x"}).content.decode().lower()


@pytest.mark.row("WCAG-3.3.8", "WCAG-3.3.8-rec")
@pytest.mark.parametrize("write", ["as shown", "lower", "without dashes", "spaces", "padded"])
def test_a_recovery_code_is_taken_however_it_is_written(write, half_way):
    code = half_way.codes[0]
    typed = {
        "as shown": code,
        "lower": code.lower(),
        "without dashes": code.replace("-", ""),
        "spaces": code.replace("-", " "),
        "padded": f"  {code} ",
    }[write]

    assert recovery_codes.read(typed) == recovery_codes.read(code)
    assert half_way.client.post(RECOVERY, {"code": typed}).headers["Location"] == "/"


@pytest.mark.row("WCAG-4.1.3")
def test_what_happened_is_announced(kim_with_app):
    kim = kim_with_app
    kim.enter_password()
    wrong = read(kim.client.post(CHALLENGE, {"code": "000000"}), 400)
    assert [each for each in wrong.walk() if each.attrs.get("role") == "alert"]
    kim.enter_code(kim.codes[0])
    made = kim.create_passkey().json()["next"]
    said = read(kim.client.get(made)).notes
    assert any("is ready" in note for note in said), said
    copied = read(kim.client.get(OWN_SETUP))
    assert [each for each in copied.walk() if "data-said" in each.attrs and each.attrs.get("role") == "status"]
