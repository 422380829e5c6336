"""What people are told about what they sign in with, and what no mail says or does."""

from __future__ import annotations

import re

import pytest

from accounts import people
from accounts.models import Session, User
from companies.letting_in import APP, CODES, let_in
from mfa import services
from mfa.models import AuthenticatorApp
from tests.accounts.steps import CHALLENGE
from tests.accounts.walk import pages
from tests.addresses import confirm_address
from tests.links import NEW, choose, link_in
from tests.mfa.pages import OWN, OWN_CODES, OWN_SETUP, confirm_setup, open_setup, save_form, words
from tests.people import PASSWORD, Person, browser

PROFILE = {"first_name": "Kim", "last_name": "Hansen", "email": "kim@acme.example", "language": ""}


@pytest.fixture
def kim_in(kim):
    """Kim with an app and a passkey, signed in with the passkey."""
    kim.set_up_app()
    kim.add_passkey()
    assert kim.use_passkey().status_code == 200
    return kim


def change_password(kim):
    return kim.client.post(
        "/user-settings/password/", {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    )


def enter_address(kim):
    return kim.client.post("/user-settings/", PROFILE | {"email": "new@acme.example"})


def set_up_app_anew(kim):
    return confirm_setup(kim, open_setup(kim, OWN_SETUP), OWN_SETUP)


def remove_app(kim):
    return kim.client.post(f"{OWN}two-factor/off/")


def add_passkey(kim):
    return kim.create_passkey()


def make_codes(kim):
    kim.client.post(f"{OWN}recovery-codes/new/")
    return kim.client.post(OWN_CODES, save_form(kim))


@pytest.mark.row("ASVS-6.3.7")
def test_another_user_name_is_told_with_what_it_was_and_is(told, kim, administrator):
    form = {"username": "kimberly", "role": "member", "company": kim.user.company_id, "email": "kim@acme.example"}

    [sent] = told(administrator.client.post, f"/settings/administration/users/{kim.user.pk}/", form)

    assert (sent.to, sent.subject) == (["kim@acme.example"], "m2v: Your user name was changed")
    assert "It was kim and is kimberly now: sign in with kimberly." in sent.body
    assert "It was kim and is kimberly now: sign in with kimberly." in sent.alternatives[0].content
    assert "By: Petra Vogt" in sent.body
    assert re.search(r"/not-me/[\w:-]+/", sent.body)


@pytest.mark.row("ASVS-6.3.7")
def test_another_user_name_and_address_are_told_to_both_addresses(told, kim, administrator):
    form = {"username": "kimberly", "role": "member", "company": kim.user.company_id, "email": "new@acme.example"}

    first = told(administrator.client.post, f"/settings/administration/users/{kim.user.pk}/", form)
    mails = told(confirm_address, kim.user)

    assert sorted((sent.to[0], sent.subject.removeprefix("m2v: ")) for sent in first) == [
        ("kim@acme.example", "Another e-mail address was entered for your account"),
        ("kim@acme.example", "Your user name was changed"),
        ("new@acme.example", "Confirm your e-mail address"),
    ]
    assert sorted((sent.to[0], sent.subject.removeprefix("m2v: ")) for sent in mails) == [
        ("kim@acme.example", "Your e-mail address was changed"),
        ("new@acme.example", "Your e-mail address was changed"),
    ]


@pytest.mark.row("ASVS-6.3.7", "N-4.2.1.1-note")
def test_no_mail_says_a_secret(told, kim_in):
    codes = list(kim_in.codes)
    said = []
    for change in (add_passkey, enter_address, make_codes, set_up_app_anew, remove_app, change_password):
        for sent in told(change, kim_in):
            assert sent.to == ["kim@acme.example"] or sent.subject == "Confirm your e-mail address"
            said.append(f"{sent.subject} {sent.body} {sent.alternatives[0].content}")
    assert len(said) >= 6
    everything = re.sub(r"/not-me/[\w:-]+/", "", " ".join(said))

    kim_in.user.refresh_from_db()
    session = kim_in.client.cookies["session"].value
    for secret in (PASSWORD, NEW, *codes, session, kim_in.user.password, kim_in.app_key.hex()):
        assert secret not in everything
    assert not re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}|\b\d{6}\b", everything)


@pytest.mark.row("ASVS-6.3.5")
def test_over_many_sessions_and_methods_as_well(told, kim):
    kim.set_up_app()
    kim.add_passkey()
    sent = []
    for attempt in ("code", "recovery", "passkey"):
        thief = Person(kim.user, authenticator=kim.authenticator)
        thief.enter_password()
        sent += {
            "code": lambda thief=thief: told(thief.enter_code, "000000"),
            "recovery": lambda thief=thief: told(thief.enter_code, "0000-0000-0000-0000"),
            "passkey": lambda thief=thief: told(thief.use_passkey, origin="https://evil.example"),
        }[attempt]()

    assert [one.subject for one in sent] == ["m2v: Three failed attempts at your second factor"]


@pytest.mark.row("ASVS-6.3.6")
def test_no_link_in_a_mail_completes_or_shortens_a_login(told, kim, mailoutbox):
    kim.set_up_app()
    AuthenticatorApp.objects.update(last_used_step=-1)
    [notice] = told(kim.add_passkey)
    browser().post("/password-reset/", {"email": "kim@acme.example"})
    links = re.findall(r"http://localhost:8000(/\S+/)", f"{notice.body} {mailoutbox[-1].body}")
    assert len(links) == 2

    for link in links:
        stranger, claimant = browser(), Person(kim.user, app_key=kim.app_key)
        assert claimant.enter_password().headers["Location"] == CHALLENGE
        for client in (stranger, claimant.client):
            client.get(link, follow=True)
            assert client.get("/portal/").status_code == 302
        assert claimant.asked_for == CHALLENGE


@pytest.mark.row("ASVS-6.3.6")
def test_no_address_takes_a_code_from_a_mail():
    links = {page.name for page in pages() if page.has("token")}
    assert links == {"password_reset_confirm", "invitation", "not_me", "address"}


LINK = re.compile(r"http://localhost:8000(/not-me/[\w:-]+/)")


@pytest.mark.row("N-4.1.2.1-note")
def test_a_new_factor_is_told_even_if_the_tab_closes_before_the_codes_are_saved(told, kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    kim.enter_password()

    [mail] = told(confirm_setup, kim, open_setup(kim))

    assert mail.to == ["kim@acme.example"]
    assert not kim.is_in


@pytest.mark.row("N-4.6-two", "B-53")
@pytest.mark.parametrize("first", ["", "mallory@evil.example"])
def test_whoever_changes_or_clears_the_address_first_keeps_nothing_from_its_owner(first, told, kim):
    thief = Person(kim.user)
    thief.sign_in()

    changed = told(thief.client.post, "/user-settings/", PROFILE | {"email": first})
    added = told(thief.create_passkey)

    for mails in (changed, added):
        assert ["kim@acme.example"] in [mail.to for mail in mails]
    [mail] = [mail for mail in added if mail.to == ["kim@acme.example"]]
    assert mail.subject == "m2v: A passkey was added to your account"
    browser().post(LINK.search(mail.body)[1])
    assert not thief.is_in


@pytest.mark.row("B-53")
def test_two_changes_in_a_row_do_not_help_either(told, kim):
    thief = Person(kim.user)
    thief.sign_in()
    for address in ("one@evil.example", "two@evil.example"):
        thief.client.post("/user-settings/", PROFILE | {"email": address})

    assert ["kim@acme.example"] in [mail.to for mail in told(thief.create_passkey)]


@pytest.mark.row("N-4.2.3")
def test_an_account_that_is_recovered_by_an_administrators_invitation_is_told(told, kim, admin):
    kim.user.set_unusable_password()
    kim.user.save()

    [mail] = told(people.change_password, kim.user, "four words in line", actor=kim.user)

    assert mail.subject == "m2v: Your password was changed"


@pytest.mark.row("N-4.3", "N-4.3-report")
def test_saying_it_was_not_me_takes_away_and_gives_nothing(told, kim):
    kim.set_up_app()
    kim.sign_in()
    [mail] = told(kim.create_passkey)
    reader = browser()

    reader.post(LINK.search(mail.body)[1], follow=True)

    assert reader.get("/portal/").status_code == 302
    assert not Session.objects.filter(user=kim.user).exists()
    assert "This account is locked" in Person(kim.user).enter_password().content.decode()
    assert not Person(kim.user).is_in


@pytest.mark.row("N-3.1.1.2-comprom")
def test_after_this_wasnt_me_only_a_new_password_signs_in_and_the_factor_is_asked_for(told, kim, admin, mailoutbox):
    kim.set_up_app()
    kim.sign_in()
    [mail] = told(kim.create_passkey)
    browser().post(LINK.search(mail.body)[1])
    assert "This account is locked" in Person(kim.user).enter_password().content.decode()

    kept = [APP, CODES]
    told(let_in, User.objects.get(pk=kim.user.pk), kept=kept, checked="in_person", reason="It is Kim.", actor=admin)
    choose(link_in(mailoutbox[-1]))

    assert Person(kim.user).enter_password().status_code == 400
    assert Person(kim.user).enter_password(NEW).headers["Location"] == "/login/challenge/"


@pytest.mark.row("N-4.6-two")
def test_what_is_about_the_person_says_what_to_do_and_whom_to_ask(told, kim, administrator):
    kim.sign_in()
    [own] = told(kim.create_passkey)
    [others] = told(administrator.client.post, f"/settings/administration/users/{kim.user.pk}/mfa/two-factor/on/")

    assert "If it was not you, lock your account. Open this page and confirm." in own.body
    assert "tell your administrator at once" in own.body
    assert LINK.search(own.body)
    assert "If you did not expect this, ask Petra Vogt or another administrator." in others.body


@pytest.mark.row("CS-MFA-3")
def test_somebody_is_shown_at_the_next_login_that_a_factor_failed(kim):
    kim.set_up_app()
    thief = Person(kim.user)
    thief.enter_password()
    thief.enter_code("000000")

    kim.sign_in()

    assert "refused: a code not right" in words(kim.client.get("/portal/"))


@pytest.mark.row("ASVS-6.3.7", "CS-RST-2")
def test_a_reset_is_told(told, kim, mailoutbox):
    browser().post("/password-reset/", {"email": "kim@acme.example"})
    link = re.search(r"http://localhost:8000(/password-reset/\S+)", mailoutbox[-1].body)[1]
    reader = browser()
    form = reader.get(link).headers["Location"]

    [mail] = told(reader.post, form, {"new_password1": "four words in line", "new_password2": "four words in line"})

    assert (mail.subject, mail.to) == ("m2v: Your password was changed", ["kim@acme.example"])
    assert Person(kim.user).enter_password(PASSWORD).status_code == 400


@pytest.mark.row("B-55")
def test_links_in_notices_lead_to_the_sites_own_address(told, kim):
    kim.sign_in()
    kim.client.defaults |= {"HTTP_X_FORWARDED_HOST": "evil.example", "HTTP_FORWARDED": "host=evil.example"}

    [mail] = told(kim.create_passkey)

    assert set(re.findall(r"https?://[^/]+", mail.body + mail.alternatives[0].content)) == {"http://localhost:8000"}
