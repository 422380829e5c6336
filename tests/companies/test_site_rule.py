"""The rule for those who administer: everybody who opens the Settings app uses 2FA or a passkey."""

from __future__ import annotations

import re
from base64 import b32decode
from itertools import product
from time import time

import pytest
from django.core.management import call_command
from django.utils import timezone
from django.utils.html import strip_tags

from accounts import people, site_rule
from accounts.authorization import NotPermitted
from accounts.models import Role, SiteRule, User
from audit.models import AuditEvent
from companies import access_passes
from companies.access_passes import Validity, give_pass
from companies.administrators import Administrators
from companies.listing.numbers import numbers_for
from companies.models import Company
from companies.user_page import UserPage
from mfa import services
from mfa.methods import totp
from mfa.policy import Method, Step, passkey_will_do, pending_steps
from mfa.queries import circumstances_of
from mfa.window.sentences import Window
from tests.companies import USERS, read
from tests.mfa.pages import CHALLENGE, OWN, SETUP, words
from tests.people import PASSWORD, Person

HOME = "/settings/"
ON, OFF = "/settings/administration/rule/on/", "/settings/administration/rule/off/"
LABEL = "Everybody who opens the Settings app uses 2FA or a passkey"


@pytest.fixture
def rule(admin):
    site_rule.demand_factor(actor=admin)


def switch(page):
    [found] = [button for button in page.all("button", role="switch") if button.label == LABEL]
    return found


# --- At the login ---


@pytest.mark.row("ASVS-6.3.3")
@pytest.mark.parametrize("role", [role for role in Role if role != Role.MEMBER])
def test_whoever_administers_and_has_no_factor_is_asked_at_the_next_login(role, make_person, rule):
    holly = make_person("holly", role=role)

    assert holly.enter_password().headers["Location"] == SETUP
    assert holly.client.get(HOME).status_code == 302


def test_members_are_not_asked(kim, rule):
    kim.sign_in()

    assert kim.is_in


def test_a_session_goes_on_and_the_next_login_asks(administrator):
    site_rule.demand_factor(actor=administrator.user)

    assert administrator.client.get(HOME).status_code == 200
    assert Person(administrator.user).enter_password().headers["Location"] == SETUP


def test_an_app_meets_it(admin, rule):
    petra = Person(admin)
    petra.set_up_app()

    petra.sign_in()

    assert petra.client.get(HOME).status_code == 200


def test_a_passkey_that_is_used_meets_it_and_one_that_is_not_is_asked_for(admin, rule):
    petra = Person(admin)
    petra.add_passkey()

    assert petra.enter_password().headers["Location"] == CHALLENGE
    assert not petra.is_in
    petra.use_passkey()
    assert petra.client.get(HOME).status_code == 200

    again = Person(admin, authenticator=petra.authenticator)
    again.use_passkey()
    assert again.client.get(HOME).status_code == 200


def test_the_last_administrator_sets_up_and_is_in(admin, rule):
    """The rule locks nobody out who knows their password: it ends in a set-up, as 2FA that is required does."""
    petra = Person(admin)
    petra.enter_password()
    page = petra.client.get(SETUP).content.decode()
    key = b32decode(re.search(r"secret=([A-Z2-7]+)", page)[1])
    setup = re.search(r'name="setup" value="([^"]+)"', page)[1]

    answer = petra.client.post(SETUP, {"setup": setup, "code": totp.code_at(key, time())})
    assert petra.client.post(answer.headers["Location"], {"saved": "on"}).status_code == 302
    assert petra.client.get(HOME).status_code == 200


def test_a_passkey_is_set_up_in_the_place_of_an_app_and_used_once(admin, rule):
    petra = Person(admin)
    petra.enter_password()
    page = petra.client.get(SETUP)
    assert "With a passkey" in page.content.decode()
    assert "Everybody who opens the Settings app uses two-factor authentication or a passkey." in words(page)
    options = petra.json("/passkeys/registration/options/", {}).json()

    answer = petra.json("/passkeys/registration/", {"credential": petra.authenticator.create(options)})

    assert answer.json() == {"next": CHALLENGE}
    assert not petra.is_in, "that it was made proves nothing"
    assert "is ready. Use it once to go on." in words(petra.client.get(CHALLENGE))
    petra.use_passkey()
    assert petra.client.get(HOME).status_code == 200
    assert not admin.authenticator_apps.exists()


@pytest.mark.parametrize("how", ["required", "with a pass"])
def test_where_an_app_is_needed_no_passkey_is_offered_or_taken(admin, make_user, rule, how):
    petra = Person(admin)
    if how == "required":
        services.enable_two_factor(admin, actor=admin)
        petra.enter_password()
    else:
        paul = make_user("paul", role=Role.ADMINISTRATOR, company=None)
        code = access_passes.give_pass(admin, valid=60, checked="in_person", reason="New", actor=paul)
        petra.enter_password()
        petra.client.post(f"{CHALLENGE}?with=pass", {"code": code})

    assert "With a passkey" not in petra.client.get(SETUP).content.decode()
    answer = petra.json("/passkeys/registration/options/", {})
    assert (answer.status_code, answer.json()["error"]) == (403, "not_this_step")


def test_whoever_is_made_an_administrator_is_asked(kim, admin, rule):
    kim.sign_in()
    kim.user.role = Role.COMPANY_ADMINISTRATOR
    people.change_user(kim.user, changed=["role"], actor=admin)

    assert not kim.is_in
    assert kim.enter_password().headers["Location"] == SETUP


def test_a_lost_passkey_is_helped_by_an_access_pass(admin, make_user, rule):
    petra, paul = Person(admin), make_user("paul", role=Role.ADMINISTRATOR, company=None)
    petra.add_passkey()
    code = access_passes.give_pass(petra.user, valid=60, checked="in_person", reason="Lost it", actor=paul)
    petra.enter_password()

    petra.client.post(f"{CHALLENGE}?with=pass", {"code": code})

    assert petra.asked_for == SETUP


def test_people_take_away_nothing_that_the_rule_needs(admin, rule):
    petra = Person(admin)
    petra.set_up_app()
    with pytest.raises(services.RequiredForSettings):
        services.disable_two_factor(petra.user, actor=petra.user)

    petra.sign_in()
    answer = petra.client.post(f"{OWN}two-factor/off/", follow=True)
    assert "Create a passkey first." in read(answer).words
    petra.add_passkey()
    services.disable_two_factor(petra.user, actor=petra.user)
    assert not petra.user.authenticator_apps.exists()


# --- The act ---


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_administrators_of_the_site_alone_decide_it(role, make_user):
    actor = make_user("holly", role=role, company=None)

    for act in (site_rule.demand_factor, site_rule.stop_demanding_factor):
        with pytest.raises(NotPermitted):
            act(actor=actor)

    assert not site_rule.current().factor_demanded


def test_it_is_on_record_once_and_said(administrator):
    for act in (site_rule.demand_factor, site_rule.demand_factor, site_rule.stop_demanding_factor):
        act(actor=administrator.user)

    lines = AuditEvent.objects.filter(action__startswith="site_rule").order_by("pk")
    assert [(line.action, line.actor) for line in lines] == [
        ("site_rule_enabled", administrator.user),
        ("site_rule_disabled", administrator.user),
    ]


def test_administrators_and_those_who_are_asked_are_told(told, make_user, admin, kim, make_person):
    make_user("paul", role=Role.ADMINISTRATOR, company=None)
    make_user("carla", role=Role.COMPANY_ADMINISTRATOR)
    make_user("hanna", role=Role.HELPDESK)
    safe = make_person("viktor", role=Role.AUDITOR)
    safe.add_passkey()

    mails = told(site_rule.demand_factor, actor=admin)
    assert {(mail.to[0].partition("@")[0], mail.subject) for mail in mails} == {
        ("petra", "m2v: The Settings app demands two-factor authentication or a passkey"),
        ("paul", "m2v: The Settings app demands two-factor authentication or a passkey"),
        ("carla", "m2v: You are asked to set up two-factor authentication"),
        ("hanna", "m2v: You are asked to set up two-factor authentication"),
    }
    assert all("Petra Vogt" in mail.body for mail in mails)

    mails = told(site_rule.stop_demanding_factor, actor=admin)
    assert {mail.to[0].partition("@")[0] for mail in mails} == {"petra", "paul"}


@pytest.mark.django_db
def test_it_comes_with_the_first_administrator_and_with_no_other():
    call_command("createsuperuser", interactive=False, username="petra", email="petra@acme.example", verbosity=0)
    petra = User.objects.get()
    petra.set_password(PASSWORD)
    petra.save()

    assert site_rule.current().factor_demanded
    assert Person(petra).enter_password().headers["Location"] == SETUP
    assert AuditEvent.objects.get(action="site_rule_enabled").actor is None

    site_rule.stop_demanding_factor(actor=petra)
    call_command("createsuperuser", interactive=False, username="paul", email="paul@acme.example", verbosity=0)
    assert not site_rule.current().factor_demanded


@pytest.mark.django_db
def test_it_is_off_in_the_demo_whose_overview_says_so_first():
    call_command("create_demo", verbosity=0)
    samir = Person(User.objects.get(username="samir.haddad"))
    samir.user.set_password(PASSWORD)
    samir.user.save()
    samir.sign_in()

    page = read(samir.client.get(HOME))

    assert [heading.words for heading in page.all("h2")][1] == "2 administrators sign in with a password alone"
    assert switch(page).attrs["aria-checked"] == "false"
    assert "Samir Haddad" in page.links


# --- The overview ---


def test_the_switch_asks_first_and_says_what_will_happen(administrator, make_person):
    make_person("carla", first_name="Carla", role=Role.COMPANY_ADMINISTRATOR, last_sign_in_at=timezone.now())
    make_person("paul", role=Role.ADMINISTRATOR, company=None).add_passkey()
    assert "2 administrators sign in with a password alone" in read(administrator.client.get(HOME)).words

    dialog = read(administrator.client.get(ON)).dialog
    assert "2 will be asked to set it up at their next login, and cannot get in without it" in dialog.words
    assert "They have neither; one of them is enough." in dialog.words
    assert "Nobody is locked out by this." in dialog.words
    assert "You are one of them" in dialog.words
    assert "1 has a passkey and no app" in dialog.words
    assert not site_rule.current().factor_demanded

    answer = administrator.client.post(ON, follow=True)
    page = read(answer)
    assert site_rule.current().factor_demanded
    assert switch(page).attrs["aria-checked"] == "true"
    assert "2 administrators will be asked to set up 2FA or a passkey at their next login" in page.words

    administrator.client.post(OFF)
    assert not site_rule.current().factor_demanded


@pytest.mark.parametrize(("role", "of_site"), [(Role.AUDITOR, True), (Role.HELPDESK, True)])
def test_others_of_the_site_see_the_rule_and_cannot_change_it(role, of_site, make_person, admin):
    holly = make_person("holly", role=role, company=None)
    holly.sign_in()

    page = read(holly.client.get(HOME))

    assert "disabled" in switch(page).attrs
    assert "Administrators decide this." in page.words
    assert ("Petra Vogt" in page.words) is (role == Role.AUDITOR)
    assert holly.client.post(ON).status_code == 403


def test_a_companys_administrators_count_their_own_alone(carla, make_user, other_company, admin):
    make_user("xenia", role=Role.COMPANY_ADMINISTRATOR, company=other_company)
    make_user("hanna", role=Role.HELPDESK, company=None)

    assert Administrators(carla.user, numbers_for(carla.user, None)).without_factor == 1
    page = read(carla.client.get(HOME))
    assert "1 administrator signs in with a password alone" in page.words
    assert "Carla Reyes" in page.links


def test_who_has_no_company_to_administer_counts_nobody(make_user, admin):
    nora = make_user("nora", role=Role.COMPANY_ADMINISTRATOR, company=None)

    who = Administrators(nora, numbers_for(nora, None))
    assert (who.without_factor, who.named) == (0, [])


def test_whoever_is_set_up_asked_or_shut_out_is_not_counted(admin, make_user, make_person, company, other_company):
    make_user("one", role=Role.ADMINISTRATOR, two_factor_enabled=True)
    make_user("two", role=Role.ADMINISTRATOR, is_active=False)
    make_user("three", role=Role.ADMINISTRATOR, locked_at=admin.created_at)
    other_company.two_factor_enabled = True
    other_company.save()
    make_user("four", role=Role.COMPANY_ADMINISTRATOR, company=other_company)
    make_person("five", role=Role.ADMINISTRATOR).set_up_app()
    make_user("six", role=Role.HELPDESK)

    who = Administrators(admin, numbers_for(admin, None))
    assert strip_tags(who.headline) == "2 people open the Settings app with a password alone"
    assert who.more == 0
    assert {person.username for person in who.named} == {"petra", "six"}


def test_many_are_named_in_part(admin, make_user):
    for number in range(5):
        make_user(f"a{number}", role=Role.ADMINISTRATOR, company=None)

    who = Administrators(admin, numbers_for(admin, None))

    assert (who.without_factor, len(who.named), who.more) == (6, 3, 3)


def test_nobody_on_a_password_alone_is_good_news(admin):
    petra = Person(admin)
    petra.set_up_app()
    petra.sign_in()

    assert "Nobody opens the Settings app with a password alone" in read(petra.client.get(HOME)).words


def test_a_helpdesk_is_told_nothing_of_those_whom_it_does_not_see(admin, make_person):
    nina = make_person("nina", role=Role.HELPDESK, company=None)
    nina.set_up_app()
    nina.sign_in()
    page = read(nina.client.get(HOME)).words
    assert "Nobody opens" not in page, "an administrator does, whom they do not see"
    assert "None of those whom you see opens the Settings app with a password alone" in page

    make_person("nils", role=Role.AUDITOR, company=None)
    page = read(nina.client.get(HOME)).words
    assert "1 person opens the Settings app with a password alone" in page
    assert "Counted among those whom you see." in page


def test_a_passkey_beside_a_password_that_is_enough_is_no_good_news_before_the_rule(admin):
    petra = Person(admin)
    petra.add_passkey()
    petra.sign_in()
    left = "1 person with a passkey can open the Settings app with the password alone"
    good = "Nobody opens the Settings app with a password alone"
    page = read(petra.client.get(HOME)).words
    assert left in page
    assert good not in page

    site_rule.demand_factor(actor=admin)

    page = read(petra.client.get(HOME)).words
    assert good in page
    assert left not in page


# --- What the window says ---


def test_the_window_says_what_the_rule_will_ask(administrator, make_person, rule):
    carla = make_person("carla", first_name="Carla", role=Role.COMPANY_ADMINISTRATOR)
    window = f"{USERS}{carla.user.pk}/mfa/"

    words = read(administrator.client.get(window)).dialog.words
    assert "Asked at next login" in words
    either = "set up an authenticator app, or a passkey in its place"
    assert f"Carla enters the password and is then asked to {either}. Until it is set up, Carla cannot get in." in words
    assert "Demanded of everybody who opens the Settings app, unless they use a passkey" in words

    passkey = carla.add_passkey()
    words = read(administrator.client.get(window)).dialog.words
    assert "A passkey, alone or after user name and password" in words
    words = read(administrator.client.get(f"{window}passkeys/{passkey.pk}/delete/")).dialog.words
    assert f"Carla has no other method left and will be asked to {either} at the next login." in words
    carla.set_up_app()
    words = read(administrator.client.get(f"{window}two-factor/off/")).dialog.words
    assert "Carla will sign in with a passkey, alone or after user name and password." in words


@pytest.mark.parametrize("query", ["", "q=carla&"])
def test_the_list_says_of_whom_the_rule_asks_what_their_page_says(query, administrator, admin, carla):
    administrator.add_passkey()
    administrator.use_passkey()
    site_rule.demand_factor(actor=admin)

    asked = administrator.client.get(f"/settings/administration/users/?{query}show=asked")

    listed = asked.context["list"]
    assert [person.username for person in listed.page.people] == ["carla"]
    assert listed.counts["asked"] == 1
    assert "Asked at next login" in words(asked)
    assert "Carla is asked to set up 2FA" in words(
        administrator.client.get(f"/settings/administration/users/{carla.user.pk}/")
    )


def test_switching_2fa_off_under_the_rule_says_that_a_passkey_will_do(administrator, make_person, rule):
    carla = make_person("carla", first_name="Carla", role=Role.COMPANY_ADMINISTRATOR)
    carla.set_up_app()

    words = read(administrator.client.get(f"{USERS}{carla.user.pk}/mfa/two-factor/off/")).dialog.words

    one = "Carla will be asked to set up an authenticator app, or a passkey in its place at the next login."
    assert f"Everybody who opens the Settings app needs one: {one}" in words


DEMANDS = list(product((False, True), repeat=4))
HELD = [(), ("pass",), ("passkey",), ("app",), ("passkey", "app"), ("lost app",), ("lost app", "pass")]


@pytest.mark.parametrize("held", HELD, ids=" ".join)
def test_window_and_user_page_name_what_the_policy_asks_for(administrator, admin, make_person, rule, company, held):
    """The rule of the site, that of the company, the person's own switch, and whether a pass is demanded."""
    carla = make_person("carla", first_name="Carla", role=Role.COMPANY_ADMINISTRATOR, company=company)
    if "passkey" in held:
        carla.add_passkey()
    if "app" in held or "lost app" in held:
        carla.set_up_app()
    if "lost app" in held:
        services.disable_factor(carla.user, Method.TOTP)
    if "pass" in held:
        Company.objects.update(pass_demanded=True)
        give_pass(carla.user, valid=Validity.A_DAY, checked="in_person", reason="New phone", actor=admin)
    for by_site, by_company, own, pass_demanded in DEMANDS:
        SiteRule.objects.update(factor_demanded=by_site)
        Company.objects.update(two_factor_enabled=by_company, pass_demanded=pass_demanded)
        User.objects.filter(pk=carla.user.pk).update(two_factor_enabled=own)
        person = User.objects.select_related("company").get(pk=carla.user.pk)
        window, standing = Window(person, admin), circumstances_of(person).standing
        asked, steps = window.asked(window.circumstances), [line.title for line in UserPage(person, window).next_login]

        shown = {Method.PASSWORD}
        if standing.challenged and window.ways[0].proofs:
            shown.add(window.ways[0].proofs[0])
        if pending_steps(standing, shown)[:1] != (Step.SET_UP_TWO_FACTOR,):
            assert not any(title.startswith("Set up") for title in steps)
            assert "set up" not in asked
            continue
        either = passkey_will_do(standing, shown)
        what = "set up an authenticator app, or a passkey in its place" if either else "set up an authenticator app"
        assert what.capitalize() in steps
        assert f" {what}." in asked
