"""NIST SP 800-63B-4, sections 4.1.2.1, 4.2, 4.3 and 4.6; the OWASP sheets; and B-53: what people must be told."""

from __future__ import annotations

import re

import pytest

from accounts import people
from accounts.models import Session, User
from mfa import services
from mfa.letting_in import APP, CODES, let_in
from tests.mfa.pages import confirm_setup, open_setup, words
from tests.people import PASSWORD, Person, browser
from tests.security.links import NEW, choose, link_in

LINK = re.compile(r"http://localhost:8000(/not-me/[\w:-]+/)")
PROFILE = {"first_name": "Kim", "last_name": "Hansen", "language": "en"}


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
