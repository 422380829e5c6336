"""Administration → User: create, edit, deactivate, sign out, invite again; and what an actor may not decide."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from django.urls import reverse

from accounts import invitations
from accounts.models import Role, Session, User
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies.models import Company
from tests.addresses import confirm_address
from tests.companies import COMPANIES, HTMX, USERS, just_before_saving, press, read
from tests.people import PASSWORD, Person, browser

NEW = f"{USERS}new/"
CHOSEN = "a fresh horse and another staple"


def of(user, act=""):
    """The address of somebody's page, or of an act on them."""
    return f"{USERS}{user.pk}/{act}"


def filled(company, /, **more):
    """A new user's form, filled in."""
    return {
        "first_name": "Nora",
        "last_name": "Berg",
        "username": "nora.berg",
        "email": "nora@acme.example",
        "company": str(company.pk),
        "role": "member",
    } | more


def profile(user, /, **more):
    """Somebody's form as it stands, with changes."""
    return {
        "first_name": user.first_name,
        "last_name": user.last_name,
        "username": user.username,
        "email": user.email,
        "company": str(user.company_id or ""),
        "role": user.role,
    } | more


def acts(subject):
    """What the audit says was done to somebody, oldest first."""
    return list(AuditEvent.objects.filter(subject=subject).order_by("id").values_list("action", flat=True))


def follow_invitation(link, password=CHOSEN):
    """Choose a password by a link, in a fresh browser; the page that it leads to."""
    guest = browser()
    answer = guest.get(link, follow=True)
    if answer.status_code != 200 or not read(answer).all("input", name="new_password1"):
        return answer
    return press(guest, answer, "Save the password", new_password1=password, new_password2=password)


@pytest.fixture
def deliver(django_capture_on_commit_callbacks):
    """A block after which mail is out, as it is after a commit."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


# --- Create ---


def test_a_new_user_is_invited_by_mail_and_chooses_their_own_password(administrator, company, mailoutbox, deliver):
    form = administrator.client.get(NEW)
    with deliver():
        answer = press(administrator.client, form, "Create and invite", **filled(company))

    nora = User.objects.get(username="nora.berg")
    assert answer.redirect_chain == [(of(nora), 302)]
    assert "Nora is invited: the link went to nora@acme.example and is good for 7 days." in read(answer).notes
    [mail] = mailoutbox
    assert mail.to == ["nora@acme.example"]
    assert mail.subject == "Your m2v account"
    assert "Petra Vogt" in mail.body
    assert "nora.berg" in mail.body
    [link] = re.findall(r"http://localhost:8000/invitation/\S+", mail.body)
    assert link in mail.alternatives[0][0]
    follow_invitation(link)
    person = Person(nora)
    person.enter_password(CHOSEN)
    assert person.is_in


def test_what_was_entered_is_kept(administrator, company):
    administrator.client.post(NEW, filled(company, role="company_administrator"))

    nora = User.objects.get(username="nora.berg")
    assert (nora.first_name, nora.last_name, nora.email) == ("Nora", "Berg", "nora@acme.example")
    assert (nora.company, nora.role, nora.is_active) == (company, Role.COMPANY_ADMINISTRATOR, True)
    assert not nora.has_usable_password()
    assert acts(nora) == [Action.USER_CREATED, Action.USER_INVITED]


def test_nobody_signs_in_as_an_invited_user_before_they_chose_a_password(administrator, company):
    administrator.client.post(NEW, filled(company))
    person = Person(User.objects.get(username="nora.berg"))

    for password in ("", " ", "!", PASSWORD):
        assert person.enter_password(password).status_code == 400
    assert not person.is_in


def test_without_an_address_the_link_is_shown_once(administrator, company, mailoutbox, deliver):
    with deliver():
        answer = press(administrator.client, administrator.client.get(NEW), "Create and invite",
                       **filled(company, email=""))  # fmt: skip

    shown = read(answer)
    link = next(found for found in shown.walk() if found.attrs.get("id") == "invitation-link").words
    assert "Nora is invited. Hand the link over." in shown.notes
    assert mailoutbox == []
    assert "/invitation/" not in administrator.client.get(answer.request["PATH_INFO"]).content.decode()
    follow_invitation(link)
    assert Person(User.objects.get(username="nora.berg")).enter_password(CHOSEN).headers["Location"] == "/"


def test_a_link_of_one_person_is_not_shown_on_anothers_page(administrator, company, kim):
    administrator.client.post(NEW, filled(company, email=""))

    assert "/invitation/" not in administrator.client.get(of(kim.user)).content.decode()


@pytest.mark.parametrize("username", ["KIM", "kim", " kim ", "ＫＩＭ"])
def test_a_taken_user_name_is_refused_in_any_spelling(administrator, kim, company, username, mailoutbox):
    answer = administrator.client.post(NEW, filled(company, username=username))

    assert "This user name is taken. Choose another one." in read(answer, 400).notes
    assert not User.objects.filter(first_name="Nora").exists()


@pytest.mark.parametrize("email", ["KIM@acme.example", "kim@ACME.EXAMPLE", " kim@acme.example"])
def test_a_taken_address_is_refused_in_any_spelling(administrator, kim, company, email):
    answer = administrator.client.post(NEW, filled(company, email=email))

    assert "This e-mail address belongs to another account. Enter a different one." in read(answer, 400).notes
    assert not User.objects.filter(first_name="Nora").exists()


def test_two_people_may_be_without_an_address(administrator, company):
    for name in ("one", "two"):
        administrator.client.post(NEW, filled(company, username=name, email=""))

    assert User.objects.filter(email="").count() == 2


@pytest.mark.parametrize("taken", [{"username": "Nora.Berg"}, {"email": "NORA@acme.example"}])
def test_a_name_taken_at_the_last_moment_is_refused_with_nothing_half_done(
    administrator, company, make_user, mailoutbox, deliver, taken
):
    with deliver(), just_before_saving(User, lambda: make_user(**{"username": "quicker"} | taken)):
        answer = administrator.client.post(NEW, filled(company))

    assert read(answer, 400).notes == ["This user name or e-mail address was taken a moment ago. Choose another one."]
    assert read(answer, 400).one("input", name="first_name").attrs["value"] == "Nora"
    assert not AuditEvent.objects.filter(action__in=[Action.USER_CREATED, Action.USER_INVITED]).exists()
    assert mailoutbox == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "nora berg"),
        ("username", "nora@acme.example"),
        ("username", "nora/berg"),
        ("username", "nora\nberg"),
        ("username", "nora\x00"),
        ("username", "n" * 151),
        ("first_name", "N" * 151),
        ("last_name", "\x00"),
        ("email", "nora"),
        ("email", "nora@"),
        ("email", "n" * 250 + "@acme.example"),
        ("company", ""),
        ("company", "no company"),
        ("company", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        ("role", ""),
        ("role", "superuser"),
    ],
)
def test_a_wrong_value_is_refused_beside_its_field(administrator, company, field, value):
    answer = administrator.client.post(NEW, filled(company, **{field: value}))

    fields = read(answer, 400).all("div", **{"class": "field"})
    wrong = [found for found in fields if found.all("div", role="alert")]
    assert [{"input", "select"} & {part.name for part in found.walk()} != set() for found in wrong] == [True]
    assert wrong[0].all("label")[0].attrs["for"] == f"id_{field}"
    assert not User.objects.filter(first_name__startswith="Nora").exists()


def test_a_form_without_its_fields_is_refused(administrator):
    assert administrator.client.post(NEW, {}).status_code == 400
    assert User.objects.count() == 1


def test_members_and_company_administrators_belong_to_a_company(administrator, company):
    for role in ("member", "company_administrator"):
        answer = administrator.client.post(NEW, filled(company, company="", role=role))
        assert "Members and company administrators belong to a company. Choose one." in read(answer, 400).notes

    for role in ("administrator", "helpdesk", "auditor"):
        administrator.client.post(NEW, filled(company, company="", role=role, username=role, email=""))
        assert User.objects.get(username=role).company is None


def test_long_names_fit(administrator, company):
    long = {"first_name": "Ä" * 150, "last_name": "Ö" * 150, "username": "ü" * 150, "email": ""}
    answer = press(administrator.client, administrator.client.get(NEW), "Create and invite", **filled(company, **long))

    assert read(answer).one("h1").words == "Ä" * 150 + " " + "Ö" * 150
    assert [cells[0] for cells in read(administrator.client.get(USERS, {"q": "ü" * 150})).rows]


def test_a_name_is_text_wherever_it_is_shown(administrator, company):
    name = {"first_name": "<u>x<u>", "last_name": "{{ 7 }}{number}", "email": ""}
    answer = press(administrator.client, administrator.client.get(NEW), "Create and invite", **filled(company, **name))

    assert read(answer).one("h1").words == "<u>x<u> {{ 7 }}{number}"
    assert read(answer).all("u") == []
    nora = User.objects.get(username="nora.berg")
    for address in (
        USERS,
        of(nora, "mfa/"),
        of(nora, "sign-out/"),
        of(nora, "mfa/two-factor/on/"),
        of(nora, "deactivate/"),
    ):
        assert read(administrator.client.get(address)).all("u") == []


@pytest.mark.parametrize(
    "extra",
    [
        {"two_factor_enabled": "on"},
        {"password": PASSWORD, "new_password1": PASSWORD},
        {"is_active": ""},
        {"is_superuser": "on", "is_staff": "on"},
        {"id": "00000000-0000-0000-0000-000000000001", "pk": "00000000-0000-0000-0000-000000000001"},
        {"language": "xx", "session_epoch": "7", "last_sign_in_at": "2020-01-01", "two_factor_changed_by": "1"},
    ],
)
def test_what_is_not_in_the_form_is_ignored(administrator, company, extra):
    administrator.client.post(NEW, filled(company, **extra))

    nora = User.objects.get(username="nora.berg")
    assert not nora.two_factor_enabled
    assert not nora.has_usable_password()
    assert nora.is_active
    assert nora.pk.int != 1
    assert (nora.language, nora.session_epoch, nora.last_sign_in_at) == ("", 0, None)


# --- Company administrators ---


def test_a_company_administrator_creates_people_of_their_own_company(carla, company):
    form = carla.client.get(NEW)
    entered = {key: value for key, value in filled(company).items() if key != "company"}
    press(carla.client, form, "Create and invite", **entered)

    assert read(form).all("select", name="company") == []
    assert User.objects.get(username="nora.berg").company == company


def test_a_company_administrator_cannot_choose_another_company(carla, company, other_company):
    carla.client.post(NEW, filled(other_company))

    assert User.objects.get(username="nora.berg").company == company


def test_a_company_administrator_cannot_make_an_administrator(carla, company, kim):
    assert carla.client.post(NEW, filled(company, role="administrator")).status_code == 400
    assert carla.client.post(of(kim.user), profile(kim.user, role="administrator")).status_code == 400

    assert not User.objects.filter(role=Role.ADMINISTRATOR).exists()
    assert not User.objects.filter(username="nora.berg").exists()


def test_a_company_administrator_is_offered_the_roles_up_to_their_own(carla):
    options = read(carla.client.get(NEW)).one("select", name="role").all("option")

    assert [option.words for option in options] == ["Member", "Auditor", "Helpdesk", "Company administrator"]


def test_an_administrator_is_offered_every_role_and_company(administrator, company, other_company):
    form = read(administrator.client.get(NEW))

    assert [found.words for found in form.one("select", name="role").all("option")] == [
        "Member",
        "Auditor",
        "Helpdesk",
        "Company administrator",
        "Administrator",
    ]
    assert form.one("input", name="company").attrs["list"] == "id_company-names"
    names = read(administrator.client.get(f"{COMPANIES}names/", {"company": ""}))
    assert [name.attrs["value"] for name in names.all("option")] == ["Acme Machines", "Nordwind Fördertechnik GmbH"]


def test_a_company_administrator_cannot_move_people(carla, kim, company, other_company):
    carla.client.post(of(kim.user), profile(kim.user, company=str(other_company.pk), first_name="Kimi"))

    kim.user.refresh_from_db()
    assert (kim.user.first_name, kim.user.company) == ("Kimi", company)


def test_a_company_administrator_without_a_company_manages_nobody(make_user, kim):
    stray = Person(make_user("stray", role=Role.COMPANY_ADMINISTRATOR, company=None))
    stray.sign_in()

    assert read(stray.client.get(USERS)).rows == []
    assert stray.client.get(of(kim.user)).status_code == 404
    assert read(stray.client.get(COMPANIES)).rows == []
    read(stray.client.get("/settings/"))


PAGES = [
    "user",
    "user_deactivate",
    "user_erase",
    "user_lock",
    "user_sign_out",
    "user_password_reset",
    "user_lost_phone",
    "user_pass_withdraw",
    "user_mfa:window",
    "user_mfa:two_factor_on",
    "user_mfa:two_factor_off",
]
ACTS = [
    *PAGES[1:8],
    "user_let_in",
    "user_unlock",
    "user_remind",
    "user_invite",
    *PAGES[9:],
    "user_mfa:passkey_request",
    "user_mfa:passkey_request_delete",
]


@pytest.fixture(params=["of another company", "administrator of the same company", "gone"])
def beyond(request, make_user, other_company):
    """Somebody whom Carla may not manage."""
    if request.param == "of another company":
        return make_user("nora", company=other_company)
    user = make_user("boss", role=Role.ADMINISTRATOR)
    if request.param == "gone":
        User.objects.filter(pk=user.pk).delete()
    return user


@pytest.mark.parametrize("name", PAGES)
def test_whom_one_may_not_manage_does_not_exist(carla, beyond, name):
    answer = carla.client.get(reverse(f"settings:{name}", args=[beyond.pk]))

    assert "There is nothing here" in read(answer, 404).words


@pytest.mark.parametrize("name", ["user", *ACTS])
def test_nothing_is_done_to_somebody_whom_one_may_not_manage(carla, beyond, name):
    before = list(User.objects.order_by("pk").values())

    assert carla.client.post(reverse(f"settings:{name}", args=[beyond.pk]), profile(beyond)).status_code == 404
    assert list(User.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("name", PAGES)
def test_an_unknown_user_is_nothing_to_an_administrator_too(administrator, name):
    address = reverse(f"settings:{name}", args=["ffffffff-ffff-ffff-ffff-ffffffffffff"])

    assert administrator.client.get(address).status_code == 404


def test_a_company_administrator_manages_their_peers(carla, make_user):
    peer = make_user("peer", role=Role.COMPANY_ADMINISTRATOR)

    assert carla.client.post(of(peer), profile(peer, role="member")).status_code == 302
    peer.refresh_from_db()
    assert peer.role == Role.MEMBER


# --- Edit ---


def test_a_profile_is_changed(administrator, kim, other_company):
    answer = press(
        administrator.client,
        administrator.client.get(of(kim.user)),
        "Save",
        first_name="Kimiko",
        username="kimiko",
        email="kimiko@nordwind.example",
        company=str(other_company.pk),
        role="company_administrator",
    )

    confirm_address(kim.user)
    kim.user.refresh_from_db()
    assert "The profile of Kimiko Hansen is saved, and all their sessions are ended." in read(answer).notes
    assert (kim.user.username, kim.user.email) == ("kimiko", "kimiko@nordwind.example")
    assert (kim.user.company, kim.user.role) == (other_company, Role.COMPANY_ADMINISTRATOR)
    assert [cells[0] for cells in read(administrator.client.get(USERS, {"q": "KIMIKO"})).rows] == [
        "KH Kimiko Hansen kimiko"
    ]


def test_the_audit_says_what_was_changed_from_what_to_what(administrator, kim):
    administrator.client.post(of(kim.user), profile(kim.user, first_name="Kimiko", email=""))

    line = AuditEvent.objects.get(action=Action.USER_CHANGED)
    assert (line.actor, line.subject, line.company) == (administrator.user, kim.user, kim.user.company)
    assert line.details["changes"] == {"first_name": ["Kim", "Kimiko"], "email": ["kim@acme.example", ""]}


def test_saving_without_a_change_writes_nothing(administrator, kim):
    answer = press(administrator.client, administrator.client.get(of(kim.user)), "Save")

    assert "The profile of Kim Hansen is saved." in read(answer).notes
    assert acts(kim.user) == []


def test_another_spelling_of_ones_own_name_is_not_taken(administrator, kim):
    administrator.client.post(of(kim.user), profile(kim.user, username="KIM", email="Kim@Acme.Example"))

    kim.user.refresh_from_db()
    assert (kim.user.username, kim.user.email) == ("KIM", "Kim@acme.example")


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        ({"username": "CARLA"}, "This user name is taken. Choose another one."),
        ({"email": "CARLA@acme.example"}, "This e-mail address belongs to another account. Enter a different one."),
    ],
)
def test_a_name_of_somebody_else_is_refused(administrator, kim, company_admin, taken, said):
    answer = administrator.client.post(of(kim.user), profile(kim.user, **taken))

    page = read(answer, 400)
    assert said in page.notes
    assert page.one("h1").words == "Kim Hansen"
    assert acts(kim.user) == []


def test_a_refused_form_does_not_rename_the_page(administrator, kim):
    answer = administrator.client.post(of(kim.user), profile(kim.user, first_name="Nobody", username=""))

    assert read(answer, 400).one("h1").words == "Kim Hansen"
    assert read(answer, 400).one("input", name="first_name").attrs["value"] == "Nobody"


@pytest.mark.parametrize("taken", [{"username": "Nora"}, {"email": "NORA@acme.example"}])
def test_a_name_taken_at_the_last_moment_changes_nothing(administrator, kim, make_user, taken):
    with just_before_saving(User, lambda: make_user(**{"username": "quicker"} | taken)):
        answer = administrator.client.post(
            of(kim.user), profile(kim.user, username="nora", email="nora@acme.example", first_name="Nora")
        )

    assert "This user name or e-mail address was taken a moment ago. Choose another one." in read(answer, 400).notes
    kim.user.refresh_from_db()
    assert (kim.user.username, kim.user.first_name) == ("kim", "Kim")
    assert acts(kim.user) == []


def test_a_profile_changed_meanwhile_keeps_the_others_change(administrator, kim):
    form = profile(kim.user, first_name="Kimiko")
    with just_before_saving(User, lambda: User.objects.filter(pk=kim.user.pk).update(two_factor_enabled=True)):
        administrator.client.post(of(kim.user), form)

    kim.user.refresh_from_db()
    assert (kim.user.first_name, kim.user.two_factor_enabled) == ("Kimiko", True)


def test_editing_ignores_what_is_not_in_the_form(administrator, kim):
    before = kim.user.password
    administrator.client.post(
        of(kim.user),
        profile(kim.user, two_factor_enabled="on", password="x", is_active="", session_epoch="9", language="xx"),
    )

    kim.user.refresh_from_db()
    assert (kim.user.two_factor_enabled, kim.user.password, kim.user.is_active) == (False, before, True)
    assert (kim.user.session_epoch, kim.user.language) == (0, "")


def test_renaming_keeps_what_is_set_up(administrator, kim):
    kim.set_up_app()
    kim.add_passkey()
    administrator.client.post(of(kim.user), profile(kim.user, username="kimiko", email="k@acme.example"))

    kim.user.refresh_from_db()
    kim.enter_password()
    assert kim.asked_for == "/login/challenge/"
    kim.enter_code()
    assert kim.is_in
    assert kim.user.passkeys.count() == 1


def test_a_move_brings_the_new_companys_rule(administrator, kim, other_company):
    Company.objects.filter(pk=other_company.pk).update(two_factor_enabled=True)
    administrator.client.post(of(kim.user), profile(kim.user, company=str(other_company.pk)))

    kim.enter_password()
    assert kim.asked_for == "/login/setup/two-factor/"


def test_whoever_loses_the_role_loses_the_settings_app_at_once(administrator, carla):
    administrator.client.post(of(carla.user), profile(carla.user, role="member"))

    assert not carla.is_in
    carla.sign_in()
    assert carla.client.get(USERS).status_code == 403
    assert carla.is_in


def test_the_page_says_what_the_person_will_see_at_the_next_login(administrator, kim):
    page = read(administrator.client.get(of(kim.user)))

    assert "User name and password" in page.words
    assert page.links["Multi-factor authentication"] == of(kim.user, "mfa/?on=user")
    assert "has never signed in" in page.words


# --- Oneself ---


@pytest.mark.parametrize("role", ["member", "company_administrator", "administrator", "nonsense"])
def test_nobody_changes_their_own_role(administrator, carla, role):
    for actor in (administrator, carla):
        before = actor.user.role
        answer = actor.client.post(of(actor.user), profile(actor.user, role=role, last_name="New"))
        assert answer.status_code == 302
        actor.user.refresh_from_db()
        assert (actor.user.role, actor.user.last_name) == (before, "New")


def test_ones_own_form_does_not_offer_a_role(administrator):
    page = read(administrator.client.get(of(administrator.user)))

    assert page.all("select", name="role") == []
    assert "Deactivate" not in page.links


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_deactivates_themselves(administrator, carla, method):
    for actor in (administrator, carla):
        answer = getattr(actor.client, method)(of(actor.user, "deactivate/"), follow=True)
        assert read(answer).notes == ["You cannot deactivate yourself. Another administrator can."]
        actor.user.refresh_from_db()
        assert actor.user.is_active


# --- Deactivate ---


def test_deactivating_says_what_it_means_and_does_it(administrator, kim):
    kim.set_up_app()
    kim.sign_in()
    question = administrator.client.get(of(kim.user, "deactivate/"))
    window = read(question).dialog
    answer = press(administrator.client, question, "Confirm")

    assert window.one("h2").words == "Deactivate Kim Hansen?"
    assert [line.words for line in window.all("li")] == [
        "Kim is signed out everywhere at once and cannot sign in.",
        "What Kim set up stays, for the day they come back.",
    ]
    assert "Kim is deactivated and signed out everywhere." in read(answer).notes
    assert not kim.is_in
    assert kim.enter_password().status_code == 400
    assert kim.user.authenticator_apps.count() == 1
    assert acts(kim.user)[-2:] == [Action.USER_DEACTIVATED, Action.REFUSED]


def test_a_deactivated_user_is_marked(administrator, make_user):
    gone = make_user("gone", is_active=False)
    page = read(administrator.client.get(of(gone)))

    assert "Deactivated" in page.words
    assert "gone is deactivated and cannot sign in." in page.words
    assert page.links["Activate"] == of(gone, "activate/?on=user")


def test_activating_lets_somebody_sign_in_again_but_brings_no_session_back(administrator, kim):
    kim.sign_in()
    press(administrator.client, administrator.client.get(of(kim.user, "deactivate/")), "Confirm")
    question = administrator.client.get(of(kim.user, "activate/"))
    answer = press(administrator.client, question, "Confirm")

    assert read(question).dialog.one("h2").words == "Activate Kim Hansen again?"
    assert [line.words for line in read(question).dialog.all("li")] == ["Kim can sign in as before."]
    assert "Kim can sign in again." in read(answer).notes
    assert not kim.is_in
    kim.enter_password()
    assert kim.is_in


def test_confirming_a_deactivation_twice_does_not_undo_it(administrator, kim):
    question = administrator.client.get(of(kim.user, "deactivate/"))
    press(administrator.client, question, "Confirm")
    press(administrator.client, question, "Confirm")

    kim.user.refresh_from_db()
    assert not kim.user.is_active


def test_somebody_half_way_in_is_shut_out_too(administrator, kim):
    kim.set_up_app()
    kim.enter_password()
    press(administrator.client, administrator.client.get(of(kim.user, "deactivate/")), "Confirm")

    kim.enter_code()
    assert not kim.is_in


def test_canceling_leads_back_to_the_list_and_does_nothing(administrator, kim):
    answer = press(administrator.client, administrator.client.get(of(kim.user, "deactivate/")), "Cancel")

    assert answer.request["PATH_INFO"] == USERS
    kim.user.refresh_from_db()
    assert kim.user.is_active


# --- Sign out everywhere ---


def test_signing_somebody_out_says_how_many_sessions_end_and_ends_them(administrator, kim, make_person):
    other = make_person("other")
    other.sign_in()
    phone = Person(kim.user)
    for device in (kim, phone):
        device.sign_in()
    question = administrator.client.get(of(kim.user, "sign-out/"))
    answer = press(administrator.client, question, "Confirm")

    assert [line.words for line in read(question).dialog.all("li")] == [
        "Ends Kim’s 2 sessions at once.",
        "Kim can sign in again right away.",
    ]
    assert read(question).dialog.one("h2").words == "Sign Kim Hansen out everywhere?"
    assert "Kim is signed out everywhere." in read(answer).notes
    assert not kim.is_in
    assert not phone.is_in
    assert other.is_in
    assert Session.objects.filter(user=kim.user).count() == 0
    kim.enter_password()
    assert kim.is_in


@pytest.mark.parametrize(
    ("act", "button"),
    [("Sign out everywhere", "Confirm"), ("Deactivate", "Confirm"), ("Send a password reset", "Confirm")],
)
def test_an_act_that_is_begun_on_a_persons_page_comes_back_to_it(administrator, kim, act, button):
    here = of(kim.user, "?q=kim&page=1")
    question = administrator.client.get(read(administrator.client.get(here)).links[act])
    answer = press(administrator.client, question, button)

    assert read(question).one("h1").words == "Kim Hansen"
    assert read(question).dialog.attrs["data-close"] == here
    assert answer.redirect_chain[-1][0] == here
    assert read(answer).links["All users"] == f"{USERS}?q=kim&page=1"


def test_the_window_that_is_opened_on_a_persons_page_closes_to_it(administrator, kim):
    here = of(kim.user, "?q=kim")
    window = administrator.client.get(read(administrator.client.get(here)).links["Multi-factor authentication"])
    asked = press(administrator.client, window, "Request new passkey")

    assert read(window).dialog.attrs["data-close"] == here
    assert read(asked).dialog.attrs["data-close"] == here
    assert read(asked).one("h1").words == "Kim Hansen"


def test_what_is_saved_on_a_persons_page_keeps_the_way_back_to_the_list(administrator, kim):
    answer = press(
        administrator.client, administrator.client.get(of(kim.user, "?q=kim&page=1")), "Save", last_name="Lund"
    )

    assert answer.redirect_chain == [(of(kim.user, "?q=kim&page=1"), 302)]


def test_an_invitation_is_spoken_of_only_where_one_goes(administrator, kim, make_user):
    invited = make_user("nora", first_name="Nora", password=None)
    words = "The invitation goes to this address."

    assert words in read(administrator.client.get(f"{USERS}new/")).words
    assert words in read(administrator.client.get(of(invited))).words
    assert words not in read(administrator.client.get(of(kim.user))).words


def test_signing_out_somebody_who_is_signed_in_nowhere_is_no_loss(administrator, kim):
    dialog = read(administrator.client.get(of(kim.user, "sign-out/"))).dialog

    assert "Kim is not signed in anywhere." in dialog.words
    assert "danger" not in dialog.one("button", form="confirm").attrs["class"]


def test_signing_oneself_out_everywhere_leads_to_the_login(administrator):
    answer = press(administrator.client, administrator.client.get(of(administrator.user, "sign-out/")), "Confirm")

    assert answer.status_code == 200
    assert answer.request["PATH_INFO"] == "/login/"
    assert not administrator.is_in


def test_a_half_way_login_is_ended_too(administrator, kim):
    kim.set_up_app()
    kim.enter_password()
    press(administrator.client, administrator.client.get(of(kim.user, "sign-out/")), "Confirm")

    assert kim.client.get("/login/challenge/").headers["Location"].startswith("/")
    kim.enter_code()
    assert not kim.is_in


@pytest.mark.parametrize("act", ["deactivate/", "sign-out/"])
def test_htmx_gets_the_question_alone(administrator, kim, act):
    answer = administrator.client.get(of(kim.user, act), **HTMX)

    page = read(answer)
    assert page.children[0] is page.dialog or page.dialog.parent is page
    assert page.all("main") == []


def test_behind_a_question_is_the_heading_of_the_list_it_leads_back_to(administrator, kim):
    """Whoever opens a question from the list has it behind already; to look it up was most of what the page cost."""
    page = read(administrator.client.get(of(kim.user, "sign-out/"), {"q": "kim"}))

    assert page.one("h1").words == "User"
    assert page.rows == []
    assert page.dialog.attrs["data-close"] == f"{USERS}?q=kim"


# --- Invite again ---


@pytest.fixture
def invited(make_user):
    return make_user("nora", first_name="Nora", password=None)


def links_in(mails):
    return [re.search(r"http://localhost:8000/invitation/\S+", mail.body)[0] for mail in mails]


def test_a_new_invitation_ends_the_earlier_ones(administrator, invited, mailoutbox, deliver):
    for number in (1, 2):
        with deliver():
            answer = press(administrator.client, administrator.client.get(of(invited)), "Invite again")
        assert "Nora is invited: the link went to nora@acme.example and is good for 7 days." in read(answer).notes
        assert len(mailoutbox) == number  # before its link ends, by which it would not be sent
    first, second = links_in(mailoutbox)

    follow_invitation(first)
    assert Person(invited).enter_password(CHOSEN).status_code == 400
    follow_invitation(second)
    assert Person(invited).enter_password(CHOSEN).status_code == 302


def test_whoever_has_a_password_is_not_invited(administrator, kim, mailoutbox, deliver):
    before = kim.user.password
    with deliver():
        answer = administrator.client.post(of(kim.user, "invite/"), follow=True)

    kim.user.refresh_from_db()
    assert "Kim has a password already." in read(answer).notes
    assert (kim.user.password, mailoutbox) == (before, [])
    assert "Invite again" not in read(administrator.client.get(of(kim.user))).words


def test_a_deactivated_user_is_not_invited(administrator, invited, mailoutbox, deliver):
    User.objects.filter(pk=invited.pk).update(is_active=False)
    with deliver():
        administrator.client.post(of(invited, "invite/"))

    assert mailoutbox == []
    assert acts(invited) == []


def test_an_invitation_is_sent_by_a_button_only(administrator, invited):
    answer = administrator.client.get(of(invited, "invite/"))

    assert answer.headers["Allow"] == "POST"
    assert "It only takes what a button or a form sends." in read(answer, 405).words


def test_an_invitation_without_an_address_is_handed_over(carla, invited):
    User.objects.filter(pk=invited.pk).update(email="", email_folded="")
    answer = press(carla.client, carla.client.get(of(invited)), "Invite again")

    assert "There is no e-mail address on record. Give this link to Nora yourself" in read(answer).words


# --- Send a password reset ---


RESET = "Send a password reset"


def test_a_password_reset_says_first_what_it_will_do(administrator, kim, mailoutbox, deliver):
    page = read(administrator.client.get(of(kim.user)))
    assert page.links[RESET] == of(kim.user, "password-reset/?on=user")
    with deliver():
        question = read(administrator.client.get(page.links[RESET]))

    assert question.dialog.one("h2").words == "Send Kim Hansen a password reset?"
    assert [line.words for line in question.dialog.all("li")] == [
        "A link to choose another password goes to kim@acme.example. It works once, for one hour; you do not see it.",
        "Until Kim has chosen one, the password and all sessions stay as they are. So do authenticator app and passkeys.",
    ]
    assert mailoutbox == []
    assert acts(kim.user) == []


def test_a_password_reset_is_sent_and_said(administrator, kim, mailoutbox, deliver):
    with deliver():
        answer = press(administrator.client, administrator.client.get(of(kim.user, "password-reset/")), "Confirm")

    assert read(answer).notes == [
        "A password reset is on its way: the link went to kim@acme.example and is good for one hour."
    ]
    assert answer.request["PATH_INFO"] == of(kim.user)
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [(["kim@acme.example"], "Your new m2v password")]
    assert "Petra Vogt sends you this link" in mailoutbox[0].body
    assert "Petra Vogt sends you this link" in mailoutbox[0].alternatives[0].content
    assert acts(kim.user) == [Action.PASSWORD_RESET_REQUESTED]
    window = read(administrator.client.get(of(kim.user, "mfa/"))).words
    assert "Petra Vogt sent Kim Hansen a link to choose another password" in window


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"is_active": False}, "Kim is deactivated. Activate them first."),
        ({"password": "!"}, "Kim has no password yet. Invite them again."),
        ({"email": "", "email_folded": ""}, "There is no e-mail address on record for Kim. Enter one first."),
    ],
)
def test_who_cannot_be_sent_a_password_reset_is_sent_none(fields, why, administrator, kim, mailoutbox, deliver):
    User.objects.filter(pk=kim.user.pk).update(**fields)

    for method in ("get", "post"):
        with deliver():
            answer = getattr(administrator.client, method)(of(kim.user, "password-reset/"), follow=True)
        assert why in read(answer).notes

    assert RESET not in read(answer).links
    assert mailoutbox == []
    assert acts(kim.user) == []


def test_without_an_address_the_button_is_disabled_and_says_why(administrator, kim):
    User.objects.filter(pk=kim.user.pk).update(email="", email_folded="")
    page = read(administrator.client.get(of(kim.user)))

    button = page.button(RESET)
    assert "disabled" in button.attrs
    why = page.one("p", id=button.attrs["aria-describedby"])
    assert why.words == "There is no e-mail address on record for Kim, so no password reset can be sent."
    User.objects.filter(pk=kim.user.pk).update(password="!")
    assert RESET not in read(administrator.client.get(of(kim.user))).words


def test_password_resets_are_bounded_and_the_administrator_is_told(administrator, kim, mailoutbox, deliver):
    """In one lane with those that anybody asks for: an owner's mailbox is not filled from two sides."""
    with deliver():
        answers = [administrator.client.post(of(kim.user, "password-reset/"), follow=True) for _ in range(4)]

    assert read(answers[3]).notes == ["Too many attempts. Try again in 5 minutes."]
    assert len(mailoutbox) == 3
    assert acts(kim.user) == [Action.PASSWORD_RESET_REQUESTED] * 3
    browser().post("/password-reset/", {"email": "kim@acme.example"})
    assert len(mailoutbox) == 3


def test_a_mail_about_a_reset_that_was_undone_does_not_go_out(admin, kim, mailoutbox, deliver):
    with deliver(), contextlib.suppress(ZeroDivisionError), transaction.atomic():
        invitations.start_reset(kim.user, actor=admin)
        raise ZeroDivisionError

    assert mailoutbox == []
    assert acts(kim.user) == []


# --- Who one is, once more ---


CAREFUL = [
    "user_new",
    "user",
    "user_deactivate",
    "user_erase",
    "user_lock",
    "user_sign_out",
    "user_password_reset",
    "user_lost_phone",
    "user_access_pass",
    "user_pass_withdraw",
]


def address_of(name, user):
    return reverse(f"settings:{name}", args=[] if name == "user_new" else [user.pk])


@pytest.mark.parametrize("name", CAREFUL)
def test_after_a_quarter_of_an_hour_the_page_asks_who_one_is(administrator, kim, name):
    address = address_of(name, kim.user)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        answer = administrator.client.get(address)
        assert answer.headers["Location"] == reverse("confirm") + f"?next={address.replace('/', '%2F')}"
        back = press(administrator.client, administrator.client.get(answer.headers["Location"]), "Verify",
                     password=PASSWORD)  # fmt: skip

    assert back.request["PATH_INFO"] == address


def test_a_form_that_was_filled_in_goes_on_after_it(administrator, company):
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        question = administrator.client.post(NEW, filled(company), follow=True)
        assert not User.objects.filter(username="nora.berg").exists()
        held = press(administrator.client, question, "Verify", password=PASSWORD)
        press(administrator.client, held, "Go on")

    assert User.objects.get(username="nora.berg").company == company


@pytest.mark.parametrize("name", ["user_deactivate", "user_sign_out", "user_invite", "user_password_reset"])
def test_an_act_waits_until_one_is_known(administrator, kim, name):
    kim.sign_in()
    before = acts(kim.user)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        answer = administrator.client.post(address_of(name, kim.user))
        assert answer.headers["Location"].startswith("/confirm/")

    assert kim.is_in
    assert acts(kim.user) == before


@pytest.mark.parametrize("name", CAREFUL)
def test_these_pages_take_no_other_method(administrator, kim, name):
    for method in ("put", "delete", "patch"):
        assert getattr(administrator.client, method)(address_of(name, kim.user)).status_code == 405
    kim.user.refresh_from_db()
    assert kim.user.is_active


def test_the_session_of_the_actor_is_not_a_session_of_the_subject(administrator, kim):
    page = read(administrator.client.get(of(kim.user, "sign-out/")))

    assert "Kim is not signed in anywhere." in page.words


def test_a_company_administrator_finds_out_about_few_people_of_other_companies(carla, kim):
    path = f"{USERS}{kim.user.pk}/"
    page = {"first_name": "Kim", "username": "kim", "role": "member"}

    answers = [carla.client.post(path, page | {"email": f"k@{number}"}) for number in range(40)]
    asked = [
        carla.client.post(path, page | {"email": f"k{number}@acme.example", "username": ""}) for number in range(40)
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert [answer.status_code for answer in asked] == [400] * 30 + [429] * 10
    assert "Too many attempts" in asked[-1].content.decode()


def invited_again(actor, people):
    """The mails that came of inviting each of `people` again."""
    return sum(
        "Too many attempts" not in actor.client.post(f"{USERS}{one.pk}/invite/", follow=True).content.decode()
        for one in people
    )


def test_what_a_companys_administrators_can_mail_is_bounded_for_each_and_for_all_of_them(carla, make_user, make_person):
    new = [make_user(f"new{number}", password=None) for number in range(35)]
    dora, erik = (make_person(name, role=Role.COMPANY_ADMINISTRATOR) for name in ("dora", "erik"))
    for person in (dora, erik):
        person.sign_in()

    assert [invited_again(actor, new) for actor in (carla, dora, erik)] == [30, 30, 0]


def test_an_invitation_and_a_reset_take_from_the_same_budget(carla, make_user, kim):
    new = [make_user(f"new{number}", password=None) for number in range(30)]
    assert invited_again(carla, new) == 30

    page = carla.client.post(f"{USERS}{kim.user.pk}/password-reset/", follow=True)
    added = carla.client.post(f"{USERS}new/", {"username": "nele", "role": "member", "email": "nele@acme.example"})

    assert "Too many attempts" in page.content.decode()
    assert added.status_code == 429
    assert not User.objects.filter(username="nele").exists()


def test_all_of_a_companys_administrators_together_find_out_about_few_people_elsewhere(carla, kim, make_person):
    path = f"{USERS}{kim.user.pk}/"
    page = {"first_name": "Kim", "username": "", "role": "member"}
    others = [make_person(name, role=Role.COMPANY_ADMINISTRATOR) for name in ("dora", "erik")]
    for person in others:
        person.sign_in()

    told = [
        sum(
            person.client.post(path, page | {"email": f"{number}@acme.example"}).status_code == 400
            for number in range(32)
        )
        for person in (carla, *others)
    ]

    assert told == [30, 30, 0]


# --- A company is typed, not chosen from thousands ---


@pytest.mark.parametrize(
    ("typed", "names"),
    [("nord", ["Nordwind Fördertechnik GmbH"]), ("FORDER", ["Nordwind Fördertechnik GmbH"]), ("zz", []), ("\0", [])],
)
def test_companies_are_suggested_while_one_types(administrator, company, other_company, typed, names):
    found = read(administrator.client.get(f"{COMPANIES}names/", {"company": typed})).all("option")

    assert [name.attrs["value"] for name in found] == names


def test_nobody_is_told_the_name_of_a_company_that_they_do_not_see(carla, kim, company, other_company):
    kim.sign_in()
    suggested = read(carla.client.get(f"{COMPANIES}names/", {"company": "nord"}))

    assert suggested.all("option") == []
    assert kim.client.get(f"{COMPANIES}names/").status_code == 403


@pytest.mark.parametrize("typed", ["Nordwind Fördertechnik GmbH", " nordwind fördertechnik gmbh "])
def test_a_company_is_entered_by_its_name(administrator, kim, other_company, typed):
    page = administrator.client.get(of(kim.user))
    assert read(page).one("input", name="company").attrs["value"] == "Acme Machines"
    press(administrator.client, page, "Save", company=typed)

    kim.user.refresh_from_db()
    assert kim.user.company == other_company


def test_a_name_that_no_company_has_is_refused_with_what_to_do(administrator, kim, company):
    answer = press(administrator.client, administrator.client.get(of(kim.user)), "Save", company="Acne Machines")

    page = read(answer, 400)
    assert "There is no company with this name. Choose one of those suggested." in page.words
    assert page.one("input", name="company").attrs["value"] == "Acne Machines"
