"""User settings: one's own profile."""

from __future__ import annotations

import re

import pytest
from django.conf import settings as site
from django.db.models.signals import pre_save

from accounts import people
from accounts.models import Budget, Role, User
from audit.models import AuditEvent
from companies.forms import UserForm
from companies.models import Company
from m2v.user_settings.forms import ProfileForm
from tests.accounts.walk import everything
from tests.addresses import confirm_address
from tests.audit import forget
from tests.people import Person, browser

PATH = "/user-settings/"
PROFILE = {"first_name": "Kim", "last_name": "Hansen", "email": "kim@acme.example", "language": ""}


def test_everybody_opens_their_own_settings_from_every_app(kim, company_admin, administrator):
    carla = Person(company_admin)
    for person in (kim, carla):
        person.sign_in()

    for person in (kim, carla, administrator):
        page = person.client.get(PATH).content.decode()
        assert f'value="{person.user.email}"' in page
        assert 'href="/user-settings/password/"' in page
        assert 'href="/user-settings/mfa/"' in page
        apps = ["/portal/", "/m2s/"] + (["/settings/"] if person.user.opens_settings else [])
        for app in apps:
            assert 'href="/user-settings/"' in person.client.get(app).content.decode()


def test_people_change_their_name_and_the_spelling_of_their_address(kim):
    kim.sign_in()
    forget()

    answer = kim.client.post(PATH, PROFILE | {"first_name": " Kimberly ", "email": "Kim@acme.example"}, follow=True)

    assert "Your profile is saved." in answer.content.decode()
    kim.user.refresh_from_db()
    assert (kim.user.first_name, kim.user.email, kim.user.email_folded) == (
        "Kimberly",
        "Kim@acme.example",
        "kim@acme.example",
    )
    line = AuditEvent.objects.get()
    assert (line.action, line.actor, line.subject) == ("user_changed", kim.user, kim.user)
    assert line.details["changes"] == {
        "first_name": ["Kim", "Kimberly"],
        "email": ["kim@acme.example", "Kim@acme.example"],
    }


@pytest.mark.parametrize("sign", ["\n", "\r\n", "\x1b", "\u2028", "\u202e"])
def test_no_name_writes_lines_of_its_own_into_mails(sign, kim, administrator, company):
    kim.sign_in()
    name = f"Kim{sign}{sign}It was you? Then there is nothing to do."

    assert kim.client.post(PATH, PROFILE | {"first_name": name}).status_code == 400
    edit = f"/settings/administration/companies/{company.pk}/edit/"
    assert administrator.client.post(edit, {"name": f"Acme{sign}Machines"}).status_code == 400
    assert not AuditEvent.objects.filter(action__in=["user_changed", "company_changed"]).exists()


def test_what_somebody_else_changes_meanwhile_stays(kim, administrator):
    """Both read Kim; then each saves. The names under which Kim is found are those that are on record."""
    as_read = User.objects.get(pk=kim.user.pk)
    theirs = User.objects.get(pk=kim.user.pk)
    theirs.username, theirs.email = "kimberly", "kimberly@acme.example"
    people.change_user(theirs, changed=["username", "email"], actor=administrator.user)
    confirm_address(kim.user)
    as_read.first_name = "Kimberly"

    people.change_user(as_read, changed=["first_name"], actor=as_read)

    there = User.objects.get(pk=kim.user.pk)
    assert (there.username_folded, there.email_folded) == ("kimberly", "kimberly@acme.example")
    assert User.objects.get_queryset().named("kim") is None
    assert "kimberly@acme.example" in there.search_text


def test_the_new_address_signs_in_and_the_old_one_no_more(kim):
    kim.sign_in()
    kim.client.post(PATH, PROFILE | {"email": "new@acme.example"})
    confirm_address(kim.user)

    def answer(name):
        person = Person(kim.user)
        return person.client.post("/login/", {"username": name, "password": "correct horse battery staple"}).status_code

    assert (answer("new@acme.example"), answer("kim@acme.example")) == (302, 400)


def test_saving_what_is_there_already_writes_nothing(kim):
    kim.sign_in()
    before = everything()

    assert kim.client.post(PATH, PROFILE).status_code == 302

    assert everything() == before


def test_the_address_may_be_left_out(kim, make_user):
    make_user("lee", email="")
    kim.sign_in()

    assert kim.client.post(PATH, PROFILE | {"email": ""}).status_code == 302

    kim.user.refresh_from_db()
    assert kim.user.email == ""


@pytest.mark.parametrize(
    "more",
    [
        {"email": "LEE@acme.example"},
        {"email": "ｌｅｅ@acme.example"},
        {"email": "not an address"},
        {"language": "xx"},
        {"first_name": "x" * 151},
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(more, kim, make_user):
    make_user("lee")
    kim.sign_in()
    before = everything()

    answer = kim.client.post(PATH, PROFILE | more)

    assert answer.status_code == 400
    assert f'id="id_{next(iter(more))}_error"' in answer.content.decode()
    assert everything() == before


def ask_for(kim, email, **more):
    """Kim tries to have this address; what the page answers, without what differs from one page to the next."""
    answer = kim.client.post(PATH, PROFILE | {"email": email} | more)
    page = answer.content.decode().replace(email, "…")
    return answer.status_code, re.sub(r'\b\w{64}\b|nonce="[^"]+"', "", page)


@pytest.mark.parametrize("more", [{}, {"language": "xx"}], ids=["alone", "beside another mistake"])
def test_whether_an_address_is_taken_is_told_ten_times_an_hour(more, kim, make_user, time_machine):
    time_machine.move_to("2026-05-04 09:30:15+00:00", tick=False)
    kim = Person(kim.user)
    make_user("lee", company=None)
    kim.sign_in()
    for _ in range(10):
        status, page = ask_for(kim, "lee@acme.example", **more)
        assert status == 400
        assert "This e-mail address belongs to another account." in page
    before = everything()

    taken, free = ask_for(kim, "lee@acme.example", **more), ask_for(kim, "nobody@acme.example", **more)

    assert taken == free
    assert taken[0] == 429
    assert "Too many attempts. Try again in 15 minutes." in taken[1]
    assert everything() == before
    assert kim.client.post(PATH, PROFILE | {"email": "x@acme.example"}).headers["Retry-After"] == "900"
    time_machine.shift(3601)
    kim.sign_in()
    assert ask_for(kim, "lee@acme.example", **more)[0] == 400


def test_addresses_that_are_free_count_too_and_ones_own_does_not(kim, make_user):
    make_user("lee")
    kim.sign_in()
    for number in range(10):
        assert kim.client.post(PATH, PROFILE | {"email": f"kim{number}@acme.example"}).status_code == 302
    confirm_address(kim.user)

    assert ask_for(kim, "lee@acme.example")[0] == 429
    Budget.objects.filter(pk__startswith="mails:").delete()  # which is used up too: this is about the other one
    for email in ("KIM9@acme.example", "", "kim9@acme"):
        assert kim.client.post(PATH, PROFILE | {"email": email}).status_code in {302, 400}
    lee = Person(User.objects.get(username="lee"))
    lee.sign_in()
    assert ask_for(lee, "kim@acme.example")[0] == 302


def test_a_page_that_refuses_still_names_its_reader_as_on_record(kim):
    kim.sign_in()

    page = kim.client.post(PATH, PROFILE | {"first_name": "Impostor", "language": "xx"}).content.decode()

    assert "<strong>Kim Hansen</strong>" in page
    assert 'value="Impostor"' in page


@pytest.mark.row("ASVS-7.5.1")
def test_a_change_of_profile_asks_again_and_goes_on_with_what_was_typed(kim, time_machine):
    kim.sign_in()
    time_machine.move_to(kim.user.created_at.timestamp() + 20 * 60)
    assert kim.client.get(PATH).status_code == 200

    answer = kim.client.post(PATH, PROFILE | {"email": "new@acme.example"})
    there = answer.headers["Location"]
    assert there.startswith("/confirm/?next=%2Fconfirm%2Fcontinue%2F%3Fform%3D")
    kim.user.refresh_from_db()
    assert kim.user.email == "kim@acme.example"
    answer = kim.client.post(there, {"password": "correct horse battery staple"}, follow=True)

    assert 'name="email" value="new@acme.example"' in answer.content.decode()
    assert f'action="{PATH}"' in answer.content.decode()


class Meanwhile:
    """Somebody else takes a name or an address between the check of the form and the save."""

    def __init__(self, **taken):
        self.taken = taken

    def __call__(self, sender, **signal):
        pre_save.disconnect(self, sender=User)
        User.objects.bulk_create([User(**self.taken)])

    def __enter__(self):
        pre_save.connect(self, sender=User)

    def __exit__(self, *trouble):
        pre_save.disconnect(self, sender=User)


def test_an_address_that_is_taken_meanwhile_is_refused_with_a_sentence(kim):
    kim.sign_in()
    assert kim.client.post(PATH, PROFILE | {"email": "NEW@acme.example"}).status_code == 302
    before = everything()

    with Meanwhile(username="lee", email="new@acme.example"):
        answer = confirm_address(kim.user)

    assert answer.status_code == 409
    assert "This address was taken meanwhile" in answer.content.decode()
    assert everything() == before


def test_a_user_name_that_is_taken_meanwhile_is_refused_in_the_administration(administrator, kim, company):
    before = everything()
    form = {"username": "nadia", "role": "member", "company": company.pk}

    for path in ("new/", f"{kim.user.pk}/"):
        with Meanwhile(username="NADIA"):
            answer = administrator.client.post(f"/settings/administration/users/{path}", form)
        assert answer.status_code == 400
        assert "This user name or e-mail address was taken a moment ago." in answer.content.decode()

    assert everything() == before


def test_the_language_is_spoken_on_the_next_page(kim):
    kim.sign_in()
    assert kim.client.get("/portal/").headers["Content-Language"] == "en"

    kim.client.post(PATH, PROFILE | {"language": "de"})

    assert kim.client.get("/portal/").headers["Content-Language"] == "de"
    kim.client.post("/logout/")
    assert kim.client.get("/login/").headers["Content-Language"] == "en"


def test_a_stranger_is_spoken_to_in_the_language_of_their_browser(db):
    for wanted, spoken in (("de-AT,en;q=0.5", "de"), ("xx", "en")):
        answer = browser().get("/login/", HTTP_ACCEPT_LANGUAGE=wanted)
        assert answer.headers["Content-Language"] == spoken
        assert "Accept-Language" in answer.headers["Vary"]


def test_a_page_says_which_language_it_is_in(kim):
    User.objects.filter(pk=kim.user.pk).update(language="de")
    kim.sign_in()

    for path in ("/portal/", "/user-settings/", "/nope/"):
        assert '<html lang="de">' in kim.client.get(path).content.decode()


def test_only_languages_of_the_site_are_offered(db, make_user):
    form = ProfileForm(instance=make_user("kim"), languages=site.LANGUAGES)

    assert list(form["language"].field.widget.choices) == [
        ("", "As the browser says"),
        *site.LANGUAGES,
    ]
    assert ("de", "Deutsch") in site.LANGUAGES


@pytest.mark.parametrize(
    ("username", "good"),
    [
        ("kim", True),
        ("Kim.Hansen-2+x_y", True),
        ("müller", True),
        ("ким", True),
        ("kim hansen", False),
        ("kim@acme", False),
        ("kim/..", False),
        ("k\u200bim", False),
        ("kim\n", True),  # outer space is cut off
        ("kim\nx", False),
        ("<kim>", False),
        ("kim'", False),
        ("", False),
        ("-", False),
        (".", False),
        ("._-", False),
        ("ju\u0308rgen", True),
        ("किरण", True),
        ("\u0301kim", False),
        ("\u200bkim\ufeff", True),  # what is not seen is cut off too
        ("\u200b\u2060", False),
    ],
)
def test_what_a_user_name_may_be(username, good, admin, company):
    form = UserForm(
        {"username": username, "role": Role.MEMBER, "company": company.pk},
        actor=admin,
        companies=Company.objects.managed_by(admin),
    )

    assert form.is_valid() == good
    assert ("username" in form.errors) == (not good)
