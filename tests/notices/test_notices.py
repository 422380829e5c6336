"""What people are told by mail: each row of the table by a real act, once, to the right addresses, in both forms."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from html import unescape

import pytest
from django.db import connection, transaction

from accounts import people
from accounts.models import Budget, OwedMail, PendingAddress, User
from accounts.throttle import rule
from audit import recording
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action
from companies import services as companies
from mfa import services
from mfa.models import AuthenticatorApp, Passkey
from notices.not_told import NOT_TOLD
from notices.sending import told_together
from notices.table import NOTICES
from tests.accounts.steps import finish
from tests.addresses import confirm_address
from tests.mfa.pages import make_new_codes
from tests.people import AGENT, PASSWORD, Person
from tests.post import deliver_owed

NEW = "four words in line"
LINK = re.compile(r"http://localhost:8000/not-me/[\w:-]+/")
PROFILE = {"first_name": "Kim", "last_name": "Hansen", "email": "kim@acme.example", "language": ""}
USERS = "/settings/administration/users/"
COMPANIES = "/settings/administration/companies/"


def headlines(mails):
    """(address, what the subject line says), in order."""
    return [(mail.to[0], str(mail.subject).removeprefix("m2v: ")) for mail in mails]


def only(mails):
    [mail] = mails
    return mail


def as_text(html):
    """The words of a mail's HTML, without its title."""
    html = re.sub(r"<title>.*?</title>", "", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.fixture
def kim_in(kim):
    kim.sign_in()
    return kim


@pytest.fixture
def kim_with_app(kim):
    kim.set_up_app()
    kim.sign_in()
    AuthenticatorApp.objects.update(last_used_step=-1)  # as if half a minute had gone by
    return kim


# --- The table, row by row ---


@pytest.mark.row("ASVS-6.3.7", "CS-MFA-5")
def test_two_factor_authentication_is_set_up_one_mail_says_it(told, kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    kim.enter_password()

    mail = only(told(finish, kim))

    assert headlines([mail]) == [("kim@acme.example", "Two-factor authentication was set up for your account")]
    assert "An authenticator app was set up, and recovery codes were made;" in mail.body


@pytest.mark.row("ASVS-6.3.7")
def test_two_factor_authentication_is_removed_by_its_owner(told, kim_with_app):
    mail = only(told(kim_with_app.client.post, "/user-settings/mfa/two-factor/off/"))

    assert headlines([mail]) == [("kim@acme.example", "Two-factor authentication was removed from your account")]
    assert "By: you, or someone signed in as you" in mail.body
    assert LINK.search(mail.body)


@pytest.mark.row("ASVS-6.4.4")
def test_two_factor_authentication_is_removed_by_an_administrator(told, kim_with_app, administrator):
    mail = only(told(administrator.client.post, f"{USERS}{kim_with_app.user.pk}/mfa/two-factor/off/"))

    assert headlines([mail]) == [("kim@acme.example", "Two-factor authentication was removed from your account")]
    assert "By: Petra Vogt" in mail.body
    assert "ask Petra Vogt or another administrator." in mail.body
    assert LINK.search(mail.body)


def test_two_factor_authentication_is_required_of_a_person(told, kim, administrator):
    mail = only(told(administrator.client.post, f"{USERS}{kim.user.pk}/mfa/two-factor/on/"))

    assert headlines([mail]) == [("kim@acme.example", "Two-factor authentication is required for your account")]
    assert "Petra Vogt switched two-factor authentication on for you." in mail.body


def test_two_factor_authentication_is_required_of_a_company(told, kim, company_admin, make_person, administrator):
    company = kim.user.company
    make_person("ada").set_up_app()
    make_person("gone", is_active=False)
    make_person("silent", email="")
    make_person("elsewhere", company=None)

    mails = told(administrator.client.post, f"{COMPANIES}{company.pk}/two-factor/on/")

    assert {mail.to[0] for mail in mails} == {"kim@acme.example", "carla@acme.example"}
    assert {mail.subject for mail in mails} == {"m2v: Your company requires two-factor authentication"}
    assert "Petra Vogt switched two-factor authentication on for Acme Machines." in mails[0].body
    assert {"Hello Kim,", "Hello Carla,"} == {mail.body.partition("\n")[0] for mail in mails}
    assert all(not LINK.search(mail.body) for mail in mails)


def test_a_passkey_is_asked_for(told, kim, administrator):
    mail = only(told(administrator.client.post, f"{USERS}{kim.user.pk}/mfa/passkeys/request/"))

    assert headlines([mail]) == [("kim@acme.example", "You are asked to create a passkey")]
    assert "Petra Vogt asks you to create a passkey." in mail.body


@pytest.mark.row("ASVS-6.3.7")
def test_a_passkey_is_added(told, kim_in):
    mail = only(told(kim_in.create_passkey))

    assert headlines([mail]) == [("kim@acme.example", "A passkey was added to your account")]
    assert f"The passkey “{Passkey.objects.get().name}” was created." in mail.body


@pytest.mark.row("ASVS-6.3.7")
@pytest.mark.parametrize("by_owner", [True, False])
def test_a_passkey_is_removed(by_owner, told, kim, administrator):
    passkey = kim.add_passkey()
    kim.use_passkey()
    client = kim.client if by_owner else administrator.client
    window = "/user-settings/mfa/" if by_owner else f"{USERS}{kim.user.pk}/mfa/"

    mail = only(told(client.post, f"{window}passkeys/{passkey.pk}/delete/"))

    assert headlines([mail]) == [("kim@acme.example", "A passkey was removed from your account")]
    assert f"The passkey “{passkey.name}” was deleted" in mail.body
    assert LINK.search(mail.body)
    assert ("If you did not expect this, ask Petra Vogt" in mail.body) is not by_owner


@pytest.mark.parametrize("changed", [{"sign_count": 5}, {"backup_eligible": False, "backed_up": False}])
def test_a_passkey_is_suspended(told, kim, changed):
    passkey = kim.add_passkey()
    Passkey.objects.update(**changed)

    mail = only(told(kim.use_passkey, count=3))

    passkey.refresh_from_db()
    assert passkey.suspended_at
    assert headlines([mail]) == [("kim@acme.example", "A passkey of your account was suspended")]
    assert "Delete it, and create a new one." in " ".join(mail.body.split())
    assert LINK.search(mail.body)


@pytest.mark.row("ASVS-6.3.7", "N-4.2.1.1-note")
def test_new_recovery_codes_are_made(told, kim_with_app):
    mail = only(told(make_new_codes, kim_with_app))

    assert headlines([mail]) == [("kim@acme.example", "New recovery codes were made")]


@pytest.mark.row("N-4.2.3")
@pytest.mark.parametrize(("used_before", "left"), [(0, 9), (6, 3), (7, 2), (9, 0)])
def test_a_recovery_code_is_used_and_few_are_left(used_before, left, told, kim):
    kim.set_up_app()
    for row in list(kim.user.recovery_codes.order_by("pk"))[-used_before:] if used_before else ():
        row.delete()
    kim.enter_password()

    mail = only(told(kim.enter_code, kim.codes[0]))

    assert f"Recovery codes left: {left}." in mail.body
    assert ("make new ones" in mail.subject) is (left < 3)
    assert ("Make new ones now" in mail.body) is (left < 3)


@pytest.mark.row("ASVS-6.3.7")
def test_the_password_is_changed(told, kim_in):
    form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}

    mail = only(told(kim_in.client.post, "/user-settings/password/", form))

    assert headlines([mail]) == [("kim@acme.example", "Your password was changed")]


@pytest.mark.row("ASVS-6.3.7")
def test_the_e_mail_address_is_changed_both_are_told(told, kim_in):
    entered = told(kim_in.client.post, "/user-settings/", PROFILE | {"email": "new@acme.example"})
    mails = told(confirm_address, kim_in.user)

    assert sorted(headlines(entered)) == [
        ("kim@acme.example", "Another e-mail address was entered for your account"),
        ("new@acme.example", "Confirm your e-mail address"),
    ]
    assert headlines(mails) == [
        ("new@acme.example", "Your e-mail address was changed"),
        ("kim@acme.example", "Your e-mail address was changed"),
    ]
    assert LINK.findall(mails[0].body) != LINK.findall(mails[1].body)


def test_an_address_that_an_administrator_replaced_is_told_of_that_and_of_nothing_more(told, kim, administrator):
    form = {"username": "kim", "role": "member", "company": kim.user.company_id, "email": "kim.h@acme.example"}

    administrator.client.post(f"{USERS}{kim.user.pk}/", form)
    mails = told(confirm_address, kim.user)
    kim.user.refresh_from_db()
    kim.sign_in()
    later = told(kim.create_passkey)

    assert {mail.to[0] for mail in mails} == {"kim@acme.example", "kim.h@acme.example"}
    assert {mail.to[0] for mail in later} == {"kim.h@acme.example"}


@pytest.mark.parametrize(("days", "told_still"), [(6.9, True), (7.1, False)])
def test_an_address_that_was_replaced_is_told_for_seven_days(days, told_still, told, kim, time_machine):
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    kim_in = Person(kim.user)
    kim_in.sign_in()
    kim_in.client.post("/user-settings/", PROFILE | {"email": "new@acme.example"})
    confirm_address(kim_in.user)
    time_machine.shift(days * 24 * 3600)
    kim = Person(User.objects.get(pk=kim_in.user.pk))
    kim.sign_in()

    mails = told(kim.create_passkey)

    assert {mail.to[0] for mail in mails} == {"new@acme.example"} | ({"kim@acme.example"} if told_still else set())


ON_RECORD_BRIEFLY = "Wasn’t it you? Write to the administrators of your company at once"


@pytest.mark.parametrize(
    ("addresses", "days", "links"),
    [
        (["typo", "new"], 0, {"kim": True, "typo": False, "new": True}),
        (["evil", "kim"], 0, {"kim": True, "evil": False}),
        (["evil", "kim", "new"], 0, {"kim": True, "evil": False, "new": True}),
        (["new"], 0, {"kim": True, "new": True}),
        (["new", "newer"], 6.9, {"kim": True, "new": False, "newer": True}),
        (["new", "newer"], 7.1, {"new": True, "newer": True}),
    ],
)
def test_only_the_address_of_now_and_the_one_of_seven_days_ago_get_the_link(
    addresses, days, links, told, kim, time_machine
):
    """The others are told, and can do nothing: a typo, or the address of somebody who was in (B-53)."""
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    for address in addresses:
        if address == addresses[-1]:
            time_machine.shift(days * 24 * 3600)
        kim = Person(User.objects.get(pk=kim.user.pk))
        kim.sign_in()
        answer = kim.client.post("/user-settings/", PROFILE | {"email": f"{address}@acme.example"})
        assert answer.status_code == 302
        assert confirm_address(kim.user).status_code == 302

    mails = told(kim.create_passkey)

    assert {mail.to[0].partition("@")[0]: bool(LINK.search(mail.body)) for mail in mails} == links
    for mail in mails:
        assert (ON_RECORD_BRIEFLY in mail.body) is not bool(LINK.search(mail.body))
        assert "If it was you, there is nothing to do." in mail.body
        assert as_text(mail.alternatives[0].content) == LINK.sub("This wasn’t me", " ".join(mail.body.split()))


def test_an_address_that_an_administrator_entered_lately_gets_no_link_either_once_it_is_replaced(
    told, kim, administrator
):
    form = {"username": "kim", "role": "member", "company": kim.user.company_id, "email": "typo@acme.example"}
    administrator.client.post(f"{USERS}{kim.user.pk}/", form)
    confirm_address(kim.user)
    administrator.client.post(f"{USERS}{kim.user.pk}/", form | {"email": "new@acme.example"})
    mails = told(confirm_address, kim.user)

    assert {mail.to[0]: bool(LINK.search(mail.body)) for mail in mails} == {
        "typo@acme.example": False,
        "new@acme.example": True,
    }


@pytest.mark.parametrize(
    ("before", "after", "addresses"),
    [
        ("", "kim@acme.example", ["kim@acme.example"]),
        ("kim@acme.example", "", ["kim@acme.example"]),
        ("kim@acme.example", "Kim@Acme.example", ["kim@acme.example"]),
    ],
)
def test_an_address_that_came_went_or_was_only_spelt_anew_is_told_once(before, after, addresses, told, kim):
    User.objects.update(email=before)
    kim.sign_in()

    mails = told(kim.client.post, "/user-settings/", PROFILE | {"email": after})
    if PendingAddress.objects.exists():
        assert [mail.to for mail in mails] == [[after]]
        mails = told(confirm_address, kim.user)

    assert [mail.to[0].lower() for mail in mails] == addresses


@pytest.mark.parametrize(("details", "mails"), [({}, 0), ({"new_browser": False}, 0), ({"new_browser": True}, 1)])
def test_a_new_browser_signs_in(details, mails, told, kim):
    with recording.origin("192.0.2.7", AGENT):
        sent = told(record, Action.SIGNED_IN, actor=kim.user, subject=kim.user, methods=["password", "totp"], **details)

    assert len(sent) == mails
    for mail in sent:
        assert headlines([mail]) == [("kim@acme.example", "New sign-in to your account")]
        assert "Someone signed in to your account with a password and a code, in a browser" in mail.body


# --- The third failure ---


def fail(kim, number, told, kind="code"):
    """Wrong second factors in a row; how many mails each of them sent."""
    wrong = {"code": "000000", "recovery": "0000-0000-0000-0000"}[kind]
    assert wrong not in {kim.code(step) for step in range(-2, 3)}
    return [len(told(kim.enter_code, wrong)) for _ in range(number)]


@pytest.mark.row("ASVS-6.3.5")
def test_the_third_failure_after_the_right_password_is_told_and_no_other(told, kim):
    kim.set_up_app()
    kim.enter_password()

    assert fail(kim, 5, told) == [0, 0, 1, 0, 0]


@pytest.mark.row("ASVS-6.3.5")
def test_the_mail_says_that_somebody_knows_the_password(told, kim):
    kim.set_up_app()
    kim.enter_password()
    fail(kim, 2, told)

    mail = only(told(kim.enter_code, "0000-0000-0000-0000"))

    assert headlines([mail]) == [("kim@acme.example", "Three failed attempts at your second factor")]
    assert "someone knows your password" in mail.body
    assert LINK.search(mail.body)
    assert "0000" not in mail.body.replace(LINK.search(mail.body)[0], "")


def test_what_waited_and_was_never_looked_at_is_not_counted_and_not_told_again(told, kim):
    kim.set_up_app()
    kim.enter_password()
    assert fail(kim, 2, told) == [0, 0]
    Budget.objects.update(blocked_until=rule.FOREVER)

    assert fail(kim, 3, told) == [0, 0, 0]
    Budget.objects.update(blocked_until=0)
    assert fail(kim, 1, told) == [1]
    Budget.objects.update(blocked_until=rule.FOREVER)
    assert fail(kim, 2, told) == [0, 0]


def test_the_mail_is_true_of_somebody_who_is_signed_in_and_mistypes_three_codes(told, kim_with_app):
    confirm = [told(kim_with_app.client.post, "/confirm/", {"code": "000000"}) for _ in range(3)]

    assert [len(mails) for mails in confirm] == [0, 0, 1]
    said = " ".join(confirm[2][0].body.split())
    assert "at a login, after your password, or in a browser in which you are signed in" in said
    assert "someone knows your password, or is using a browser of yours" in said
    assert "got past your password" not in said
    assert "Nobody got in" not in said


def test_entering_the_password_again_does_not_start_the_count_anew(told, kim):
    kim.set_up_app()
    kim.enter_password()
    assert fail(kim, 2, told) == [0, 0]
    again = Person(kim.user, app_key=kim.app_key)
    again.enter_password("wrong")
    again.enter_password()
    Budget.objects.update(blocked_until=0)  # as if they had waited

    assert fail(again, 2, told) == [1, 0]


def test_a_sign_in_starts_the_count_anew(told, kim):
    kim.set_up_app()
    kim.enter_password()
    assert fail(kim, 2, told) == [0, 0]
    kim.enter_code()
    again = Person(kim.user, app_key=kim.app_key)
    again.enter_password()

    assert fail(again, 4, told) == [0, 0, 1, 0]


def test_wrong_passwords_are_not_told(told, kim):
    kim.set_up_app()

    assert [told(kim.enter_password, "wrong") for _ in range(4)] == [[]] * 4


@pytest.mark.parametrize(("password", "mails"), [(False, [0, 0, 0]), (True, [0, 0, 1])])
def test_passkeys_that_are_not_right_count_only_after_the_password(password, mails, told, kim):
    kim.set_up_app()
    kim.add_passkey()
    if password:
        kim.enter_password()

    assert [len(told(kim.use_passkey, origin="https://evil.example")) for _ in range(3)] == mails


def test_somebody_elses_failures_are_not_counted(told, kim, make_person):
    ada = make_person("ada")
    for person in (ada, kim):
        person.set_up_app()
        person.enter_password()

    assert fail(ada, 2, told) == [0, 0]
    assert fail(kim, 2, told) == [0, 0]


# --- What needs no mail ---


@pytest.mark.parametrize(
    "act",
    [
        lambda kim, admin: services.enable_two_factor(kim, actor=kim),
        lambda kim, admin: services.request_passkey(kim, actor=kim),
        lambda kim, admin: services.disable_two_factor(kim, actor=admin),
        lambda kim, admin: people.end_sessions(kim, actor=admin),
        lambda kim, admin: people.deactivate_user(kim, actor=admin),
        lambda kim, admin: companies.disable_company_two_factor(kim.company, actor=admin),
    ],
    ids=["own switch", "own reminder", "nothing set up", "sessions", "deactivated", "company off"],
)
def test_what_changes_nothing_about_how_somebody_gets_in_is_not_mailed(act, told, kim, admin):
    assert told(act, kim.user, admin) == []


def test_a_known_browser_that_signs_in_is_not_mailed(told, kim):
    kim.set_up_app()

    assert [mail for mail in told(kim.sign_in) if "sign-in" not in mail.subject] == []


@pytest.mark.parametrize("fields", [{"email": ""}, {"is_active": False}])
def test_people_without_an_address_and_deactivated_people_get_none(fields, told, make_user, admin):
    lee = make_user("lee", **fields)

    assert told(services.enable_two_factor, lee, actor=admin) == []
    assert AuditEvent.objects.filter(subject=lee).exists()


def test_every_row_of_the_table_is_an_action_and_ends_in_a_sentence():
    for action, told in NOTICES.items():
        assert action in Action
        for notice in told:
            assert str(notice.sentence).endswith((".", ". {asked}"))
            assert not str(notice.headline).endswith(".")


# --- What each mail says ---


@pytest.fixture
def passkey_mail(told, kim_in, time_machine):
    """The mail about a new passkey of Kim's."""
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    fresh = Person(kim_in.user)
    fresh.sign_in()
    return only(told(fresh.create_passkey))


def test_a_mail_says_what_when_where_from_by_whom_and_what_to_do(passkey_mail):
    said = passkey_mail.body

    assert "Hello Kim," in said
    assert "A passkey was added to your account." in said
    assert "When: 4 May 2026, 09:30 UTC" in said
    assert "Browser: Chrome on Linux" in said
    assert "Address: 127.0.0.1" in said
    assert "By: you, or someone signed in as you" in said
    assert "If it was not you, lock your account. Open this page and confirm." in said
    assert "tell your administrator at once" in said
    assert len(LINK.findall(said)) == 1


def test_both_forms_of_a_mail_say_the_same(passkey_mail):
    [html] = passkey_mail.alternatives
    text = " ".join(passkey_mail.body.split())
    assert html.mimetype == "text/html"
    [link] = LINK.findall(text)
    assert LINK.findall(html.content) == [link]

    assert as_text(html.content) == text.replace(link, "This wasn’t me")


def test_the_html_brings_no_picture_script_or_style_sheet(passkey_mail):
    html = passkey_mail.alternatives[0].content

    assert not re.search(r"<(img|script|link|style|iframe|form)\b|url\(", html)
    assert 'name="color-scheme" content="light dark"' in html


def test_nobodys_absence_is_answered_to_a_mail(passkey_mail):
    """RFC 3834, section 5."""
    assert passkey_mail.message()["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("act", ["mfa/passkeys/request/", "mfa/two-factor/off/"])
def test_what_an_administrator_did_says_by_whom_and_nothing_of_their_browser_and_address(
    told, kim_with_app, administrator, act
):
    mail = only(told(administrator.client.post, f"{USERS}{kim_with_app.user.pk}/{act}"))

    for said in (mail.body, mail.alternatives[0].content):
        assert "127.0.0.1" not in said
        assert "Chrome on Linux" not in said
        assert administrator.user.email not in said
    assert "By: Petra Vogt" in mail.body


@pytest.mark.parametrize(
    ("act", "page"),
    [
        ("mfa/passkeys/request/", "/user-settings/mfa/passkeys/new/"),
        ("mfa/two-factor/on/", "/user-settings/mfa/two-factor/set-up/"),
    ],
)
def test_a_mail_that_asks_for_something_links_to_it_and_offers_no_lock_that_would_not_help(
    told, kim, administrator, act, page
):
    mail = only(told(administrator.client.post, f"{USERS}{kim.user.pk}/{act}"))

    for said in (mail.body, mail.alternatives[0].content):
        assert f"http://localhost:8000{page}" in said
        assert "/not-me/" not in said


def test_a_mail_is_in_its_readers_language_not_in_that_of_the_one_who_acts(told, make_user, administrator):
    lee = make_user("lee", language="de")

    mail = only(told(administrator.client.post, f"{USERS}{lee.pk}/mfa/passkeys/request/"))

    months = "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
    assert re.search(rf"Wann: \d+\. ({months}) ", mail.body)
    assert '<html lang="de">' in mail.alternatives[0].content


def test_what_people_name_is_text_in_a_mail_and_no_header(told, kim_in):
    passkey = kim_in.add_passkey()
    Passkey.objects.update(name="<b>{actor}<b> & co")
    assert kim_in.use_passkey().status_code == 200

    mail = only(told(kim_in.client.post, f"/user-settings/mfa/passkeys/{passkey.pk}/delete/"))

    assert "The passkey “<b>{actor}<b> & co” was deleted" in mail.body
    assert "“&lt;b&gt;{actor}&lt;b&gt; &amp; co”" in mail.alternatives[0].content
    assert "<b>" not in mail.subject


# --- When it is sent ---


def test_an_act_that_is_undone_is_not_mailed(told, kim, admin):
    def undone():
        with transaction.atomic():
            services.request_passkey(kim.user, actor=admin)
            transaction.set_rollback(True)

    assert told(undone) == []
    assert not AuditEvent.objects.filter(action=Action.PASSKEY_REQUESTED).exists()


@pytest.mark.django_db(transaction=True)
def test_mail_goes_out_after_the_commit_and_not_before(mailoutbox, make_user, admin):
    kim = make_user("kim")

    def seen_elsewhere():
        try:
            return OwedMail.objects.exists()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as worker:
        with transaction.atomic():
            services.request_passkey(kim, actor=admin)
            assert worker.submit(seen_elsewhere).result() is False
        assert worker.submit(seen_elsewhere).result() is True

    assert headlines(mailoutbox) == [("kim@acme.example", "You are asked to create a passkey")]


@pytest.mark.django_db(transaction=True)
def test_a_refusal_which_is_no_transaction_is_mailed_as_well(mailoutbox, make_person):
    kim = make_person("kim")
    kim.set_up_app()
    kim.enter_password()
    mailoutbox.clear()
    for _ in range(3):
        kim.enter_code("000000")

    assert headlines(mailoutbox) == [("kim@acme.example", "Three failed attempts at your second factor")]


class Trouble:
    """A mail backend that raises whatever it is asked."""

    def __init__(self, **options):
        raise OSError("Nobody answers.")


@pytest.mark.row("V16")
@pytest.mark.django_db(transaction=True)
def test_mail_trouble_breaks_neither_a_login_nor_an_act(make_person, settings, caplog):
    settings.MAILERS = {"default": {"BACKEND": "tests.notices.test_notices.Trouble"}}
    kim = make_person("kim")
    kim.set_up_app()

    kim.enter_password()
    assert kim.enter_code(kim.codes[0]).headers["Location"] == "/"
    assert kim.is_in
    assert kim.create_passkey().status_code == 200

    deliver_owed()
    assert "A mail was not delivered, and is tried again." in caplog.text
    assert "Nobody answers." in caplog.text


def test_of_two_sign_ins_from_different_browsers_neither_takes_the_others_place(kim):
    for agent in (AGENT, AGENT.replace("Chrome", "Firefox")):
        with recording.origin("192.0.2.9", agent):
            recording.record(Action.SIGNED_IN, actor=kim.user, subject=kim.user, methods=["password"], new_browser=True)

    first, second = OwedMail.objects.order_by("pk")
    assert first.about != second.about


def test_a_letter_does_not_wait_behind_what_the_same_person_tells_many(kim, admin):
    with told_together():
        recording.record(Action.PASSKEY_REQUESTED, actor=admin, subject=kim.user)
    recording.record(Action.PASSKEY_REQUESTED, actor=admin, subject=kim.user)

    assert len(set(OwedMail.objects.values_list("cause", flat=True))) == 2


@pytest.mark.parametrize("together", [False, True])
def test_a_mail_that_cannot_be_put_into_words_keeps_nobody_from_their_act(together, kim, admin, caplog, mailoutbox):
    with told_together() if together else nullcontext():
        recording.record(Action.PASSKEY_DELETED, actor=admin, subject=kim.user)  # of which passkey, it does not say
        recording.record(Action.PASSKEY_REQUESTED, actor=admin, subject=kim.user)

    assert headlines(mailoutbox) == [("kim@acme.example", "You are asked to create a passkey")]
    assert AuditEvent.objects.filter(action=Action.PASSKEY_DELETED).exists()
    assert "A mail could not be put into words." in caplog.text


def test_a_company_costs_as_many_statements_for_3_as_for_40(company, admin, make_user):
    from tests.test_query_budget import statements  # noqa: PLC0415  # which names its own addresses when imported

    def switch():
        companies.disable_company_two_factor(company, actor=admin)
        before = OwedMail.objects.count()
        with statements() as asked:
            companies.enable_company_two_factor(company, actor=admin)
        return OwedMail.objects.count() - before, len(asked)

    for n in range(3):
        make_user(f"one{n}")
    few = switch()
    for n in range(37):
        make_user(f"more{n}")

    assert switch() == (40, few[1])
    assert few[0] == 3


@pytest.mark.parametrize("way", ["code", "passkey"])
def test_a_login_asks_nothing_for_the_sake_of_mail(way, kim):
    from tests.test_query_budget import statements  # noqa: PLC0415  # which names its own addresses when imported

    kim.sign_in()
    kim.set_up_app()
    kim.add_passkey()
    if way == "code":
        kim.enter_password()
    with statements() as asked:
        assert (kim.enter_code if way == "code" else kim.use_passkey)().status_code in {200, 302}
    line = AuditEvent.objects.filter(action=Action.SIGNED_IN).latest("pk")

    assert not line.details.get("new_browser")
    assert "accounts_owedmail" not in " ".join(asked)


def test_an_act_on_the_command_line_is_told_as_well_and_comes_from_nowhere(told, kim, admin):
    mail = only(told(services.request_passkey, kim.user, actor=admin))

    assert headlines([mail]) == [("kim@acme.example", "You are asked to create a passkey")]
    mail = only(told(services.make_recovery_codes, kim.user, actor=kim.user))
    assert "Browser:" not in mail.body
    assert "Address:" not in mail.body


def test_every_action_is_told_by_mail_or_has_its_reason_why_not():
    assert set(NOTICES) | set(NOT_TOLD) == set(Action)
    assert not set(NOTICES) & set(NOT_TOLD)
    assert all(reason.endswith(".") for reason in NOT_TOLD.values())
