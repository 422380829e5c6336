"""A lost phone: what was on it goes, everybody is signed out, and a pass opens the set-up of the next one."""

from __future__ import annotations

import re
from itertools import combinations, product

import pytest
from django.utils import translation

from accounts import dates, people
from accounts.authorization import LastAdministrator, OutOfReach
from accounts.models import Role, User
from audit.models import AuditEvent
from audit.sentences import CHECKED, sentence
from companies import kept_apart
from companies.access_passes import IdentityCheck, Validity, give_pass
from companies.erasing import erase
from companies.history import History
from companies.letting_in import APP, CODES
from companies.lost_phone import reset
from companies.models import Company
from mfa import services
from mfa.models import AccessPass, AuthenticatorApp, Passkey, RecoveryCode
from mfa.services import Sessions
from tests.accounts.walk import everything
from tests.companies import USERS, press, read
from tests.mfa.pages import CHALLENGE, OWN, SAVE, SETUP, audit_of, confirm_setup, html, open_setup, words
from tests.people import Person

PASS = f"{CHALLENGE}?with=pass"
ANSWERS = {"checked": "called_back", "reason": "Left on the train", "valid": "60"}
EVERYTHING = ANSWERS | {"app": "on", "codes": "on", "sign_out": "on", "give_pass": "on"}


def page_of(user):
    return f"{USERS}{user.pk}/lost-phone/?on=user"


def pass_page(user):
    return f"{USERS}{user.pk}/access-pass/"


def code_on(page):
    found = re.search(r"[2-9A-Z]{5}-[2-9A-Z]{5}-[2-9A-Z]{5}", html(page))
    return found[0] if found else None


def lose(person, by, *lost, **more):
    return reset(person.user, lost=lost, checked="in_person", reason="Lost at sea", actor=by, **more)


@pytest.fixture
def kim_with_all(kim):
    kim.set_up_app()
    kim.add_passkey()
    return kim


# --- The whole way, by the pages ---


@pytest.mark.row("ASVS-6.4.4", "N-4.2.1-alt")
def test_a_lost_phone_from_the_call_to_the_new_one(kim_with_all, administrator):
    kim_with_all.sign_in()
    old = Person(kim_with_all.user, app_key=kim_with_all.app_key)
    asked = administrator.client.get(page_of(kim_with_all.user))
    for said in (
        "Authenticator app",
        "10 recovery codes",
        "Passkey",
        "Sign out everywhere",
    ):
        assert said in words(asked)

    answer = administrator.client.post(page_of(kim_with_all.user), EVERYTHING)

    shown = administrator.client.get(answer.headers["Location"])
    code = code_on(shown)
    assert code
    assert "no-store" in shown.headers["Cache-Control"]
    for said in (
        "Removed from Kim’s account: the authenticator app and 10 recovery codes.",
        "1 session ended.",
        "called back on a number",
    ):
        assert said in words(shown)
    assert not kim_with_all.is_in
    assert kim_with_all.enter_password().headers["Location"] == CHALLENGE
    assert kim_with_all.client.post(PASS, {"code": code}).headers["Location"] == SETUP
    confirm_setup(kim_with_all, open_setup(kim_with_all))
    kim_with_all.client.post(SAVE, {"saved": "on"})
    assert kim_with_all.is_in
    old.enter_password()
    assert old.enter_code().status_code != 302
    assert not old.is_in


def test_the_pass_is_shown_once(kim_with_all, administrator):
    administrator.client.post(page_of(kim_with_all.user), EVERYTHING)

    first, again = (administrator.client.get(pass_page(kim_with_all.user)) for _time in range(2))

    assert code_on(first)
    assert code_on(again) is None
    assert "It was shown already" in words(again)
    assert code_on(first) not in str(dict(administrator.client.session.items()))


def test_a_printed_pass_says_its_dates_in_full(kim_with_all, administrator):
    """On paper "today" is true for a day at most."""
    administrator.client.post(page_of(kim_with_all.user), EVERYTHING)
    given = AccessPass.objects.get()

    shown = words(administrator.client.get(pass_page(kim_with_all.user)))

    assert f"{dates.full_moment(given.until)}, or until it is used" in shown
    assert f"Petra Vogt, {dates.full_moment(given.created_at)};" in shown
    assert "oday" not in shown


def test_the_pass_of_one_is_not_shown_on_the_page_of_another(kim_with_all, administrator, make_person):
    ada = make_person("ada")
    administrator.client.post(page_of(kim_with_all.user), EVERYTHING)

    assert code_on(administrator.client.get(pass_page(ada.user))) is None


def test_it_is_withdrawn_from_the_persons_page(kim_with_all, administrator):
    administrator.client.post(page_of(kim_with_all.user), EVERYTHING)
    page = administrator.client.get(f"{USERS}{kim_with_all.user.pk}/")
    assert "has an access pass until" in words(page)
    there = f"{pass_page(kim_with_all.user)}withdraw/?on=user"
    assert "needs a new one" in words(administrator.client.get(there))

    said = administrator.client.post(there, follow=True)

    assert "access pass opens nothing any more." in words(said)
    assert "has an access pass until" not in words(said)
    assert "has no open access pass" in words(administrator.client.post(there, follow=True))


# --- What goes, and what stays ---


def test_what_is_not_ticked_stays(kim_with_all, admin):
    services.enable_two_factor(kim_with_all.user, actor=admin)
    lose(kim_with_all, admin, APP)

    assert not AuthenticatorApp.objects.exists()
    assert not RecoveryCode.objects.exists()  # they stand in for the app
    assert kim_with_all.enter_password().headers["Location"] == CHALLENGE
    kim_with_all.use_passkey()
    assert kim_with_all.asked_for == SETUP


def test_recovery_codes_alone_go(kim_with_all, admin):
    done = lose(kim_with_all, admin, CODES)

    assert (done.apps, done.codes, done.passkeys) == (0, 10, [])
    kim_with_all.enter_password()
    assert kim_with_all.enter_code(kim_with_all.codes[0]).status_code == 400
    assert kim_with_all.enter_code().headers["Location"] == "/"


def test_a_passkey_that_goes_signs_nobody_in_and_is_not_called_unknown(kim_with_all, admin):
    """A browser that is told "unknown" has its passkey forgotten, and then it cannot be put back."""
    passkey = Passkey.objects.get()
    lose(kim_with_all, admin, str(passkey.pk))

    answer = kim_with_all.use_passkey()

    assert answer.status_code == 400
    assert answer.json()["error"] == "passkey_refused"
    assert not Passkey.objects.exists()


@pytest.mark.parametrize("whose", ["own", "company"])
def test_the_demand_for_two_factor_authentication_stays_whoever_demands_it(kim_with_all, admin, company, whose):
    User.objects.filter(pk=kim_with_all.user.pk).update(two_factor_enabled=whose == "own")
    company.two_factor_enabled = whose == "company"
    company.save()

    lose(kim_with_all, admin, APP, *(str(key.pk) for key in Passkey.objects.all()))

    kim_with_all.user.refresh_from_db()
    assert kim_with_all.user.two_factor_enabled is (whose == "own")
    kim_with_all.enter_password()
    assert kim_with_all.asked_for == SETUP


def test_sessions_that_what_is_lost_opened_end_and_others_stay_where_that_was_chosen(kim_with_all, admin):
    by_app, by_passkey = kim_with_all, Person(kim_with_all.user, authenticator=kim_with_all.authenticator)
    by_app.sign_in()
    by_passkey.use_passkey()
    assert by_app.is_in
    assert by_passkey.is_in

    lose(kim_with_all, admin, APP, sessions=Sessions.GO_ON)

    assert not by_app.is_in
    assert by_passkey.is_in


def test_a_reset_without_a_pass_ends_the_one_there_was_and_the_demand_for_it(kim_with_all, admin):
    lose(kim_with_all, admin, APP, valid=Validity.AN_HOUR)

    lose(kim_with_all, admin, str(Passkey.objects.get().pk))

    assert not AccessPass.objects.exists()
    kim_with_all.enter_password()
    assert kim_with_all.asked_for == SETUP


@pytest.fixture
def kim_with_a_pass(kim, admin):
    """Required, with nothing set up, and a pass is asked for before the set-up."""
    services.enable_two_factor(kim.user, actor=admin)
    give_pass(kim.user, valid=Validity.AN_HOUR, checked="in_person", reason="First day", actor=admin)
    return kim


@pytest.mark.parametrize("lost", [[], [APP, CODES, "gone meanwhile"]])
def test_where_nothing_is_removed_a_pass_is_demanded_still(kim_with_a_pass, admin, lost):
    """Signed out everywhere, nobody may choose the first factor on the password alone who could not before."""
    assert kim_with_a_pass.enter_password().headers["Location"] == CHALLENGE

    lose(kim_with_a_pass, admin, *lost)

    assert Person(kim_with_a_pass.user).enter_password().headers["Location"] == CHALLENGE
    assert not AccessPass.objects.get().is_open, "it ends with all sessions"


def test_a_new_pass_alone_takes_the_place_of_the_one_there_was(kim_with_a_pass, admin):
    code = lose(kim_with_a_pass, admin, valid=Validity.AN_HOUR, sessions=Sessions.GO_ON).code

    kim_with_a_pass.enter_password()
    assert kim_with_a_pass.client.post(PASS, {"code": code}).headers["Location"] == SETUP


@pytest.mark.row("ASVS-2.3.3")
def test_where_no_pass_can_be_given_nothing_is_removed(kim, administrator):
    kim.add_passkey()
    passkey = str(Passkey.objects.get().pk)

    page = administrator.client.post(page_of(kim.user), EVERYTHING | {passkey: "on"})

    assert page.status_code == 400
    assert Passkey.objects.filter(pk=passkey).exists()
    assert "user_reset" not in [action for action, _by in audit_of(kim.user)]


# --- Reason and check ---


@pytest.mark.parametrize("missing", ["checked", "reason"])
def test_reason_and_check_are_both_required(kim_with_all, administrator, missing):
    given = {name: value for name, value in EVERYTHING.items() if name != missing}

    page = administrator.client.post(page_of(kim_with_all.user), given)

    assert page.status_code == 400
    assert AuthenticatorApp.objects.exists()
    assert not AccessPass.objects.exists()


@pytest.mark.parametrize("holds", ["everything", "nothing"])
def test_something_has_to_be_ticked(kim, administrator, holds):
    if holds == "everything":
        kim.set_up_app()
        kim.add_passkey()
    before = everything()

    page = administrator.client.post(page_of(kim.user), ANSWERS)

    assert page.status_code == 400
    assert "Nothing is ticked" in words(page)
    assert everything() == before


def test_of_whoever_holds_nothing_the_page_says_so_and_what_is_demanded(kim_with_a_pass, administrator):
    asked = words(administrator.client.get(page_of(kim_with_a_pass.user)))

    assert "Kim has set up nothing but a password." in asked
    assert "Without one, the set-up stays closed: an access pass is demanded." in asked
    assert "the password alone does" not in asked


def test_whoever_holds_nothing_has_lost_nothing_and_is_given_a_pass_where_one_is_of_use(kim, administrator, company):
    page = read(administrator.client.get(f"{USERS}{kim.user.pk}/"))
    assert "Lost phone" in page.links
    assert "1: password" in page.words

    Company.objects.filter(pk=company.pk).update(two_factor_enabled=True, pass_demanded=True)

    page = read(administrator.client.get(f"{USERS}{kim.user.pk}/"))
    assert "Give an access pass" in page.links
    assert "Lost phone" not in page.links
    assert "Kim cannot sign in without help." in page.words
    assert "1: password" not in page.words, "a way in that leads nowhere is none"
    dialog = read(administrator.client.get(page_of(kim.user))).dialog
    assert "For the first set-up" in dialog.words
    assert "checked" not in dialog.one("input", name="sign_out").attrs, "whoever waits at the login would begin again"


def test_signing_out_alone_needs_no_time_for_a_pass(kim, administrator):
    ticked = {"checked": "in_person", "reason": "Lost", "sign_out": "on"}  # as its page sends it: no pass is of use
    kim.sign_in()

    said = administrator.client.post(page_of(kim.user), ticked, follow=True)

    assert "1 session ended." in words(said)


def test_where_there_was_nothing_to_end_that_is_said(kim, administrator):
    said = administrator.client.post(page_of(kim.user), ANSWERS | {"sign_out": "on"}, follow=True)

    assert "Kim is not signed in anywhere." in words(said)


def test_a_pass_that_would_open_nothing_is_said_to_where_none_is_offered(kim, administrator):
    page = administrator.client.post(page_of(kim.user), ANSWERS | {"give_pass": "on"})

    assert page.status_code == 400
    assert "an access pass would open nothing." in words(page)


@pytest.mark.row("ASVS-16.3.1")
@pytest.mark.parametrize(
    "ticked", [some for number in (1, 2, 3) for some in combinations(("app", "sign_out", "give_pass"), number)]
)
def test_both_are_on_record_whatever_is_ticked(kim_with_all, administrator, ticked):
    before = AuditEvent.objects.filter(subject=kim_with_all.user).latest("pk").pk

    administrator.client.post(page_of(kim_with_all.user), ANSWERS | dict.fromkeys(ticked, "on"))

    lines = AuditEvent.objects.filter(subject=kim_with_all.user, pk__gt=before).select_related("actor", "subject")
    assert [line.action for line in lines.order_by("pk")] == [
        {"app": "user_reset", "sign_out": "sessions_ended", "give_pass": "access_pass_made"}[tick] for tick in ticked
    ]
    for line in lines:
        assert (line.details["reason"], line.details["checked"]) == ("Left on the train", "called_back")
        assert "“Left on the train”; who it is was checked: called back on a number" in sentence(line)


@pytest.mark.row("ASVS-16.3.1")
def test_both_are_on_record_and_the_person_can_read_them(kim_with_all, administrator):
    administrator.client.post(page_of(kim_with_all.user), EVERYTHING)

    line = AuditEvent.objects.get(action="user_reset")
    assert line.actor == administrator.user
    assert line.details["removed"] == {"authenticator_apps": 1, "recovery_codes": 10, "passkeys": 0}
    code = code_on(administrator.client.get(pass_page(kim_with_all.user)))
    kim_with_all.enter_password()
    kim_with_all.client.post(PASS, {"code": code})
    confirm_setup(kim_with_all, open_setup(kim_with_all))
    kim_with_all.client.post(SAVE, {"saved": "on"})
    assert "“Left on the train”; who it is was checked: called back on a number we had before" in words(
        kim_with_all.client.get(OWN)
    )


def test_there_is_a_sentence_for_every_check():
    assert set(IdentityCheck.values) <= set(CHECKED)


def test_the_sentence_says_how_it_was_checked(kim_with_all, admin):
    lose(kim_with_all, admin, APP)

    line = AuditEvent.objects.select_related("actor", "subject", "company").get(action="user_reset")
    assert sentence(line).endswith("“Lost at sea”; who it is was checked: in person")


@pytest.mark.parametrize(
    ("lost", "gone"),
    [
        ([APP], "the authenticator app and 10 recovery codes"),
        ([CODES], "10 recovery codes"),
        (["passkey"], "the passkey “Unknown browser”"),
        ([APP, "passkey"], "the authenticator app, 10 recovery codes and the passkey “Unknown browser”"),
    ],
)
def test_the_line_says_what_went(kim_with_all, admin, lost, gone):
    lose(kim_with_all, admin, *(str(Passkey.objects.get().pk) if each == "passkey" else each for each in lost))

    line = AuditEvent.objects.select_related("actor", "subject", "company").get(action="user_reset")
    assert sentence(line).startswith(f"Petra Vogt removed {gone} that Kim Hansen lost: “Lost at sea”; who it is")
    with translation.override("de"):
        assert "Authentifizierungs-App" in sentence(line) or APP not in lost


def test_the_line_of_a_pass_says_until_when_it_opens(kim_with_all, admin):
    lose(kim_with_all, admin, APP, valid=Validity.A_DAY)

    line = AuditEvent.objects.select_related("actor", "subject", "company").get(action="access_pass_made")
    until = dates.full_moment(AccessPass.objects.get().until)
    assert sentence(line).startswith(f"Petra Vogt gave Kim Hansen an access pass, valid until {until}: “Lost at sea”")


def test_what_was_typed_of_an_erased_person_is_not_in_them(kim_with_all, admin):
    lose(kim_with_all, admin, APP, str(Passkey.objects.get().pk), valid=Validity.A_DAY)
    people.deactivate_user(kim_with_all.user, actor=admin)
    erase(kim_with_all.user, actor=admin)

    said = [sentence(line) for line in History.of(kim_with_all.user, viewer=admin).whole.newest(20)]

    assert any("removed the authenticator app, 10 recovery codes and the passkey “…” that" in line for line in said)
    assert not [line for line in said if "Unknown browser" in line]


@pytest.mark.row("ASVS-6.3.7", "N-4.2.3")
def test_the_person_is_told_what_went_and_why(kim_with_all, admin, told):
    reset_mail, pass_mail = told(lose, kim_with_all, admin, APP, valid=Validity.AN_HOUR)

    assert reset_mail.subject == "m2v: What you sign in with was removed"
    for said in ("authenticator app: 1", "recovery codes: 10", "passkeys: 0", "Lost at sea", "in person", "/not-me/"):
        assert said in reset_mail.body
    assert pass_mail.subject == "m2v: An access pass was made for your account"


# --- Whose ---


def test_nobody_does_it_to_themselves(administrator):
    with pytest.raises(OutOfReach):
        lose(administrator, administrator.user, APP)
    said = administrator.client.get(page_of(administrator.user), follow=True)
    assert "You cannot do this for yourself." in words(said)
    assert "Lost phone" not in words(administrator.client.get(f"{USERS}{administrator.user.pk}/"))


@pytest.mark.row("ASVS-8.2.2")
@pytest.mark.parametrize("path", ["lost-phone/", "access-pass/", "access-pass/withdraw/"])
def test_a_higher_role_and_another_company_do_not_exist(make_person, admin, other_company, path):
    carl = make_person("carl", role=Role.COMPANY_ADMINISTRATOR)
    carl.sign_in()
    stranger = make_person("nora", company=other_company)

    for person in (admin, stranger.user):
        assert carl.client.get(f"{USERS}{person.pk}/{path}").status_code == 404
        assert carl.client.post(f"{USERS}{person.pk}/{path}", EVERYTHING).status_code in {404, 405}


@pytest.mark.parametrize("end", [people.lock_user, people.deactivate_user])
def test_for_whoever_is_shut_out_there_is_another_way(kim_with_all, administrator, end):
    end(kim_with_all.user, actor=administrator.user)

    said = administrator.client.post(page_of(kim_with_all.user), EVERYTHING, follow=True)

    assert "is locked or deactivated" in words(said)
    assert AuthenticatorApp.objects.exists()


def test_the_last_administrator_who_has_a_passkey_alone_keeps_it(make_person, admin):
    other = make_person("oda", role=Role.ADMINISTRATOR, company=None)
    other.add_passkey()
    User.objects.filter(pk=other.user.pk).update(password="!")
    User.objects.filter(pk=admin.pk).update(password="!")
    other.user.refresh_from_db()

    with pytest.raises(LastAdministrator):
        lose(other, admin, *(str(key.pk) for key in Passkey.objects.all()))

    assert Passkey.objects.exists()


# --- Kept apart ---


def test_what_went_is_kept_apart_for_a_day_and_then_deleted(kim_with_all, admin, clock):
    lose(kim_with_all, admin, APP, str(Passkey.objects.get().pk))
    assert kept_apart.apps_of(kim_with_all.user).count() == 1
    assert kept_apart.codes_of(kim_with_all.user).count() == 10
    assert kept_apart.passkeys_of(kim_with_all.user).count() == 1
    assert kept_apart.forget_old() == 0

    clock.shift(24 * 3600 + 1)

    assert not kept_apart.apps_of(kim_with_all.user).exists()
    assert kept_apart.forget_old() == 12
    assert not AuthenticatorApp.everything.exists()
    assert not RecoveryCode.everything.exists()
    assert not Passkey.everything.exists()


# --- What is said of the next login ---

ASKED = "is then asked to set up an authenticator app"
STUCK = "is asked for an access pass and has none"
LET_IN = "will sign in with"


@pytest.mark.parametrize(
    ("stays", "rule", "demanded"), list(product([False, True], ["", "company", "own"], [False, True]))
)
def test_what_is_said_of_the_next_login_is_what_it_then_does(
    kim_with_all, administrator, company, stays, rule, demanded
):
    """With a passkey that stays, and with nothing left; whoever requires 2FA, and whether a pass is demanded."""
    kim = kim_with_all
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=rule == "company", pass_demanded=demanded)
    User.objects.filter(pk=kim.user.pk).update(two_factor_enabled=rule == "own")
    both = re.split("If a passkey stays: |If nothing stays: ", words(administrator.client.get(page_of(kim.user))))[1:]
    said = both[0 if stays else 1].split(" Who did you speak to?")[0]
    lost = [] if stays else [str(Passkey.objects.get().pk)]
    administrator.client.post(page_of(kim.user), ANSWERS | {"app": "on", "codes": "on", **dict.fromkeys(lost, "on")})

    kim.enter_password()
    if stays and kim.asked_for == CHALLENGE:
        kim.use_passkey()
    does = {CHALLENGE: STUCK, SETUP: ASKED}.get(kim.asked_for, LET_IN)

    assert does in said
    assert not [other for other in {STUCK, ASKED, LET_IN} - {does} if other in said]


def test_of_whoever_has_no_passkey_one_thing_is_said(kim, administrator):
    kim.set_up_app()
    said = words(administrator.client.get(page_of(kim.user)))

    assert "Kim enters the password and is then asked to set up an authenticator app." in said
    assert "If nothing stays" not in said


# --- A pass alone ---


def test_where_the_page_says_to_give_a_pass_there_is_the_way_to_it(kim, administrator, company):
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=True, pass_demanded=True)
    page = read(administrator.client.get(f"{USERS}{kim.user.pk}/"))
    assert "give Kim one" in page.words

    dialog = read(administrator.client.get(page.links["Give Kim an access pass"])).dialog

    assert "checked" not in dialog.one("input", name="sign_out").attrs
    assert "has set up nothing but a password" in dialog.words


def test_a_pass_is_given_with_nothing_lost_and_nobody_signed_out(kim_with_all, administrator):
    kim_with_all.sign_in()
    page = read(administrator.client.get(f"{USERS}{kim_with_all.user.pk}/"))
    assert "Lost phone" in page.links
    asked = administrator.client.get(page.links["Access pass"])
    assert "Give an access pass" in read(asked).dialog.words
    assert "Nothing is removed: what is set up works until then." in words(asked)
    assert "has set up nothing but a password" not in words(asked)

    shown = press(administrator.client, asked, "Confirm", checked="in_person", reason="New phone")

    assert code_on(shown)
    assert "only=" not in read(shown).links["Done"]
    assert kim_with_all.is_in
    assert AuthenticatorApp.objects.filter(confirmed=True).exists()
    assert [action for action, _by in audit_of(kim_with_all.user)][-1] == "access_pass_made"
    again = read(administrator.client.get(pass_page(kim_with_all.user))).links["Give a new one"]
    assert "Give an access pass" in read(administrator.client.get(again)).dialog.words


def test_no_pass_is_offered_where_it_would_open_nothing_nor_to_oneself_nor_by_auditors(
    kim_with_all, administrator, make_person
):
    ada, auditor = make_person("ada"), make_person("viktor", role=Role.AUDITOR)
    auditor.sign_in()

    for viewer, whom in ((administrator, ada), (administrator, administrator), (auditor, kim_with_all)):
        assert "Access pass" not in read(viewer.client.get(f"{USERS}{whom.user.pk}/")).links
