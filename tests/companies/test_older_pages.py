"""A page that was opened before somebody else changed the row: only what its reader changed is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from accounts import people
from accounts.models import Role, User
from audit.models import AuditEvent
from companies import services as companies
from companies.forms import UserForm
from companies.models import Company
from mfa import services
from mfa.models import Passkey
from tests.companies import COMPANIES, USERS, read

if TYPE_CHECKING:
    from tests.people import Person

PROFILE = "/user-settings/"
OWN = "/user-settings/mfa/"


def fields_of(person: Person, path: str) -> dict[str, str]:
    """What the form on this page sends if nothing is changed in it."""
    page = read(person.client.get(path))
    typed = page.all("input", type="text") + page.all("input", type="email") + page.all("input", id="id_name")
    sent = {one.attrs["name"]: one.attrs.get("value", "") for one in typed + page.all("input", type="hidden")}
    for choice in page.all("select"):
        chosen = [one.attrs["value"] for one in choice.all("option") if "selected" in one.attrs]
        sent[choice.attrs["name"]] = chosen[0] if chosen else ""
    return {name: value for name, value in sent.items() if name != "csrfmiddlewaretoken"}


def change(user: User, actor: User, **values: object) -> None:
    now = User.objects.get(pk=user.pk)
    for name, value in values.items():
        setattr(now, name, value)
    people.change_user(now, changed=list(values), actor=actor)


@pytest.fixture
def boss(make_user) -> User:
    """Another administrator, whose page is open."""
    return make_user("olaf", first_name="Olaf", last_name="Berg", role=Role.ADMINISTRATOR, company=None)


def test_an_older_page_makes_nobody_administrator_again(administrator, admin, boss, make_user, company):
    second = make_user("third", role=Role.ADMINISTRATOR, company=None)
    path = f"{USERS}{boss.pk}/"
    sent = fields_of(administrator, path)
    change(boss, second, role=Role.MEMBER, company=company)

    answer = administrator.client.post(path, sent | {"first_name": "Olav"}, follow=True)

    boss.refresh_from_db()
    assert (boss.first_name, boss.role, boss.company) == ("Olav", Role.MEMBER, company)
    assert "Changed meanwhile: Role is now “Member”." in read(answer).words
    assert "Changed meanwhile: Company is now “Acme Machines”." in read(answer).words
    line = AuditEvent.objects.filter(action="user_changed").latest("pk")
    assert (line.actor, list(line.details["changes"])) == (admin, ["first_name"])


def test_an_older_page_puts_back_no_address_that_its_owner_changed(administrator, kim):
    path = f"{USERS}{kim.user.pk}/"
    sent = fields_of(administrator, path)
    User.objects.filter(pk=kim.user.pk).update(email="kim.hansen@acme.example")  # as opening its link does

    answer = administrator.client.post(path, sent | {"last_name": "Hansen-Berg"}, follow=True)

    kim.user.refresh_from_db()
    assert (kim.user.last_name, kim.user.email) == ("Hansen-Berg", "kim.hansen@acme.example")
    assert "is now “kim.hansen@acme.example”." in read(answer).words


def test_a_company_administrators_older_page_raises_nobody(carla, admin, make_user):
    ada = make_user("ada", role=Role.COMPANY_ADMINISTRATOR)
    path = f"{USERS}{ada.pk}/"
    sent = fields_of(carla, path)
    change(ada, admin, role=Role.MEMBER)

    carla.client.post(path, sent | {"first_name": "Ada"})

    ada.refresh_from_db()
    assert (ada.first_name, ada.role) == ("Ada", Role.MEMBER)


def test_ones_own_older_page_undoes_no_correction(kim, admin):
    kim.sign_in()
    sent = fields_of(kim, PROFILE)
    change(kim.user, admin, last_name="Hanssen")

    answer = kim.client.post(PROFILE, sent | {"first_name": "Kimberly"}, follow=True)

    kim.user.refresh_from_db()
    assert (kim.user.first_name, kim.user.last_name) == ("Kimberly", "Hanssen")
    assert "Last name is now “Hanssen”." in read(answer).words


def test_of_two_who_change_one_field_the_second_sees_the_firsts_value_before_theirs_is_written(administrator, kim):
    path = f"{USERS}{kim.user.pk}/"
    mine = fields_of(administrator, path) | {"first_name": "Kimberly", "last_name": "Berg"}
    change(kim.user, kim.user, first_name="Kimi")

    answer = administrator.client.post(path, mine)

    kim.user.refresh_from_db()
    assert (answer.status_code, kim.user.first_name, kim.user.last_name) == (400, "Kimi", "Hansen")
    page = read(answer, 400)
    assert "This was changed meanwhile, to “Kimi”." in page.words
    assert page.one("input", name="first_name").attrs["value"] == "Kimberly"
    again = {one.attrs["name"]: one.attrs.get("value", "") for one in page.all("input", type="hidden")}
    assert administrator.client.post(path, mine | again).status_code == 302
    kim.user.refresh_from_db()
    assert (kim.user.first_name, kim.user.last_name) == ("Kimberly", "Berg")


def test_two_who_make_the_same_change_disagree_about_nothing(administrator, kim):
    path = f"{USERS}{kim.user.pk}/"
    mine = fields_of(administrator, path) | {"first_name": "Kimberly"}
    change(kim.user, kim.user, first_name="Kimberly")

    assert administrator.client.post(path, mine).status_code == 302
    assert AuditEvent.objects.filter(action="user_changed").count() == 1


@pytest.mark.parametrize("kept", ["kim@bücher.example", "kim@xn--bcher-kva.example"])
@pytest.mark.parametrize("sent", ["kim@bücher.example", "kim@xn--bcher-kva.example", "kim@BÜCHER.example"])
def test_an_address_in_another_spelling_is_no_change(kept, sent, kim):
    """Browsers send their own spelling of a domain."""
    User.objects.filter(pk=kim.user.pk).update(email=kept)
    kim.sign_in()
    page = fields_of(kim, PROFILE)

    assert kim.client.post(PROFILE, page | {"email": sent}).status_code == 302

    kim.user.refresh_from_db()
    assert kim.user.email == kept
    assert not AuditEvent.objects.filter(action="user_changed").exists()


def test_a_field_that_was_emptied_meanwhile_is_said_to_be_empty(administrator, kim):
    path = f"{USERS}{kim.user.pk}/"
    sent = fields_of(administrator, path)
    change(kim.user, kim.user, last_name="")

    assert "to empty." in read(administrator.client.post(path, sent | {"last_name": "Berg"}), 400).words


def test_a_company_renamed_meanwhile_keeps_that_name_until_it_was_seen(administrator, company, admin):
    path = f"{COMPANIES}{company.pk}/edit/"
    untouched = fields_of(administrator, path)
    mine = untouched | {"name": "Acme Werke"}
    companies.rename_company(Company.objects.get(), "Acme AG", actor=admin)

    answer = administrator.client.post(path, mine)
    assert answer.status_code == 400
    assert "to “Acme AG”." in read(answer, 400).words
    assert administrator.client.post(path, untouched).status_code == 302
    assert Company.objects.get().name == "Acme AG"
    seen_now = {one.attrs["name"]: one.attrs["value"] for one in read(answer, 400).all("input", type="hidden")}
    administrator.client.post(path, mine | seen_now)
    assert Company.objects.get().name == "Acme Werke"


def test_a_passkey_renamed_meanwhile_keeps_that_name_until_it_was_seen(kim):
    passkey = kim.add_passkey()
    kim.use_passkey()
    path = f"{OWN}passkeys/{passkey.pk}/rename/"
    mine = fields_of(kim, path) | {"name": "Old phone"}
    services.rename_passkey(passkey, "New phone", actor=kim.user)

    answer = kim.client.post(path, mine)

    assert answer.status_code == 400
    assert "to “New phone”." in read(answer, 400).words
    assert Passkey.objects.get().name == "New phone"


@pytest.mark.parametrize("row", ["person", "company", "passkey"])
def test_what_changes_between_the_look_and_the_lock_is_not_lost_either(row, kim, admin, company):
    if row == "person":
        form = UserForm(
            {"first_name": "Kimberly", "username": "kim", "company": str(company.pk), "role": "member"},
            instance=User.objects.get(pk=kim.user.pk),
            actor=admin,
            companies=Company.objects.all(),
        )
        assert form.is_valid()
        change(kim.user, kim.user, first_name="Kimi")
        act = lambda: people.change_user(  # noqa: E731
            form.instance, changed=form.changed_data, actor=admin, seen=form.decided_on()
        )
    elif row == "company":
        companies.rename_company(Company.objects.get(), "Acme AG", actor=admin)
        act = lambda: companies.rename_company(company, "Acme", actor=admin, seen="Acme Machines")  # noqa: E731
    else:
        passkey = kim.add_passkey()
        services.rename_passkey(passkey, "New phone", actor=kim.user)
        act = lambda: services.rename_passkey(passkey, "Old", actor=kim.user, seen=passkey.name)  # noqa: E731

    with pytest.raises(people.ChangedMeanwhile):
        act()
