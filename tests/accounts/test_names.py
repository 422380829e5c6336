"""Signing in by user name or e-mail address, whichever is typed, in whatever case and Unicode form."""

from __future__ import annotations

import unicodedata
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Role, User
from accounts.text import FoldedField, fold
from audit import recording, sentences
from audit.models import AuditEvent
from audit.vocabulary import Action
from tests.accounts.walk import everything
from tests.audit import forget
from tests.people import PASSWORD, Person, browser

NEW = "four words in line"
ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class CountingHasher(MD5PasswordHasher):
    """Counts how often a password is hashed."""

    algorithm = "counting"
    hashed: list[str] = []

    def encode(self, password, salt):
        self.hashed.append(salt)
        return super().encode(password, salt)


def nfd(text):
    return unicodedata.normalize("NFD", text)


def signs_in(name, password=PASSWORD):
    """Who a fresh browser is after this name and this password; None where the login refused them."""
    client = browser()
    answer = client.post("/login/", {"username": name, "password": password})
    if answer.status_code == 400:
        return None
    return client.get("/user-settings/").wsgi_request.user


# --- Spellings of one name ---


@pytest.mark.parametrize(
    ("known", "typed"),
    [
        ("kim", "kim"),
        ("kim", "KIM"),
        ("Kim", "kim"),
        ("kim", "  kim\t"),
        ("kim", "\u200bkim\ufeff \u2060"),
        ("kim", "ｋｉｍ"),
        ("kim", "ＫＩＭ"),
        ("müller", nfd("müller")),
        (nfd("müller"), "MÜLLER"),
        ("josé", nfd("JOSÉ")),
        ("straße", "STRASSE"),
        ("strasse", "Straße"),
        ("straße", "STRAẞE"),
        ("σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("İpek", nfd("İpek")),
        ("İpek", "i̇pek"),
        ("ﬁnn", "FINN"),
        ("nguyễn", nfd("NGUYỄN")),
        ("иван", "ИВАН"),
    ],
)
def test_one_name_is_one_person_in_every_spelling(known, typed, make_user):
    user = make_user(known)

    assert signs_in(typed) == user


@pytest.mark.parametrize(
    ("known", "typed"),
    [
        # A dotted and a dotless i are two letters in Turkish; without knowing the language neither is the plain one.
        ("İpek", "ipek"),
        ("İpek", "Ipek"),
        ("ipek", "ıpek"),
        ("kim", "кim"),
        ("kim", "k im"),
        ("kim", "k\u200bim"),
        ("kim", "kim."),
        ("kim", "ki"),
        ("müller", "mueller"),
        ("müller", "muller"),
        ("kim", "%"),
        ("kim", "k_m"),
    ],
)
def test_what_only_looks_alike_is_somebody_else(known, typed, make_user):
    make_user(known)

    assert signs_in(typed) is None


@pytest.mark.parametrize(
    ("known", "typed"),
    [
        ("kim.hansen@acme.example", "kim.hansen@acme.example"),
        ("Kim.Hansen@Acme.example", "kim.hansen@ACME.EXAMPLE"),
        ("müller@acme.example", nfd("MÜLLER@acme.example")),
        ("kim@acme.example", " ｋｉｍ@acme.example "),
    ],
)
def test_an_e_mail_address_signs_in_as_well(known, typed, make_user):
    user = make_user("kim", email=known)

    assert signs_in(typed) == user
    assert signs_in("kim") == user


def test_people_without_an_address_are_not_found_by_an_empty_one(make_user):
    for name in ("kim", "lee"):
        make_user(name, email="")

    assert User.objects.count() == 2
    for typed in ("", " ", "\u3000", "\x00"):
        assert User.objects.get_queryset().named(typed) is None


def test_a_user_name_that_is_anothers_address_is_the_one_that_is_found(make_user):
    make_user("kim", email="lee@acme.example")
    lee = make_user("lee@acme.example", email="")

    assert signs_in("LEE@acme.example") == lee


@ANY_SPEED
@given(st.text(max_size=30))
def test_canonical_forms_of_any_text_fold_alike(text):
    nfc, nfd, nfkc, nfkd = (unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD"))

    assert fold(nfc) == fold(nfd)
    assert fold(nfkc) == fold(nfkd)


@ANY_SPEED
@given(st.text(st.characters(categories=["Lu", "Ll"], max_codepoint=0x17F, exclude_characters="İıŉ"), max_size=30))
def test_upper_and_lower_case_of_european_letters_fold_alike(text):
    assert fold(text.upper()) == fold(text.lower()) == fold(text)


def test_a_folded_column_follows_its_source_and_says_which(make_user):
    user = make_user("Kim", email="Kim@Acme.example", first_name="Kim", last_name="Hänsen")
    field = User._meta.get_field("search_text")

    assert (user.username_folded, user.email_folded) == ("kim", "kim@acme.example")
    assert user.search_text == "kim\nhansen\nkim\nkim@acme.example"
    assert isinstance(field, FoldedField)
    assert field.deconstruct()[2] == ["first_name", "last_name", "username", "email"]
    assert not field.editable


# --- One identity a name ---


@pytest.mark.row("B-57")
@pytest.mark.parametrize(
    "second",
    [
        {"username": "KIM", "email": ""},
        {"username": "ｋｉｍ", "email": ""},
        {"username": "lee", "email": "KIM@acme.example"},
        {"username": "lee", "email": nfd("kim@acme.example")},
    ],
)
def test_the_database_takes_no_second_person_of_one_name_or_address(second, make_user):
    make_user("kim", email="kim@acme.example")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_user(**second)

    assert User.objects.count() == 1


def test_the_database_knows_three_roles(make_user):
    with pytest.raises(IntegrityError), transaction.atomic():
        make_user("kim", role="owner")


# --- What the login says, and to whom ---


@pytest.mark.row("CS-AUTH-1")
def test_the_same_answer_for_everybody_who_does_not_get_in(make_user):
    make_user("kim")
    make_user("inga", is_active=False)
    make_user("ines", password=None)
    make_user("locked").set_unusable_password()
    pages = set()

    for name, password in (
        ("kim", "wrong"),
        ("nobody", PASSWORD),
        ("inga", PASSWORD),
        ("inga", "wrong"),
        ("ines", PASSWORD),
        ("ines", "!"),
        ("kim", f"{PASSWORD} "),
        ("kim", PASSWORD.upper()),
    ):
        answer = browser().post("/login/", {"username": name, "password": password})
        text = answer.content.decode().replace(f'value="{name}"', "").partition("<body")[2]
        pages.add((answer.status_code, text[text.index("<main") : text.index('name="csrf')], tuple(answer.cookies)))

    assert len(pages) == 1
    assert pages.pop()[0] == 400


@pytest.mark.row("ASVS-6.3.8")
@pytest.mark.parametrize(
    ("name", "password"), [("kim", "wrong"), ("kim", PASSWORD), ("nobody", "x"), ("inga", "x"), ("ines", "x")]
)
def test_everybody_costs_one_hash(name, password, make_user, settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_user("kim")
    make_user("inga", is_active=False)
    make_user("ines", password=None)
    CountingHasher.hashed.clear()

    browser().post("/login/", {"username": name, "password": password})

    assert len(CountingHasher.hashed) == 1


@pytest.mark.parametrize(
    "credentials",
    [
        {"username": "kim"},
        {"password": PASSWORD},
        {"username": None, "password": PASSWORD},
        {"username": "kim", "password": None},
        {"username": "kim", "password": "\x00"},
        {"username": "kim\x00", "password": PASSWORD},
        {"username": "kim", "password": ""},
        {"username": "", "password": ""},
        {},
    ],
)
def test_nobody_is_authenticated_by_less_than_a_name_and_its_password(credentials, make_user):
    make_user("kim")

    assert authenticate(None, **credentials) is None


@pytest.mark.row("ASVS-6.2.8")
@pytest.mark.parametrize("password", [" outer spaces ", "Ünïcödé ✓ 密码", "x" * 128, "🔑" * 64])
def test_a_password_counts_exactly_as_it_is(password, make_user):
    user = make_user("kim", password=password)

    assert signs_in("kim", password) == user
    for other in (password.strip() + "x", password[:-1], f"{password} ", password.swapcase() + "!"):
        assert signs_in("kim", other) is None


# --- createsuperuser ---


@pytest.fixture
def createsuperuser(db, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    def run(username, email=""):
        call_command("createsuperuser", interactive=False, username=username, email=email, verbosity=0)

    return run


def test_createsuperuser_makes_an_administrator_who_opens_the_settings_app(createsuperuser, make_user):
    make_user("kim")  # the first person of all has a set-up to do (tests/companies/test_site_rule.py)
    createsuperuser("petra", "petra@acme.example")
    petra = Person(User.objects.get(username="petra"))

    assert (petra.user.role, petra.user.company) == (Role.ADMINISTRATOR, None)
    assert petra.sign_in().headers["Location"] == "/"
    assert petra.client.get("/settings/administration/users/").status_code == 200


def test_createsuperuser_says_that_a_name_or_an_address_is_taken(createsuperuser, make_user):
    make_user("kim", email="kim@acme.example")

    for username, email in (("KIM", ""), ("petra", "Kim@acme.example")):
        with pytest.raises(CommandError, match="is taken"), transaction.atomic():
            createsuperuser(username, email)

    assert User.objects.count() == 1


@pytest.mark.parametrize("username", ["petra@acme.example", "petra vogt", "petra/.."])
def test_createsuperuser_refuses_what_is_no_user_name_as_the_forms_do(createsuperuser, username):
    with pytest.raises(CommandError, match="A user name has letters, digits"):
        createsuperuser(username)

    assert not User.objects.exists()
    assert not AuditEvent.objects.exists()


def test_createsuperuser_writes_a_line(createsuperuser):
    createsuperuser("petra", "petra@acme.example")

    line = AuditEvent.objects.get(subject__isnull=False)
    assert (line.action, line.actor, line.subject.username) == (Action.USER_CREATED, None, "petra")
    assert line.details["changes"]["email"] == ["", "petra@acme.example"]
    assert line.details["role"] == Role.ADMINISTRATOR
    assert sentences.sentence(line) == "The user petra was created on the command line"


def test_createsuperuser_makes_nobody_without_its_line(createsuperuser, monkeypatch):
    monkeypatch.setattr(recording, "listeners", [lambda _line: 1 / 0])

    with pytest.raises(ZeroDivisionError):
        createsuperuser("petra")

    assert not User.objects.exists()


def test_a_role_that_is_named_is_kept_by_create_superuser(db):
    made = User.objects.create_superuser("carla", role=Role.COMPANY_ADMINISTRATOR)

    assert made.role == Role.COMPANY_ADMINISTRATOR
    assert not made.has_usable_password()


# --- changepassword ---


@pytest.fixture
def changepassword(db, monkeypatch):
    """Run it, and type the passwords."""

    def run(username, *typed):
        answers = iter(typed)
        monkeypatch.setattr("getpass.getpass", lambda *_prompt, **_more: next(answers))
        out = StringIO()
        call_command("changepassword", username, stdout=out)
        return out.getvalue()

    return run


def test_changepassword_does_what_another_password_does(changepassword, kim, told):
    kim.sign_in()
    forget()

    [mail] = told(changepassword, "KIM", NEW, NEW)

    line = AuditEvent.objects.get()
    assert (line.action, line.actor, line.subject) == (Action.PASSWORD_CHANGED, None, kim.user)
    assert sentences.sentence(line) == "Another password was set for Kim Hansen on the command line"
    assert mail.subject == "m2v: Your password was changed"
    assert not kim.is_in
    assert Person(kim.user).enter_password(NEW).status_code == 302


@pytest.mark.parametrize(
    ("username", "typed", "why"),
    [
        ("nobody", [NEW, NEW], "Nobody has the user name or e-mail address nobody."),
        ("kim", [NEW, NEW + "x"], "The two passwords are not the same."),
        ("kim", ["iloveyou", "iloveyou"], "lists of stolen passwords"),
        ("lee", [NEW, NEW], "lee is deactivated, or was changed meanwhile."),
    ],
)
def test_changepassword_refuses_and_changes_nothing(changepassword, kim, make_user, username, typed, why):
    make_user("lee", is_active=False)
    before = everything()

    with pytest.raises(CommandError, match=why):
        changepassword(username, *typed)

    assert everything() == before


def test_changepassword_changes_nothing_without_its_line(changepassword, kim, monkeypatch):
    before = everything()
    monkeypatch.setattr(recording, "listeners", [lambda _line: 1 / 0])

    with pytest.raises(ZeroDivisionError):
        changepassword("kim", NEW, NEW)

    assert everything() == before
