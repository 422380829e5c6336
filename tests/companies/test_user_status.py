"""A person's page says where they stand, and what they will see at the next login."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from accounts import invitations, people, site_rule
from accounts.models import Role, User
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies.access_passes import Validity, give_pass
from companies.letting_in import let_in
from companies.models import Company
from mfa import services
from mfa.models import AuthenticatorApp, RecoveryCode
from tests.companies import read
from tests.mfa.pages import words
from tests.people import PASSWORD as PERSONS_PASSWORD


def page_of(administrator, person):
    return administrator.client.get(f"/settings/administration/users/{person.user.pk}/")


def steps_on(page) -> list[str]:
    """The titles of the steps of the next login."""
    listed = re.search(r'<ol class="todo near".*?</ol>', page.content.decode(), re.DOTALL)
    assert listed
    return re.findall(r"<li><p>(.*?)</p>", listed[0])


def locked_app(kim, admin):
    kim.set_up_app()
    AuthenticatorApp.objects.update(disabled_at=timezone.now())
    RecoveryCode.objects.all().delete()


def with_everything(kim, admin):
    kim.set_up_app()
    kim.add_passkey()
    services.request_passkey(kim.user, actor=admin)


def needs_a_pass(kim, admin):
    kim.user.company.two_factor_enabled = kim.user.company.pass_demanded = True
    kim.user.company.save()


def has_a_pass(kim, admin):
    needs_a_pass(kim, admin)
    give_pass(kim.user, valid=Validity.AN_HOUR, checked="in_person", reason="New phone", actor=admin)


def asked(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)


PASSWORD = "User name and password"
INVITED = "The link of the invitation: a password is chosen"
SET_UP = ["Set up an authenticator app", "Save 10 recovery codes"]
TABLE = [
    (lambda _kim, _admin: None, "Kim signs in with the password alone.", [PASSWORD, "Portal"]),
    (asked, "Kim is asked to set up 2FA at the next login.", [PASSWORD, *SET_UP, "Portal"]),
    (
        with_everything,
        "Kim is set up and can sign in.",
        [PASSWORD, "Six-digit code from the authenticator app", "“Add a passkey”", "Portal"],
    ),
    (locked_app, "Kim cannot sign in without help.", [PASSWORD, "A code, which nothing can produce any more"]),
    (needs_a_pass, "Kim cannot sign in without help.", [PASSWORD, "An access pass"]),
    (has_a_pass, "Kim is asked to set up 2FA at the next login.", [PASSWORD, "The access pass", *SET_UP, "Portal"]),
    (
        lambda kim, _admin: kim.add_passkey(),
        "Kim can sign in with a passkey, or with the password alone.",
        [PASSWORD, "Portal"],
    ),
    (
        lambda kim, admin: people.deactivate_user(kim.user, actor=admin),
        "Kim is deactivated and cannot sign in.",
        [PASSWORD, "The same answer as to a wrong password."],
    ),
    (
        lambda kim, admin: people.lock_user(kim.user, actor=admin),
        "Kim is locked and cannot sign in until an administrator lets them in again.",
        ["User name and password, or a passkey", "“This account is locked. Call your administrator.”"],
    ),
]


@pytest.mark.parametrize(("put", "sentence", "steps"), TABLE)
def test_it_says_where_they_stand_and_what_they_will_see(administrator, kim, admin, put, sentence, steps):
    put(kim, admin)

    page = page_of(administrator, kim)

    assert sentence in words(page)
    assert steps_on(page) == steps


def test_it_says_how_many_ways_lead_in_and_how_much_shorter_a_passkey_is(administrator, kim, admin):
    with_everything(kim, admin)

    said = words(page_of(administrator, kim))

    assert "Ways in 2: password and code, and 1 passkey" in said
    assert "Or a passkey, and then straight to step 3" in said
    assert "Or a passkey, or one of 10 recovery codes" in said
    assert "Requested by you today, " in said


def test_it_shows_where_they_are_signed_in(administrator, kim):
    assert "Nowhere at the moment" in words(page_of(administrator, kim))
    kim.sign_in()

    said = words(page_of(administrator, kim))

    assert "Nowhere at the moment" not in said
    assert "with a password" in said


def test_whoever_was_invited_has_not_begun(administrator, make_person):
    omar = make_person("omar", first_name="Omar", password=None)
    page = page_of(administrator, omar)

    assert steps_on(page) == [INVITED, PASSWORD, "Portal"]
    assert "No link works now: Omar has to be invited again." in words(page)


@pytest.mark.parametrize("rule", ["two_factor_enabled", "pass_demanded"])
def test_what_an_invited_person_will_see_is_what_the_policy_asks_then(administrator, make_person, admin, company, rule):
    omar = make_person("omar", first_name="Omar", password=None)
    Company.objects.filter(pk=company.pk).update(**{"two_factor_enabled": True, rule: True})
    invitations.invite(omar.user, actor=admin)

    page = page_of(administrator, omar)

    then = ["An access pass"] if rule == "pass_demanded" else [*SET_UP, "Portal"]
    assert steps_on(page) == [INVITED, PASSWORD, *then]
    assert "Omar was invited and has not chosen a password yet." in words(page)
    omar.user.set_password(PERSONS_PASSWORD)
    omar.user.save()
    assert steps_on(page_of(administrator, omar)) == [PASSWORD, *then]


def test_whoever_was_invited_again_is_not_to_be_invited_again(administrator, kim, admin):
    kim.sign_in()
    people.lock_user(kim.user, actor=admin)
    let_in(kim.user, kept=(), checked="in_person", reason="It was a mistake", actor=admin)
    chooses, again = "Kim was invited and has not chosen a password yet.", "cannot sign in until invited again."
    page = words(page_of(administrator, kim))
    assert chooses in page
    assert again not in page

    invitations.withdraw(User.objects.get(pk=kim.user.pk), actor=admin)

    assert again in words(page_of(administrator, kim))


def test_whoever_must_have_a_factor_and_uses_a_passkey_does_not_get_in_by_the_password_alone(
    administrator, admin, carla
):
    site_rule.demand_factor(actor=admin)
    carla.add_passkey()

    page = page_of(administrator, carla)

    assert "Carla signs in with a passkey." in words(page)
    assert "Ways in 1: 1 passkey" in words(page)
    assert steps_on(page) == ["User name and password", "A passkey", "Settings"]


def test_its_history_is_narrowed_by_links_that_acts_do_not_carry_along(administrator, kim, admin):
    kim.set_up_app()
    kim.sign_in()
    services.request_passkey(kim.user, actor=admin)
    chips = read(page_of(administrator, kim)).one("nav", **{"aria-label": "Filter the history"}).all("a")
    numbers = {}

    for chip in chips:
        asked, _hash, place = chip.attrs["href"].partition("#")
        shown = read(administrator.client.get(f"/settings/administration/users/{kim.user.pk}/{asked}"))
        [history] = [card for card in shown.all("section") if card.attrs.get("aria-labelledby") == place]
        assert [each.words for each in history.all("a") if "aria-current" in each.attrs] == [chip.words]
        name, _space, number = chip.words.rpartition(" ")
        numbers[name] = int(number)
        assert len(history.all("li")) == numbers[name], name
        assert "history=" not in shown.links["Lost phone"]

    assert list(numbers) == ["All", "Last 24 hours", "Logins", "Failures", "Factors", "By an administrator"]
    assert (numbers["Logins"], numbers["Failures"], numbers["By an administrator"]) == (2, 0, 1)


@pytest.mark.parametrize("place", ["", "let-in/"])
def test_all_of_the_history_can_be_read_there_by_whoever_has_no_activity(make_person, kim, admin, place):
    """Forwards and back by links, each line once, in the part that is chosen, with the list's own place kept."""
    role = Role.COMPANY_ADMINISTRATOR if place else Role.HELPDESK  # the helpdesk lets nobody in
    nina = make_person("nina", role=role)
    nina.sign_in()
    if place:
        people.lock_user(kim.user, actor=admin)
    AuditEvent.objects.bulk_create(
        AuditEvent(action=action, subject=kim.user, actor=kim.user, company=kim.user.company, details={"name": str(n)})
        for n in range(60)
        for action in (Action.PASSKEY_CREATED, Action.SIGNED_OUT)
    )
    page_address = f"/settings/administration/users/{kim.user.pk}/{place}"

    def history_at(asked):
        page = read(nina.client.get(page_address + asked.partition("#")[0]))
        [history] = [card for card in page.all("section") if card.attrs.get("aria-labelledby") == "history"]
        assert "history_" not in page.links["Change the e-mail address" if place else "Lost phone"]
        assert "after=listed" in page.links["Change the e-mail address" if place else "Lost phone"]
        return [item.words for item in history.all("li")], {each.words: each.attrs["href"] for each in history.all("a")}

    asked, pages, links = "?after=listed&history=factors", [], {"Earlier": ""}
    while "Earlier" in links:
        lines, links = history_at(asked)
        assert "Later" not in links or pages
        pages.append(lines)
        asked = links.get("Earlier", "")
        assert asked.endswith("#history") or not asked

    said = [line.partition("”")[0] for lines in pages for line in lines]
    assert said == [f"Kim Hansen created the passkey “{number}" for number in reversed(range(60))]
    assert len(pages) > 1
    assert history_at(links["Later"])[0] == pages[-2]
    assert history_at("?after=listed&history=factors&history_after=odd")[0] == pages[0]
    assert history_at("?after=listed&history=factors&history_after=0-0")[0] == pages[0]
