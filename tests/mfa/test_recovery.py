"""Recovery codes: how strong they are, where they are kept, that each counts once, and that they are shown once."""

from __future__ import annotations

import re
from base64 import b32encode, b64encode, urlsafe_b64encode
from hashlib import sha256
from math import log2

import pytest
from django.apps import apps
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import Session
from mfa import services
from mfa.methods import recovery_codes
from mfa.models import AuthenticatorApp, RecoveryCode
from tests.mfa.conftest import a_key
from tests.mfa.pages import (
    CHALLENGE,
    NEW_CODES,
    OWN,
    OWN_CODES,
    OWN_SETUP,
    SAVE,
    audit_of,
    codes_on,
    confirm_setup,
    links_of,
    make_new_codes,
    open_setup,
    refusals_of,
    save_form,
    session_dump,
    window_of,
    words,
)
from tests.mfa.test_totp import BETWEEN, full_width
from tests.people import PASSWORD, Person

WITH_RECOVERY = f"{CHALLENGE}?with=recovery"
NONE_OF_YOURS = "This is not one of your unused recovery codes."


def whole_database() -> str:
    """Every value of every row, bytes and sessions readable."""
    values: list[str] = []
    for model in apps.get_models():
        for row in model._default_manager.values_list():
            values += (bytes(v).decode("latin-1") if isinstance(v, bytes | memoryview) else str(v) for v in row)
    values += (str(session.get_decoded()) for session in Session.objects.all())
    return "\n".join(values)


def forms_of(secret: bytes) -> list[str]:
    """How a secret may be written."""
    written = (b32encode(secret), b64encode(secret), urlsafe_b64encode(secret))
    return [secret.decode("latin-1"), secret.hex(), *(text.decode().rstrip("=") for text in written)]


@pytest.mark.row("ASVS-6.5.4", "N-4.2.1.1-64", "V28")
def test_there_are_ten_codes_of_at_least_64_random_bits(kim_with_app):
    assert len(set(kim_with_app.codes)) == 10
    assert len(set(recovery_codes.ALPHABET)) ** recovery_codes.LENGTH >= 2**64
    assert recovery_codes.LENGTH * log2(len(recovery_codes.ALPHABET)) == 80
    assert all(recovery_codes.CODE.fullmatch(code.replace("-", "")) for code in kim_with_app.codes)


@pytest.mark.row("N-4.2.1.1-64")
def test_no_two_people_and_no_two_makings_share_a_code(kim_with_app, ada):
    ada.set_up_app()
    again = services.make_recovery_codes(kim_with_app.user, actor=kim_with_app.user)

    assert len({*kim_with_app.codes, *ada.codes, *again}) == 30


def test_no_code_begins_with_what_the_page_sends_as_a_code_of_the_app():
    codes = [code.replace("-", "") for _ in range(2000) for code in recovery_codes.draw()]

    assert [code for code in codes if code[:6].isdigit()] == []
    assert any(code[:5].isdigit() for code in codes), "no more is left out than must be"


@pytest.mark.row("ASVS-6.5.4")
def test_every_letter_and_digit_occurs():
    codes = "".join("".join(recovery_codes.draw()) for _ in range(20)).replace("-", "")

    assert set(codes) == set(recovery_codes.ALPHABET)


@pytest.mark.parametrize(
    "spell",
    [
        lambda code: code,
        lambda code: code.lower(),
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", " "),
        lambda code: code.replace("-", " - "),
        lambda code: f"  {code.lower()}  ",
        lambda code: code.replace("0", "O").replace("1", "I"),
        lambda code: code.lower().replace("0", "o").replace("1", "l"),
    ],
)
@pytest.mark.parametrize("address", [CHALLENGE, WITH_RECOVERY])
def test_case_spaces_dashes_and_lookalikes_do_not_matter(kim_with_app, spell, address):
    kim_with_app.enter_password()
    code = next((code for code in kim_with_app.codes if {"0", "1"} & set(code)), kim_with_app.codes[0])

    assert kim_with_app.client.post(address, {"code": spell(code)}).headers["Location"] == "/"
    assert kim_with_app.is_in


@pytest.mark.parametrize("between", BETWEEN, ids=ascii)
@pytest.mark.parametrize("path", [CHALLENGE, WITH_RECOVERY])
def test_any_dash_and_whatever_does_not_show_may_stand_in_a_recovery_code(kim_with_app, between, path):
    """Word makes long dashes of short ones; PDFs and Notes add what nobody sees. In either field."""
    kim_with_app.enter_password()
    code = between + between.join(kim_with_app.codes[0].split("-")) + between

    assert kim_with_app.client.post(path, {"code": code}).headers["Location"] == "/"
    assert kim_with_app.user.recovery_codes.filter(used_at=None).count() == 9


def test_a_recovery_code_in_full_width_letters_is_the_same_code(kim_with_app):
    kim_with_app.enter_password()

    assert kim_with_app.enter_code(full_width(kim_with_app.codes[0])).headers["Location"] == "/"


def test_a_recovery_code_with_something_between_all_its_letters_fits_into_the_field(kim_with_app):
    kim_with_app.enter_password()
    code = "\u2068" + "\u200b\u2060".join(kim_with_app.codes[0]) + "\u2069"
    field = re.search(r'name="code"[^>]*maxlength="(\d+)"', kim_with_app.client.get(CHALLENGE).content.decode())

    assert field
    assert int(field[1]) > len(code)
    assert kim_with_app.enter_code(code).headers["Location"] == "/"


@pytest.mark.parametrize("letter", ["ß", "ı", "ſ", "К", "Å", "１\u0301"])
def test_letters_of_other_scripts_are_no_letters_of_a_code(letter):
    assert not recovery_codes.looks_like_one("0123-4567-89AB-CDE" + letter)
    assert not recovery_codes.looks_like_one("0123-4567-89AB-CD" + letter)


@pytest.mark.row("ASVS-6.5.1", "N-2.2.2-replay", "N-4.2.1.1-use")
def test_a_recovery_code_signs_in_once(kim_with_app):
    kim_with_app.enter_password()
    assert kim_with_app.enter_code(kim_with_app.codes[3]).headers["Location"] == "/"
    kim_with_app.client.post("/logout/")
    kim_with_app.enter_password()

    assert NONE_OF_YOURS in words(kim_with_app.enter_code(kim_with_app.codes[3]))
    assert not kim_with_app.is_in
    assert refusals_of(kim_with_app.user) == ["WrongRecoveryCode"]
    assert kim_with_app.enter_code(kim_with_app.codes[4]).headers["Location"] == "/"


@pytest.mark.row("ASVS-6.5.1", "N-4.2.1.1-use")
def test_a_used_code_counts_in_no_other_browser_and_confirms_nothing(kim_with_app, clock):
    elsewhere = Person(kim_with_app.user)
    for person in (kim_with_app, elsewhere):
        person.enter_password()
    kim_with_app.enter_code(kim_with_app.codes[0])
    clock.shift(15 * 60)

    assert elsewhere.enter_code(kim_with_app.codes[0]).status_code in {302, 400}
    assert not elsewhere.is_in
    assert NONE_OF_YOURS in words(kim_with_app.client.post("/confirm/", {"code": kim_with_app.codes[0]}))


@pytest.mark.row("N-4.2.1.1-use")
@pytest.mark.parametrize("spend", [1, 9, 10])
def test_people_are_told_how_many_codes_are_left(kim_with_app, spend):
    for code in kim_with_app.codes[:spend]:
        kim_with_app.client.post("/logout/")
        kim_with_app.enter_password()
        kim_with_app.enter_code(code)
    left = 10 - spend
    told = {1: "You used a recovery code. 1 is left.", 0: "You used your last recovery code."}

    page = kim_with_app.client.get("/portal/")

    assert told.get(left, f"You used a recovery code. {left} are left.") in words(page)
    back = "?from=portal"
    assert links_of(page) >= {
        (OWN_SETUP + back, "Lost your phone? Set up again"),
        (NEW_CODES + back, "Make new codes"),
    }
    assert f"{left} of 10" in words(kim_with_app.client.get(OWN))


def test_people_are_told_how_many_codes_are_left_after_confirming_with_one_too(kim_with_app, clock):
    kim_with_app.sign_in()
    clock.shift(15 * 60)

    answer = kim_with_app.client.post("/confirm/", {"code": kim_with_app.codes[0], "next": OWN}, follow=True)

    assert "You used a recovery code. 9 are left." in words(answer)
    assert links_of(answer) >= {(OWN_SETUP, "Lost your phone? Set up again"), (NEW_CODES, "Make new codes")}


def test_a_recovery_code_is_not_offered_when_none_is_left(kim_with_app):
    kim_with_app.enter_password()
    assert "Use a recovery code" in words(kim_with_app.client.get(CHALLENGE))
    RecoveryCode.objects.update(used_at="2026-01-01T00:00Z")

    assert "Use a recovery code" not in words(kim_with_app.client.get(CHALLENGE))
    assert "Enter your code" in words(kim_with_app.client.get(WITH_RECOVERY))
    assert NONE_OF_YOURS in words(kim_with_app.enter_code(kim_with_app.codes[0]))


def test_the_recovery_page_leads_back_to_the_app(kim_with_app):
    kim_with_app.enter_password()
    page = kim_with_app.client.get(WITH_RECOVERY)

    assert "Enter a recovery code" in words(page)
    assert "Use the authenticator app" in words(page)


@pytest.mark.row("B-13", "B-30")
def test_somebody_elses_recovery_code_counts_for_nobody(kim_with_app, ada):
    ada.set_up_app()
    kim_with_app.enter_password()

    assert NONE_OF_YOURS in words(kim_with_app.enter_code(ada.codes[0]))
    assert not kim_with_app.is_in
    assert ada.user.recovery_codes.filter(used_at=None).count() == 10


@pytest.mark.parametrize("made_up", ["0000-0000-0000-0000", "ZZZZ ZZZZ ZZZZ ZZZZ", "oooo-llll-iiii-0101"])
def test_a_made_up_recovery_code_is_refused(kim_with_app, made_up):
    kim_with_app.enter_password()

    assert NONE_OF_YOURS in words(kim_with_app.enter_code(made_up))
    assert not kim_with_app.is_in


@pytest.mark.parametrize("part", ["{0}", "{0}-{1}-{2}", "{0}-{1}-{2}-{3}-{0}", "{0}-{1}-{2}-UUUU", "{0}_{1}_{2}_{3}"])
def test_part_of_a_recovery_code_is_no_recovery_code(kim_with_app, part):
    kim_with_app.enter_password()

    assert kim_with_app.enter_code(part.format(*kim_with_app.codes[0].split("-"))).status_code == 400
    assert not kim_with_app.is_in


@pytest.mark.row("N-4.2.2.2")
def test_a_recovery_code_without_the_password_is_worth_nothing(kim_with_app):
    answer = kim_with_app.enter_code(kim_with_app.codes[0])

    assert answer.headers["Location"] == "/"
    assert not kim_with_app.is_in
    assert kim_with_app.user.recovery_codes.filter(used_at=None).count() == 10


@pytest.mark.row("B-29")
def test_recovery_codes_without_an_app_sign_nobody_in(kim_with_app):
    AuthenticatorApp.objects.all().delete()
    kim_with_app.add_passkey()
    kim_with_app.enter_password()

    assert kim_with_app.enter_code(kim_with_app.codes[0]).status_code == 400
    assert not kim_with_app.is_in


@pytest.mark.row("B-30")
def test_new_codes_make_the_old_ones_void(kim_with_app):
    kim_with_app.sign_in()
    new = make_new_codes(kim_with_app)
    assert len(new) == 10
    assert not set(new) & set(kim_with_app.codes)
    kim_with_app.client.post("/logout/")
    kim_with_app.enter_password()

    assert NONE_OF_YOURS in words(kim_with_app.enter_code(kim_with_app.codes[0]))
    assert kim_with_app.enter_code(new[0]).headers["Location"] == "/"
    assert ("recovery_codes_made", "kim") in audit_of(kim_with_app.user)


def test_new_codes_are_asked_for_first(kim_with_app):
    kim_with_app.enter_password()
    kim_with_app.enter_code(kim_with_app.codes[0])
    before = dict(kim_with_app.client.session.items())

    page = kim_with_app.client.get(NEW_CODES)

    assert "Make new recovery codes?" in words(page)
    assert "Your 9 unused codes work until you have saved the new ones, and no longer." in words(page)
    assert re.findall(r">(Cancel|Confirm)</button>", page.content.decode()) == ["Cancel", "Confirm"]
    assert kim_with_app.client.session.get("next_codes") is None
    assert before.keys() == kim_with_app.client.session.keys() | {"_messages"}
    assert audit_of(kim_with_app.user).count(("recovery_codes_made", "kim")) == 1


def test_the_earlier_codes_hold_until_the_new_ones_are_saved(kim_with_app):
    """Whoever closes the page, reloads it or goes on unticked has lost nothing."""
    kim_with_app.sign_in()
    made = audit_of(kim_with_app.user).count(("recovery_codes_made", "kim"))
    kim_with_app.client.post(NEW_CODES)
    page = kim_with_app.client.get(OWN_CODES)
    new = codes_on(page)
    assert "Your earlier codes work until you continue." in words(page)
    assert (OWN, "Keep the earlier codes") in links_of(page)
    assert codes_on(kim_with_app.client.get(OWN_CODES)) == new, "reloading shows them again"
    unticked = kim_with_app.client.post(OWN_CODES, save_form(kim_with_app) | {"saved": ""})
    assert (unticked.status_code, codes_on(unticked)) == (400, new)
    assert "Save the codes first, then tick this box." in words(unticked)

    elsewhere = Person(kim_with_app.user)
    for code, right in ((new[0], False), (kim_with_app.codes[0], True)):
        elsewhere.enter_password()
        assert (elsewhere.enter_code(code).status_code == 302) is right

    assert audit_of(kim_with_app.user).count(("recovery_codes_made", "kim")) == made
    assert kim_with_app.client.post(OWN_CODES, save_form(kim_with_app)).headers["Location"] == OWN
    assert audit_of(kim_with_app.user).count(("recovery_codes_made", "kim")) == made + 1
    elsewhere.client.post("/logout/")
    for code, right in ((kim_with_app.codes[1], False), (new[0], True)):
        elsewhere.enter_password()
        assert (elsewhere.enter_code(code).status_code == 302) is right
    assert codes_on(kim_with_app.client.get(OWN_CODES, follow=True)) == [], "never shown again"


def test_an_older_tab_puts_no_codes_in_use_that_it_did_not_show(kim_with_app):
    kim_with_app.sign_in()
    kim_with_app.client.post(NEW_CODES)
    older = save_form(kim_with_app)
    kim_with_app.client.post(NEW_CODES)
    newer = codes_on(kim_with_app.client.get(OWN_CODES))

    for form in (older, {"saved": "on"}):
        answer = kim_with_app.client.post(OWN_CODES, form)
        assert (answer.status_code, codes_on(answer)) == (400, newer)
        assert "You made newer codes in another tab. Save these." in words(answer)

    assert recovery_codes.spend(kim_with_app.user, kim_with_app.codes[0]) == 9
    assert kim_with_app.client.post(OWN_CODES, save_form(kim_with_app)).headers["Location"] == OWN
    assert recovery_codes.spend(kim_with_app.user, newer[0]) == 9


def test_new_codes_are_in_use_once_however_often_continue_is_pressed(kim_with_app):
    kim_with_app.sign_in()
    made = audit_of(kim_with_app.user).count(("recovery_codes_made", "kim"))
    kim_with_app.client.post(NEW_CODES)
    form = save_form(kim_with_app)

    for _press in range(3):
        assert kim_with_app.client.post(OWN_CODES, form).headers["Location"] == OWN

    assert audit_of(kim_with_app.user).count(("recovery_codes_made", "kim")) == made + 1


def test_codes_that_wait_to_replace_others_end_with_the_app(kim_with_app, administrator):
    """2FA was switched off meanwhile; or another app was set up, which brought codes of its own."""
    kim_with_app.sign_in()
    kim_with_app.client.post(NEW_CODES)
    waiting = codes_on(kim_with_app.client.get(OWN_CODES))
    confirm_setup(kim_with_app, open_setup(kim_with_app, OWN_SETUP), OWN_SETUP, steps=1)
    of_the_app = codes_on(kim_with_app.client.get(OWN_CODES))
    assert not set(of_the_app) & set(waiting)
    kim_with_app.client.post(OWN_CODES, {"saved": "on"})
    kim_with_app.client.post(NEW_CODES)
    form = save_form(kim_with_app)
    services.disable_two_factor(kim_with_app.user, actor=administrator.user)

    assert codes_on(kim_with_app.client.post(OWN_CODES, form, follow=True)) == []
    assert not RecoveryCode.objects.exists()


def test_saved_codes_of_somebody_whose_app_went_meanwhile_are_not_in_use(kim_with_app):
    AuthenticatorApp.objects.all().delete()

    with pytest.raises(services.AppGone):
        services.replace_recovery_codes(kim_with_app.user, recovery_codes.draw(), actor=kim_with_app.user)

    assert recovery_codes.spend(kim_with_app.user, kim_with_app.codes[0]) == 9


def test_new_codes_whose_key_is_gone_before_they_are_saved_are_forgotten(kim_with_app, keys):
    kim_with_app.sign_in()
    kim_with_app.client.post(NEW_CODES)
    form = save_form(kim_with_app)
    keys(a_key("new"))

    assert kim_with_app.client.post(OWN_CODES, form).headers["Location"] == OWN
    assert kim_with_app.user.recovery_codes.filter(used_at=None).count() == 10


def test_the_codes_say_on_which_day_they_were_made(kim_with_app):
    today = date_format(timezone.localdate(), "j F Y")
    kim_with_app.sign_in()
    kim_with_app.client.post(NEW_CODES)
    assert f"made on {today}." in words(kim_with_app.client.get(OWN_CODES))


def test_without_an_app_there_are_no_new_codes(kim):
    kim.sign_in()

    assert kim.client.post(NEW_CODES, follow=True).request["PATH_INFO"] == OWN
    assert not RecoveryCode.objects.exists()


@pytest.mark.row("CS-MFA-6")
def test_codes_of_the_login_are_shown_until_they_are_saved_and_never_again(kim, administrator):
    administrator.client.post(f"{window_of(kim.user)}two-factor/on/")
    kim.enter_password()
    confirm_setup(kim, open_setup(kim))
    shown = codes_on(kim.client.get(SAVE))
    assert len(shown) == 10
    assert codes_on(kim.client.get(SAVE)) == shown, "reloading shows them again"
    unticked = kim.client.post(SAVE, {})
    assert unticked.status_code == 400
    assert "Save the codes first, then tick this box." in words(unticked)
    assert codes_on(unticked) == shown
    assert kim.asked_for == SAVE, "nobody goes on without"

    assert kim.client.post(SAVE, {"saved": "on"}).headers["Location"] == "/"

    for address in (SAVE, OWN_CODES):
        later = kim.client.get(address, follow=True)
        assert codes_on(later) == []
        assert later.request["PATH_INFO"] != address


def test_codes_of_the_window_are_shown_until_they_are_saved_and_never_again(kim):
    kim.sign_in()
    assert confirm_setup(kim, open_setup(kim, OWN_SETUP), OWN_SETUP).headers["Location"] == OWN_CODES
    shown = codes_on(kim.client.get(OWN_CODES))
    assert len(shown) == 10
    assert codes_on(kim.client.post(OWN_CODES, {})) == shown

    assert kim.client.post(OWN_CODES, {"saved": "on"}).headers["Location"] == OWN
    assert kim.client.get(OWN_CODES).headers["Location"] == OWN


def test_codes_that_wait_are_shown_to_no_other_session(kim):
    kim.sign_in()
    confirm_setup(kim, open_setup(kim, OWN_SETUP), OWN_SETUP)
    elsewhere = Person(kim.user, app_key=kim.app_key)
    elsewhere.enter_password()
    elsewhere.enter_code(kim.code(1))

    assert codes_on(elsewhere.client.get(OWN_CODES, follow=True)) == []


def test_codes_that_are_void_are_not_shown_any_more(kim, administrator):
    """2FA was switched off, and the codes removed, while they waited to be saved."""
    kim.sign_in()
    confirm_setup(kim, open_setup(kim, OWN_SETUP), OWN_SETUP)
    administrator.client.post(f"{window_of(kim.user)}two-factor/off/")

    assert codes_on(kim.client.get(OWN_CODES, follow=True)) == []


@pytest.mark.parametrize("path", [SAVE, OWN_CODES])
def test_codes_whose_key_is_gone_before_they_are_saved_are_made_anew(path, kim, administrator, keys):
    """Nobody is let past the page with codes that they never saw."""
    if path == SAVE:
        administrator.client.post(f"{window_of(kim.user)}two-factor/on/")
        kim.enter_password()
        confirm_setup(kim, open_setup(kim))
    else:
        kim.sign_in()
        confirm_setup(kim, open_setup(kim, OWN_SETUP), OWN_SETUP)
    keys(a_key("new"))

    codes = codes_on(kim.client.get(path))

    assert len(codes) == 10
    assert codes_on(kim.client.get(path)) == codes
    assert audit_of(kim.user)[-1][0] == "recovery_codes_made"
    assert kim.client.post(path, {"saved": "on"}).status_code == 302
    assert recovery_codes.spend(kim.user, codes[0]) == 9


@pytest.mark.row("N-3.1.4.2-store", "N-4.2.1.1-hash", "DJ-15")
def test_the_database_holds_no_code_and_no_key_in_clear(kim_with_app):
    dump = whole_database()

    assert all(form not in dump for form in forms_of(kim_with_app.app_key))
    for code in kim_with_app.codes:
        plain = code.replace("-", "")
        assert plain not in dump.upper().replace("-", "")
        assert all(form not in dump for form in forms_of(sha256(plain.encode()).digest()))


def test_the_sessions_hold_no_code_no_key_and_no_password_in_clear(kim, administrator):
    """V4, V17: at every step of a set-up, and half-way through a login."""
    administrator.client.post(f"{window_of(kim.user)}two-factor/on/")
    kim.enter_password()
    page = open_setup(kim)
    waiting = whole_database() + session_dump(kim)
    confirm_setup(kim, page)
    shown = codes_on(kim.client.get(SAVE))
    unsaved = whole_database() + session_dump(kim)

    for dump in (waiting, unsaved):
        assert PASSWORD not in dump
        assert all(form not in dump for form in forms_of(page.key))
        assert all(code not in dump and code.replace("-", "") not in dump for code in shown)
    assert len(shown) == 10


def test_a_code_that_waits_for_confirmation_is_not_kept(kim_with_app, clock):
    """A form that is interrupted by /confirm/ goes on with its content, but codes and passwords are typed anew."""
    kim_with_app.sign_in()
    page = open_setup(kim_with_app, OWN_SETUP)
    clock.shift(15 * 60)
    confirm_setup(kim_with_app, page, OWN_SETUP)

    assert kim_with_app.code() not in session_dump(kim_with_app)


def test_two_factor_off_removes_the_codes(kim_with_app, administrator):
    administrator.client.post(f"{window_of(kim_with_app.user)}two-factor/off/")

    assert not RecoveryCode.objects.exists()
    kim_with_app.enter_password()
    assert kim_with_app.is_in
