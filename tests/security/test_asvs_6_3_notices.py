"""ASVS 5.0, section 6.3, as far as it asks that people are told: 6.3.5, 6.3.6 and 6.3.7; and 6.4.4 about renewals."""

from __future__ import annotations

import re

import pytest
from django.core import mail

from mfa.models import AuthenticatorApp
from tests.accounts.steps import CHALLENGE
from tests.accounts.walk import pages
from tests.addresses import confirm_address
from tests.mfa.pages import OWN, OWN_CODES, OWN_SETUP, confirm_setup, open_setup, save_form
from tests.people import PASSWORD, Person, browser

NEW = "four words in line"
PROFILE = {"first_name": "Kim", "last_name": "Hansen", "email": "kim@acme.example", "language": "en"}


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
def test_no_link_in_a_mail_completes_or_shortens_a_login(told, kim):
    kim.set_up_app()
    AuthenticatorApp.objects.update(last_used_step=-1)
    [notice] = told(kim.add_passkey)
    browser().post("/password-reset/", {"email": "kim@acme.example"})
    links = re.findall(r"http://localhost:8000(/\S+/)", f"{notice.body} {mail.outbox[-1].body}")
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
