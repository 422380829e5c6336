"""The ways in, their strength, and that there is no other."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.management import call_command

from accounts.models import User
from mfa import services
from tests.accounts.walk import pages
from tests.documents import table
from tests.mfa.pages import CHALLENGE, SETUP
from tests.people import PASSWORD, browser
from tests.scenes import choose_by_invitation, is_shut, main_of


@pytest.mark.row("ASVS-6.1.3", "ASVS-6.3.4")
def test_every_address_that_opens_a_session_is_in_the_list_of_ways_in():
    assert [row[0] for row in table("Ways in")] == list(dict.fromkeys(row[0] for row in table("Ways in")))
    assert {row[0] for row in table("Ways in")} == {page.name for page in pages() if page.public}
    assert all(len(row) == 3 and all(row) for row in table("Ways in"))


@pytest.mark.row("ASVS-6.3.2")
def test_a_new_database_has_nobody_in_it(db, settings):
    assert not User.objects.exists()
    for name in ("admin", "root", "m2v", "demo", "test"):
        assert browser().post("/login/", {"username": name, "password": name}).status_code == 400
    call_command("migrate", verbosity=0)
    assert not User.objects.exists()
    assert settings.FIXTURE_DIRS == []


@pytest.mark.row("ASVS-6.3.4")
def test_no_other_door(kim_with_app, ada, admin):
    kim = kim_with_app
    assert len(settings.AUTHENTICATION_BACKENDS) == 1
    kim.client.force_login(kim.user)
    assert kim.asked_for == CHALLENGE
    services.enable_two_factor(ada.user, actor=admin)
    choose_by_invitation(ada, admin, "some words in a row")
    assert is_shut(ada)
    ada.enter_password("some words in a row")
    assert ada.asked_for == SETUP
    for path in ("/admin/", "/admin/login/", "/api/", "/impersonate/1/", "/hijack/", "/sso/"):
        assert kim.client.get(path).status_code == 404


@pytest.mark.row("ASVS-6.3.6")
def test_no_mail_lets_anybody_in(kim_with_app, ada, admin, mailoutbox):
    for person in (kim_with_app, ada):
        browser().post("/password-reset/", {"email": person.user.email})
        link = mailoutbox[-1].body.split("http://localhost:8000")[1].split()[0]
        form = person.client.get(link).headers["Location"]
        chosen = {"new_password1": "some words in a row", "new_password2": "some words in a row"}
        assert person.client.post(form, chosen).headers["Location"] == "/login/"
        assert is_shut(person)


@pytest.mark.row("ASVS-6.3.8", "CS-AUTH-1", "B-32", "V32")
def test_nobody_can_be_told_apart(kim_with_app, ada, make_person):
    make_person("inga", is_active=False)
    make_person("ines", password=None)
    kim_with_app.add_passkey()
    told = []
    for name in ("kim", "ada", "inga", "ines", "nobody"):
        wrong = "wrong" if name in {"kim", "ada"} else PASSWORD
        login = browser().post("/login/", {"username": name, "password": wrong})
        reset = browser().post("/password-reset/", {"email": f"{name}@acme.example"})
        options = browser().post("/passkeys/authentication/options/", {"username": name}, "application/json").json()
        told.append(
            (
                (login.status_code, main_of(login, name), sorted(login.headers), sorted(login.cookies)),
                (reset.status_code, reset.headers["Location"], sorted(reset.headers), sorted(reset.cookies)),
                {key: value for key, value in options.items() if key != "challenge"},
            )
        )

    assert all(one == told[0] for one in told)
