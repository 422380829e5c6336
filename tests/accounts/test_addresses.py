"""One e-mail address, one form: for uniqueness, sign-in, reset and the envelope; people read it as they write it."""

from __future__ import annotations

from html import unescape

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts import invitations
from accounts.addresses import ADDRESS_MAIL
from accounts.domains import NoDomain, ascii_address, ascii_domain, shown_domain
from accounts.models import User
from accounts.owed import Draft, owe
from accounts.text import clean_address, fold_address, spoken
from tests.accounts.test_names import ANY_SPEED, signs_in
from tests.people import PASSWORD, Person

SPELLINGS = [
    "kim@bücher.example",
    "kim@xn--bcher-kva.example",
    "KIM@XN--BCHER-KVA.EXAMPLE",
    "kim@BÜCHER.example",
    "kim@bu\u0308cher.example",
    "\u200bkim@bücher.example\ufeff",
    "kim＠bücher.example",
    "ｋｉｍ＠bücher。example",
    "kim@bücher.example.",
    "kim@xn--bcher-kva.example.",
]


@pytest.mark.parametrize("known", SPELLINGS[:2])
@pytest.mark.parametrize("typed", SPELLINGS)
def test_every_spelling_of_a_domain_signs_its_owner_in(known, typed, make_user):
    user = make_user("kim", email=known)

    assert signs_in(typed) == user


@pytest.mark.parametrize("typed", SPELLINGS)
def test_every_spelling_of_a_domain_is_mailed_a_reset_at_the_domain_that_was_meant(typed, make_user, mailoutbox):
    make_user("kim", email="kim@bücher.example")

    invitations.send_reset(typed)

    assert [sent.to for sent in mailoutbox] == [["kim@xn--bcher-kva.example"]]


@pytest.mark.parametrize("second", SPELLINGS[1:])
def test_one_address_is_one_account_in_every_spelling(second, make_user, kim, administrator):
    make_user("ada", email="kim@bücher.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_user("bea", email=second)
    form = {"username": "bea", "email": second, "role": "administrator"}

    answer = administrator.client.post("/settings/administration/users/new/", form)

    assert "This e-mail address belongs to another account." in answer.content.decode()


@pytest.mark.parametrize(
    ("typed", "kept", "envelope"),
    [
        ("kim@straße.example", "kim@straße.example", "kim@xn--strae-oqa.example"),
        ("kim@strasse.example", "kim@strasse.example", "kim@strasse.example"),
        ("Kim@xn--bcher-kva.example", "Kim@bücher.example", "Kim@xn--bcher-kva.example"),
        ("kim@Acme.Example", "kim@acme.example", "kim@acme.example"),
        ("kim@ａcme。example", "kim@acme.example", "kim@acme.example"),
        ("kim＠acme.example", "kim@acme.example", "kim@acme.example"),
        ("kim@acme.example.", "kim@acme.example", "kim@acme.example"),
        ("kim@bücher.example。", "kim@bücher.example", "kim@xn--bcher-kva.example"),
        ("kim@例え.テスト", "kim@例え.テスト", "kim@xn--r8jz45g.xn--zckzah"),
    ],
)
def test_people_read_the_form_they_write_and_mail_goes_where_dns_says(typed, kept, envelope):
    assert clean_address(typed) == kept
    assert ascii_address(kept) == envelope


@pytest.mark.parametrize(
    "domain",
    [
        "exam\u200bple.com",
        "\u200fexample.com",
        "example\u202e.com",
        "exam\u00adple.com",
        "\u2066example\u2069.com",
        "☃.example",
        "xn--a.example",
        "a\u200db.example",
        "büch..example",
        "-bücher.example",
        "x" * 64 + "ü.example",
        "ü" * 300,
    ],
)
def test_a_domain_that_no_mail_goes_to_is_refused_beside_its_field_with_the_reason(domain, administrator):
    form = {"username": "nora", "email": f"nora@{domain}", "role": "administrator"}

    answer = administrator.client.post("/settings/administration/users/new/", form)

    assert answer.status_code == 400
    page = answer.content.decode()
    assert "an invisible character" in page or "No mail can be sent to" in page or "at most 254 characters" in page
    assert not User.objects.filter(username="nora").exists()
    with pytest.raises(ValidationError):
        clean_address(f"nora@{domain}")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("nora@☃.example", "“☃” cannot be part of a domain name."),
        ("nora@bü_cher.example", "“_” cannot be part of a domain name."),
        ("nora@a1א.example", "it mixes letters written from left to right with letters written from right to left."),
        (f"nora@{'ü' * 64}.example", "it, or a part of it, is too long."),
        ("nora@xn--a.example", "it is not a domain name."),
        ("nora@büch..example", "it is not a domain name."),
        ("nöra@acme.example", "“ö” cannot stand before the “@” of an e-mail address here."),
        ("nora", "Enter an e-mail address such as kim@acme.example."),
        ("nora@acme", "Enter an e-mail address such as kim@acme.example."),
        ("Nora <nora@acme.example>", "Enter an e-mail address such as kim@acme.example."),
        ("nora @acme.example", "Enter an e-mail address such as kim@acme.example."),
    ],
)
def test_what_is_no_address_is_refused_in_words_that_its_owner_knows(address, reason, administrator):
    form = {"username": "nora", "email": address, "role": "administrator"}

    page = administrator.client.post("/settings/administration/users/new/", form).content.decode()

    assert unescape(page).count(reason) == 1
    assert "odepoint" not in page


def test_an_administrator_finds_a_person_by_the_form_that_computers_write(administrator, make_user):
    make_user("nora", email="nora@bücher.example")

    for words in ("nora@xn--bcher-kva.example", "XN--BCHER-KVA.example", "nora＠bücher.example"):
        assert ">nora<" in administrator.client.get("/settings/administration/users/", {"q": words}).content.decode()


def test_the_form_in_which_a_browser_sends_an_address_is_no_change_of_it(kim):
    User.objects.filter(pk=kim.user.pk).update(email="kim@bücher.example", email_folded="kim@xn--bcher-kva.example")
    kim = Person(User.objects.get(pk=kim.user.pk))
    kim.sign_in()
    form = {"first_name": "Kim", "last_name": "Hansen", "email": "kim@xn--bcher-kva.example", "language": ""}

    assert kim.client.post("/user-settings/", form).status_code == 302

    kim.user.refresh_from_db()
    assert kim.user.email == "kim@bücher.example"
    assert 'value="kim@bücher.example"' in kim.client.get("/user-settings/").content.decode()


@ANY_SPEED
@given(st.text(max_size=80))
def test_any_text_is_a_domain_in_one_form_or_refused(text):
    fold_address(f"kim@{text}")
    try:
        plain, shown = ascii_domain(text), shown_domain(text)
    except NoDomain:
        return
    assert plain.isascii()
    assert ascii_domain(plain) == ascii_domain(shown) == plain


# --- What mails carry ---


def test_every_mail_says_that_a_machine_sent_it_and_which_site(settings, db, mailoutbox):
    settings.BASE_URL = "https://mfa.acme.example:8443"

    owe((Draft(f"{name}@acme.example", "Hello", ADDRESS_MAIL, "en") for name in ("kim", "lee")), cause="kim")

    assert len(mailoutbox) == 2
    for sent in mailoutbox:
        headers = sent.message()
        assert headers["Auto-Submitted"] == "auto-generated"
        assert headers["X-Auto-Response-Suppress"] == "All"
        assert headers["Message-ID"].endswith("@mfa.acme.example>")
    assert len({sent.message()["Message-ID"] for sent in mailoutbox}) == 2


@pytest.mark.parametrize("behind", [".", ")", ">", ".)", "”", ",", "!", "./", "%3E", "%C2%A0", "'"])
def test_a_link_works_with_what_stands_behind_it_in_a_sentence(behind, make_user, mailoutbox, client):
    make_user("kim")
    invitations.send_reset("kim@acme.example")
    link = next(line for line in mailoutbox[0].body.splitlines() if line.startswith("http"))
    path = link.removeprefix("http://testserver").removeprefix("http://localhost:8000")

    for written in (path + behind, path.rstrip("/") + behind):
        answer = client.get(written, follow=True)
        assert answer.status_code == 200
        assert "Choose a new password" in answer.content.decode()


def test_what_leads_nowhere_still_does_with_a_dot_behind_it(client, db):
    assert client.get("/not-me/none./", follow=True).status_code == 404
    assert client.get("/invitation/MDAw/none.", follow=True).status_code == 404


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("Kim", True),
        ("Anne-Marie", True),
        ("O’Neill", True),
        ("J.R.R.", True),
        ("St. John", True),
        ("किरण", True),
        ("Kim: unlock it now", False),
        ("https://evil.example", False),
        ("evil.example", False),
        ("evil．example", False),
        ("www evil", False),
        ("kim@evil", False),
        ("call 0800 123456", False),
        ("10.0.0.1", False),
        ("a/b", False),
    ],
)
def test_a_name_holds_no_address_and_no_telephone_number(name, good, kim):
    kim.sign_in()
    form = {"first_name": name, "last_name": "Hansen", "email": "kim@acme.example", "language": ""}

    assert kim.client.post("/user-settings/", form).status_code == (302 if good else 400)


def test_names_of_before_hold_no_address_in_mails(make_user, mailoutbox, admin, django_capture_on_commit_callbacks):
    bad = "Your account is locked. Unlock it now: https://evil.example/x"
    kim = make_user("kim", first_name=bad, password=None)
    admin.first_name = bad

    with django_capture_on_commit_callbacks(execute=True):
        invitations.invite(kim, actor=admin)

    text = mailoutbox[0].body + str(mailoutbox[0].alternatives[0].content)
    assert "evil.example" not in text
    assert "https://evil" not in text


@pytest.mark.parametrize("name", ["\u0dc1\u0dca\u200d\u0dbb\u0dd3", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"])
def test_joiners_that_a_name_is_written_with_stay_in_mails(name):
    assert spoken(name) == name


def test_joiners_elsewhere_and_whatever_else_is_not_seen_do_not():
    assert spoken("evil.\u200dexample") == "evil. example"
    assert spoken("\u200dKim\u200b\u200cLee\u200c") == "Kim Lee"


@pytest.mark.parametrize("hidden", ["\u034f", "\u115f", "\u3164", "\uffa0", "\u17b4", "\u180b", "\ufe0f", "\U000e0100"])
def test_no_user_name_holds_a_character_that_nobody_can_see(hidden, administrator):
    form = {"username": f"no{hidden}ra", "email": "nora@acme.example", "role": "administrator"}

    answer = administrator.client.post("/settings/administration/users/new/", form)

    assert answer.status_code == 400
    assert answer.content.decode().count("A user name has letters, digits, dots") == 2
    assert not User.objects.filter(email="nora@acme.example").exists()


def test_a_name_of_nothing_that_is_seen_is_no_name(kim):
    kim.sign_in()
    form = {"first_name": "\u200b\u2060", "last_name": "\u3164", "email": "kim@acme.example", "language": ""}

    assert kim.client.post("/user-settings/", form).status_code == 302

    kim.user.refresh_from_db()
    assert (kim.user.first_name, kim.user.last_name, kim.user.get_short_name()) == ("", "", "kim")
    answer = Person(kim.user).client.post("/login/", {"username": "\u200b", "password": PASSWORD})
    assert "This field is required." in answer.content.decode()


def test_help_and_refusal_say_the_same_rule_for_user_names(administrator):
    rule = "A user name has letters, digits, dots, hyphens, underscores and plus signs, at least one letter or digit"
    page = administrator.client.get("/settings/administration/users/new/").content.decode()
    refused = administrator.client.post("/settings/administration/users/new/", {"username": ".-"}).content.decode()

    assert (page.count(rule), refused.count(rule)) == (1, 2)
