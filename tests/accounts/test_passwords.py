"""Choosing a password: changing one's own, resetting it by mail, and the first one by an invitation."""

from __future__ import annotations

import re
import unicodedata

import pytest
from django.utils.http import urlsafe_base64_encode

from accounts import people
from accounts.forms import ChoosePasswordForm
from accounts.models import Role, Session, User
from audit.models import AuditEvent
from tests.accounts.steps import HALF_WAY, go_half_way
from tests.accounts.walk import everything
from tests.audit import forget
from tests.people import PASSWORD, Person, browser

NEW = "four words in line"
CHANGE = "/user-settings/password/"
USERS = "/settings/administration/users/"
LINK = re.compile(r"http://localhost:8000/(?:password-reset|invitation)/[\w-]+/[\w-]+/")
DEAD_SERVER = {
    "default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": {"host": "127.0.0.1", "port": 1}}
}


def chosen(password=NEW, again=None):
    return {"new_password1": password, "new_password2": password if again is None else again}


def path_in(mail):
    """The path of the link in a mail, the same in both of its forms."""
    links = LINK.findall(mail.body) + LINK.findall(mail.alternatives[0].content)
    assert len(links) == 3
    assert len(set(links)) == 1
    return links[0].removeprefix("http://localhost:8000")


def follow(client, path):
    """Open a link of a mail as far as the form; the form's path, None where the link is dead."""
    answer = client.get(path)
    return answer.headers["Location"] if answer.status_code == 302 else None


def choose(client, path, password=NEW):
    """Open a link and choose a password; what the form answers, None where the link is dead."""
    form = follow(client, path)
    return client.post(form, chosen(password)) if form else None


def signs_in(username, password):
    return browser().post("/login/", {"username": username, "password": password}).status_code == 302


# --- Changing one's own ---


@pytest.mark.row("ASVS-6.2.2")
def test_people_change_their_own_password(kim):
    kim.sign_in()

    answer = kim.client.post(CHANGE, {"old_password": PASSWORD} | chosen(), follow=True)

    assert answer.request["PATH_INFO"] == "/user-settings/"
    assert "Your password is changed. Everywhere else you are signed out." in answer.content.decode()
    assert signs_in("kim", NEW)
    assert not signs_in("kim", PASSWORD)


@pytest.mark.row("ASVS-7.4.3", "CS-AUTH-4", "DJ-13", "V22")
def test_a_change_of_password_keeps_this_session_and_ends_all_others(kim):
    phone, half_way = Person(kim.user), Person(kim.user)
    kim.set_up_app()
    half_way.enter_password()
    for person, code in ((kim, kim.codes[0]), (phone, kim.codes[1])):
        person.enter_password()
        person.enter_code(code)
    key = kim.client.cookies["session"].value

    kim.client.post(CHANGE, {"old_password": PASSWORD} | chosen())

    assert kim.is_in
    assert not phone.is_in
    assert half_way.asked_for == "/login/"
    assert kim.client.cookies["session"].value != key
    stolen = browser()
    stolen.cookies["session"] = key
    assert stolen.get("/portal/").status_code == 302


def test_no_session_of_the_old_password_is_counted_any_more(kim, administrator):
    Person(kim.user).sign_in()
    kim.sign_in()

    kim.client.post(CHANGE, {"old_password": PASSWORD} | chosen())

    assert Session.objects.live().filter(user=kim.user).count() == 1
    page = administrator.client.get(f"{USERS}{kim.user.pk}/sign-out/").content.decode()
    assert "Ends Kim’s 1 session at once." in page


def test_the_session_that_changed_the_password_has_still_proved_what_it_proved(kim):
    kim.set_up_app()
    kim.sign_in()

    kim.client.post(CHANGE, {"old_password": PASSWORD} | chosen())

    assert kim.client.get("/user-settings/mfa/two-factor/off/").status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "again", "says"),
    [
        ("wrong", NEW, NEW, "This is not your current password."),
        ("", NEW, NEW, "This field is required."),
        (f"{PASSWORD} ", NEW, NEW, "This is not your current password."),
        (PASSWORD, NEW, f"{NEW} ", "didn’t match"),
        (PASSWORD, "", "", "This field is required."),
        (PASSWORD, "x7!pqz2", "x7!pqz2", "too short"),
        (PASSWORD, "password1", "password1", "too common"),
        (PASSWORD, "iloveyou", "iloveyou", "too common"),
        (PASSWORD, "kim@acme.example", "kim@acme.example", "which is your user name"),
        (PASSWORD, "x" * 257, "x" * 257, "it has 257 characters, and 256 is the most"),
    ],
)
def test_a_password_that_will_not_do_is_refused_with_the_reason(old, new, again, says, kim):
    kim.sign_in()
    before = everything("AuditEvent")

    answer = kim.client.post(CHANGE, {"old_password": old} | chosen(new, again))

    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert everything("AuditEvent") == before
    assert kim.is_in


def test_no_page_shows_a_password_that_was_typed(kim):
    kim.sign_in()

    page = kim.client.post(
        CHANGE, {"old_password": "typed wrong", "new_password1": "typed first", "new_password2": "x"}
    )

    assert "typed" not in page.content.decode()
    page = kim.client.post("/login/", {"username": "kim", "password": "typed wrong"}).content.decode()
    assert "typed" not in page


def test_a_changed_password_leaves_one_line(kim):
    kim.sign_in()
    forget()

    kim.client.post(CHANGE, {"old_password": PASSWORD} | chosen())

    line = AuditEvent.objects.get()
    assert (line.action, line.actor, line.subject) == ("password_changed", kim.user, kim.user)


# --- Reset by mail ---


def ask(email, client=None):
    return (client or browser()).post("/password-reset/", {"email": email})


@pytest.fixture
def reset(kim, mailoutbox):
    """The path of Kim's link."""
    ask("kim@acme.example")
    return path_in(mailoutbox.pop())


@pytest.mark.parametrize("name", ["kim", " KIM ", "kim@acme.example"])
def test_a_forgotten_password_takes_the_user_name_too(kim, mailoutbox, name):
    answer = browser().post("/password-reset/", {"email": name})
    stranger = browser().post("/password-reset/", {"email": "nobody.at.all"})

    assert [mail.to for mail in mailoutbox] == [["kim@acme.example"]]
    assert (answer.status_code, answer.headers["Location"]) == (stranger.status_code, stranger.headers["Location"])


def test_a_link_that_was_asked_for_gives_a_new_password(kim, mailoutbox):
    answer = browser().post("/password-reset/", {"email": "kim@acme.example"}, follow=True)
    assert "Check your e-mail" in answer.content.decode()
    mail = mailoutbox[0]
    assert (mail.to, mail.subject) == (["kim@acme.example"], "Your new m2v password")
    assert "Hello Kim," in mail.body

    reader = browser()
    form = follow(reader, path_in(mail))
    page = reader.get(form).content.decode()
    assert 'autocomplete="new-password"' in page
    answer = reader.post(form, chosen(), follow=True)

    assert answer.request["PATH_INFO"] == "/login/"
    assert "Your password is saved. Sign in with it." in answer.content.decode()
    assert signs_in("kim", NEW)
    assert not signs_in("kim", PASSWORD)


@pytest.mark.parametrize("kind", [*HALF_WAY, "signed in"])
def test_a_reset_in_a_browser_where_somebody_is_on_the_way_ends_at_the_password(kind, make_person, admin, reset):
    lee = make_person("lee")
    if kind == "signed in":
        lee.sign_in()
    else:
        go_half_way(lee, kind, admin)

    assert choose(lee.client, reset).headers["Location"] == "/login/"

    assert lee.asked_for == "/login/"


def test_a_form_that_is_open_already_is_dead_after_the_link_was_used_elsewhere(kim, reset):
    first, second = browser(), browser()
    forms = follow(first, reset), follow(second, reset)
    first.post(forms[0], chosen())

    answer = second.post(forms[1], chosen("another four words"))

    assert "This link was used already" in answer.content.decode()
    assert signs_in("kim", NEW)


def test_the_hour_ends_for_a_form_that_is_open_too(kim, mailoutbox, time_machine):
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    ask("kim@acme.example")
    reader = browser()
    form = follow(reader, path_in(mailoutbox.pop()))

    time_machine.shift(3601)
    reader.post(form, chosen())

    assert not signs_in("kim", NEW)


def test_a_second_link_does_not_kill_the_first_one_before_either_is_used(kim, mailoutbox):
    ask("kim@acme.example")
    ask("kim@acme.example")
    first, second = (path_in(mail) for mail in mailoutbox)

    assert follow(browser(), first)
    assert choose(browser(), second).status_code == 302
    assert choose(browser(), first) is None


@pytest.mark.parametrize(
    ("known", "typed", "written_to"),
    [
        ("kim@acme.example", "kim@acme.example", "kim@acme.example"),
        ("kim@acme.example", " KIM@ACME.example ", "kim@acme.example"),
        ("Kim.Hansen@Acme.example", "kim.hansen@acme.example", "Kim.Hansen@acme.example"),
        ("kim@bücher.example", unicodedata.normalize("NFD", "KIM@BÜCHER.example"), "kim@xn--bcher-kva.example"),
    ],
)
def test_the_address_is_found_in_any_spelling_and_written_to_in_one(known, typed, written_to, make_user, mailoutbox):
    make_user("kim", email=known)

    ask(typed)

    assert [mail.to for mail in mailoutbox] == [[written_to]]


@pytest.mark.row("ASVS-6.3.8", "CS-RST-1", "B-32", "V32")
def test_the_answer_is_the_same_whoever_has_an_account(make_user, kim, mailoutbox):
    make_user("inga", is_active=False)
    make_user("ines", password=None)
    make_user("nomail", email="")
    answers = {}

    for email in ("kim@acme.example", "inga@acme.example", "ines@acme.example", "nobody@acme.example"):
        answer = browser().post("/password-reset/", {"email": email}, follow=True)
        answers[email] = (
            answer.redirect_chain,
            re.sub(r"nonce=\"[^\"]*\"", "", answer.content.decode()),
            tuple(answer.cookies),
        )

    assert len({str(answer) for answer in answers.values()}) == 1
    assert [mail.to for mail in mailoutbox] == [["kim@acme.example"]]


def test_a_form_without_its_link_takes_nothing(kim, reset):
    form = follow(browser(), reset)

    answer = browser().post(form, chosen())

    assert "Open the link in the mail again, in this browser" in answer.content.decode()
    assert not signs_in("kim", NEW)


def test_one_persons_link_does_not_open_anothers_form(kim, make_user, reset):
    make_user("lee")
    ask("lee@acme.example")
    reader = browser()
    form = follow(reader, reset)
    mine, theirs = (urlsafe_base64_encode(str(user.pk).encode()) for user in User.objects.order_by("username"))

    answer = reader.post(form.replace(mine, theirs), chosen())

    assert "This link was used already" in answer.content.decode()
    assert not signs_in("lee", NEW)


@pytest.mark.parametrize(
    ("new", "again"), [(NEW, "different"), ("short", "short"), ("password1", "password1"), ("", "")]
)
def test_a_password_that_will_not_do_is_refused_here_too(new, again, kim, reset):
    reader = browser()
    form = follow(reader, reset)

    answer = reader.post(form, chosen(new, again))

    assert answer.status_code == 400
    assert 'class="error"' in answer.content.decode()
    assert not signs_in("kim", new)
    assert reader.post(form, chosen()).status_code == 302


# --- Invitation ---


@pytest.fixture
def invite(administrator, company, mailoutbox, django_capture_on_commit_callbacks):
    """Petra creates a person in the Administration; the answer."""

    def create(username="nadia", email="nadia@acme.example", **more):
        form = {"username": username, "email": email, "role": "member", "company": company.pk, **more}
        with django_capture_on_commit_callbacks(execute=True):
            return administrator.client.post(f"{USERS}new/", form)

    return create


@pytest.fixture
def invitation(invite, mailoutbox):
    """The path of Nadia's link."""
    invite(first_name="Nadia")
    return path_in(mailoutbox.pop())


def invite_again(administrator, user, capture):
    with capture(execute=True):
        return administrator.client.post(f"{USERS}{user.pk}/invite/", follow=True)


def test_somebody_new_chooses_their_own_password(invite, administrator, mailoutbox):
    answer = invite(first_name="Nadia")

    nadia = User.objects.get(username="nadia")
    assert answer.headers["Location"] == f"{USERS}{nadia.pk}/"
    page = administrator.client.get(answer.headers["Location"]).content.decode()
    assert "Nadia is invited: the link went to nadia@acme.example and is good for 7 days." in page
    assert "/invitation/" not in page
    mail = mailoutbox[0]
    assert (mail.to, mail.subject) == (["nadia@acme.example"], "Your m2v account")
    assert "Petra Vogt has created an m2v account for you." in mail.body
    assert "Your user name is nadia." in mail.body

    reader = browser()
    form = follow(reader, path_in(mail))
    assert "Welcome to m2v" in reader.get(form).content.decode()
    assert "<strong>nadia</strong>" in reader.get(form).content.decode()
    assert reader.post(form, chosen()).headers["Location"] == "/login/"
    assert reader.get("/portal/").status_code == 302
    assert signs_in("nadia", NEW)


def test_a_new_invitation_kills_the_earlier_link(
    invitation, administrator, mailoutbox, django_capture_on_commit_callbacks
):
    nadia = User.objects.get(username="nadia")

    page = invite_again(administrator, nadia, django_capture_on_commit_callbacks).content.decode()

    assert "the link went to nadia@acme.example" in page
    again = path_in(mailoutbox.pop())
    assert choose(browser(), invitation) is None
    assert choose(browser(), again).status_code == 302


def test_somebody_who_has_a_password_is_not_invited_again(
    kim, administrator, mailoutbox, django_capture_on_commit_callbacks
):
    before = everything()

    page = invite_again(administrator, kim.user, django_capture_on_commit_callbacks).content.decode()

    assert "Kim has a password already." in page
    assert mailoutbox == []
    assert everything() == before


@pytest.mark.row("ASVS-8.3.2")
@pytest.mark.parametrize("change", ["deactivated", "deactivated for a while", "email", "role", "company"])
def test_an_invitation_dies_with_what_it_was_sent_for(change, invitation, admin, other_company):
    """A link that a company administrator was handed opens nobody's account of more rights, or of another company."""
    nadia = User.objects.get(username="nadia")
    if change.startswith("deactivated"):
        people.deactivate_user(nadia, actor=admin)
        if change != "deactivated":
            people.activate_user(nadia, actor=admin)
    else:
        new = {"email": "somebody.else@acme.example", "role": Role.ADMINISTRATOR, "company": other_company}
        setattr(nadia, change, new[change])
        people.change_user(nadia, changed=[change], actor=admin)

    assert choose(browser(), invitation) is None


def test_an_invitation_outlives_another_name(invitation, admin):
    nadia = User.objects.get(username="nadia")
    nadia.last_name = "Haddad"
    people.change_user(nadia, changed=["last_name"], actor=admin)

    assert choose(browser(), invitation).status_code == 302


@pytest.mark.parametrize("change", ["role", "deactivated"])
def test_another_role_leaves_a_chosen_password_alone(change, kim, admin):
    if change == "role":
        kim.user.role = Role.COMPANY_ADMINISTRATOR
        people.change_user(kim.user, changed=["role"], actor=admin)
    else:
        people.deactivate_user(kim.user, actor=admin)
        people.activate_user(kim.user, actor=admin)

    kim.sign_in()
    assert kim.is_in


def test_no_link_of_one_kind_opens_a_page_of_the_other(invitation, reset):
    for path in (
        invitation.replace("/invitation/", "/password-reset/"),
        reset.replace("/password-reset/", "/invitation/"),
    ):
        assert follow(browser(), path) is None


def test_somebody_who_is_invited_gets_no_link_for_a_reset(invitation, mailoutbox):
    ask("nadia@acme.example")

    assert mailoutbox == []


def test_without_an_address_the_administrator_gets_the_link_to_hand_over_once(invite, administrator, mailoutbox):
    answer = invite(email="")
    path = answer.headers["Location"]

    first = administrator.client.get(path).content.decode()
    again = administrator.client.get(path).content.decode()

    link = LINK.search(first)
    assert link
    assert "it is shown only now" in first
    assert not LINK.search(again)
    assert mailoutbox == []
    assert choose(browser(), link[0].removeprefix("http://localhost:8000")).status_code == 302
    assert signs_in("nadia", NEW)


def test_a_link_to_hand_over_is_shown_beside_the_person_it_is_for_and_nobody_else(invite, administrator, kim):
    path = invite(email="").headers["Location"]

    assert not LINK.search(administrator.client.get(f"{USERS}{kim.user.pk}/").content.decode())
    assert LINK.search(administrator.client.get(path).content.decode())


def test_a_link_to_hand_over_is_not_kept_for_the_next_person_in_the_browser(invite, administrator, make_person):
    invite(email="")
    carla = make_person("carla", role=Role.COMPANY_ADMINISTRATOR)
    carla.client = administrator.client
    carla.sign_in()

    page = carla.client.get(f"{USERS}{User.objects.get(username='nadia').pk}/").content.decode()

    assert not LINK.search(page)


@pytest.mark.row("ASVS-6.4.6")
def test_no_administrator_chooses_or_sees_a_password(invite, administrator):
    nadia_page = invite(password=NEW, new_password1=NEW, new_password2=NEW).headers["Location"]

    for path in (f"{USERS}new/", nadia_page):
        page = administrator.client.get(path).content.decode().lower()
        for said in (
            "has not chosen a password",
            "<strong>password</strong></p><p>there is no password.</p>",
            ": a password is chosen",
            "user name and password",
        ):
            page = page.replace(said, "")
        assert "password" not in page
    form = {"username": "nadia", "role": "member", "company": User.objects.get(username="nadia").company_id}
    administrator.client.post(nadia_page, form | {"password": NEW})
    assert not signs_in("nadia", NEW)


@pytest.mark.row("ASVS-16.5.2")
def test_a_mail_server_that_is_down_does_not_undo_the_person(invite, settings):
    settings.MAILERS = DEAD_SERVER

    assert invite().status_code == 302

    assert User.objects.filter(username="nadia").exists()


def test_no_mail_goes_out_for_an_invitation_that_was_undone(invite, kim, mailoutbox):
    answer = invite(email="KIM@acme.example")

    assert answer.status_code == 400
    assert mailoutbox == []
    assert not User.objects.filter(username="nadia").exists()


@pytest.mark.row("ASVS-1.3.11")
def test_names_are_text_in_mails_and_no_headers(invite, mailoutbox):
    invite(first_name="<b>Nadia & Co")

    mail = mailoutbox[0]
    assert "Hello <b>Nadia & Co," in mail.body
    assert "Hello &lt;b&gt;Nadia &amp; Co," in mail.alternatives[0].content
    assert "Nadia" not in str(mail.message()["To"]) + str(mail.message()["Subject"])


def test_a_new_person_leaves_two_lines(invite, admin):
    forget()
    invite()

    assert list(AuditEvent.objects.order_by("pk").values_list("action", "actor", "subject__username")) == [
        ("user_created", admin.pk, "nadia"),
        ("user_invited", admin.pk, "nadia"),
    ]


def test_an_invited_person_is_asked_for_what_their_company_requires(invitation, company):
    company.two_factor_enabled = True
    company.save()
    choose(browser(), invitation)

    nadia = Person(User.objects.get(username="nadia"))

    assert nadia.enter_password(NEW).headers["Location"] == "/login/setup/two-factor/"


def test_what_a_rule_refuses_is_said_where_it_was_typed_first(kim):
    form = ChoosePasswordForm(kim.user, chosen("x7!pqz2", "another"))

    assert "too short" in str(form.errors["new_password1"])
    assert list(form.errors["new_password2"]) == ["The two password fields didn’t match."]
