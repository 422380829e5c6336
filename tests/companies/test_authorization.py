"""Who may do what, to whom, and from when on. The rules are the tables of docs/access.md."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest
from django.conf import settings

from accounts import people
from accounts.models import Role, User
from accounts.permissions import WHO_MAY, Permission
from accounts.roles import RANKS
from audit.models import AuditEvent
from companies.forms import UserForm
from companies.models import Company
from m2v.user_settings.forms import ProfileForm
from tests.documents import table
from tests.mfa.pages import SETUP, window_of
from tests.people import Person
from tests.scenes import guarded, things

USERS = "/settings/administration/users/"
COMPANIES = "/settings/administration/companies/"
OWN_THINGS = "nothing: own things"


def rule_for(name):
    """The cells of docs/access.md about an address: of the patterns that match, the longest."""
    matching = [row for row in table("Who may open what") if fnmatch(name, row[0])]
    return max(matching, key=lambda row: len(row[0]))


@pytest.mark.row("ASVS-8.1.1")
def test_the_written_rules_are_those_of_the_views():
    written = {page.name: rule_for(page.name) for page in guarded()}

    assert {tuple(row) for row in written.values()} == {tuple(row) for row in table("Who may open what")}
    for page in guarded():
        needs = page.view.permissions if page.name.startswith("settings:") else [OWN_THINGS] * 2
        assert written[page.name][1:] == [str(permission) for permission in needs], page.name


@pytest.mark.row("ASVS-8.1.1")
def test_the_written_permissions_are_those_of_the_roles():
    rows = table("Who may open what", part=2)

    assert [row[0].partition("`:")[0] for row in rows] == list(Permission)
    for permission, *cells in rows:
        roles = WHO_MAY[Permission(permission.partition("`:")[0])]
        assert cells == ["yes" if role in roles else "no" for role in RANKS[1:]], permission


@pytest.mark.row("ASVS-8.1.1")
def test_the_written_scopes_are_those_of_the_roles(make_user, company, other_company):
    """`its people up to …` and `everybody up to …`, for each role with a company and without."""
    for of in (company, other_company, None):
        for role in Role:
            make_user(f"{role}.{of.pk if of else 'site'}", role=role, company=of)
    everybody = {(user.role, user.company_id) for user in User.objects.all()}
    for label, *cells in table("Who may open what", part=3):
        role = next(role for role in Role if role.label.lower() == label)
        for of, cell in zip((company, None), cells, strict=True):
            whose, _, highest = cell.partition(" up to ")
            reached = (
                [who for who in Role if who.label.lower().startswith(highest.removesuffix("s"))] if highest else []
            )
            roles = RANKS[: RANKS.index(reached[0]) + 1] if reached else RANKS
            among = {"nobody": set(), "everybody": everybody}.get(
                whose, {who for who in everybody if who[1] == company.pk}
            )
            seen = User.objects.managed_by(User(role=role, company=of)).values_list("role", "company_id")
            assert set(seen) == {who for who in among if who[0] in roles}, (role, cell)


@pytest.mark.row("ASVS-8.1.2")
def test_the_written_fields_are_those_of_the_forms(admin, company_admin, kim):
    rows = table("Who may change which field")
    written = [{row[0] for row in rows if row[column].startswith("change")} for column in (1, 2, 3)]
    forms = [
        ProfileForm(instance=kim.user, languages=settings.LANGUAGES),
        *(
            UserForm(instance=kim.user, actor=actor, companies=Company.objects.all())
            for actor in (company_admin, admin)
        ),
    ]

    assert [set(form.fields) for form in forms] == written
    for actor in (company_admin, admin):
        assert "role" not in UserForm(instance=actor, actor=actor, companies=Company.objects.all()).fields


@pytest.mark.row("ASVS-8.3.1")
def test_what_no_button_offers_is_refused_all_the_same(kim, ada, carla, admin):
    """Nothing on their pages leads there; the addresses are called all the same."""
    kim.sign_in()
    shown = kim.client.get("/portal/").content.decode() + carla.client.get(USERS).content.decode()
    assert f"{USERS}{admin.pk}/" not in shown
    before = things()

    assert kim.client.post(f"{window_of(ada.user)}two-factor/off/").status_code == 403
    assert kim.client.post(f"{USERS}new/", {"username": "new"}).status_code == 403
    assert carla.client.post(f"{window_of(admin)}two-factor/on/").status_code == 404
    assert carla.client.post(f"{COMPANIES}new/", {"name": "Mine"}).status_code == 403

    assert things() == before


@pytest.mark.row("ASVS-8.3.1")
def test_nobody_deactivates_themselves(carla, administrator):
    for person in (carla, administrator):
        own = f"{USERS}{person.user.pk}/"
        answer = person.client.post(f"{own}deactivate/")

        assert answer.headers["Location"] == own
        assert "You cannot deactivate yourself." in person.client.get(own).content.decode()
        assert User.objects.get(pk=person.user.pk).is_active


@pytest.mark.row("ASVS-8.3.2")
@pytest.mark.parametrize("rule", ["user", "company"])
def test_sign_out_now_brings_a_new_rule_at_once(rule, kim, administrator, company):
    kim.sign_in()
    path = f"{COMPANIES}{company.pk}/" if rule == "company" else window_of(kim.user)

    assert administrator.client.post(f"{path}two-factor/on/", {"sign_out": "on"}).status_code == 302

    assert kim.client.get("/portal/").status_code == 302
    kim.enter_password()
    assert kim.asked_for == SETUP


@pytest.mark.row("ASVS-8.3.3")
def test_every_act_is_its_actors(kim, carla, administrator):
    for person in (carla, administrator):
        User.objects.filter(pk=kim.user.pk).update(two_factor_enabled=False)
        person.client.post(f"{window_of(kim.user)}two-factor/on/", {"actor": str(kim.user.pk)})
        assert AuditEvent.objects.get(action="two_factor_enabled", actor=person.user).subject == kim.user

    assert not AuditEvent.objects.filter(action="two_factor_enabled", actor=kim.user).exists()


@pytest.mark.row("ASVS-8.4.1")
def test_a_company_sees_nothing_of_another(carla, foreigners, kim):
    paths = [
        "/settings/",
        USERS,
        f"{USERS}?q=x",
        f"{USERS}?company={foreigners[0].user.company_id}",
        *(f"{USERS}?show={state}" for state in ("set_up", "asked", "off", "requested", "inactive")),
        COMPANIES,
        f"{COMPANIES}?q=nordwind",
        f"{COMPANIES}{carla.user.company_id}/",
        window_of(kim.user),
    ]
    shown = " ".join(carla.client.get(path).content.decode() for path in paths)

    assert "kim" in shown
    assert not [person.user.username for person in foreigners if f">{person.user.username}<" in shown]
    assert "Nordwind" not in shown
    assert set(User.objects.managed_by(carla.user).values_list("company", flat=True)) == {carla.user.company_id}
    assert list(Company.objects.managed_by(carla.user)) == [carla.user.company]


@pytest.mark.row("ASVS-8.4.2")
def test_administration_wants_role_every_step_and_a_fresh_proof(clock, make_person, kim, admin):
    petra = Person(admin)
    petra.set_up_app()
    act = f"{window_of(kim.user)}two-factor/on/"
    before = things()

    petra.enter_password()
    assert petra.client.post(act).headers["Location"].startswith("/login/"), "not before every step"
    petra.enter_code(petra.codes[0])
    clock.shift(15 * 60 + 1)
    assert petra.client.post(act).headers["Location"].startswith("/confirm/"), "not without a fresh proof"
    User.objects.filter(pk=admin.pk).update(role=Role.MEMBER)
    petra.client.post("/confirm/", {"code": petra.codes[1]})
    assert petra.client.post(act).status_code == 403, "not without the role"
    assert things()["User"] == [row | {"role": "member"} if row["id"] == admin.pk else row for row in before["User"]]

    User.objects.filter(pk=admin.pk).update(role=Role.ADMINISTRATOR)
    assert petra.client.post(act).status_code == 302
    assert User.objects.get(pk=kim.user.pk).two_factor_enabled


@pytest.mark.row("ASVS-8.4.2")
def test_acts_on_a_company_reach_nobody_of_a_higher_role(clock, carla, make_person, company):
    """An administrator may belong to a company: its administrators decide the company's rule, and nothing about them."""
    above = make_person("olga", role=Role.ADMINISTRATOR, two_factor_enabled=True)
    beside = make_person("lee", two_factor_enabled=True)
    above.add_passkey()
    above.use_passkey()
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=True)
    before = User.objects.get(pk=above.user.pk).session_epoch

    page = carla.client.get(f"{COMPANIES}{company.pk}/two-factor/off/").content.decode()
    assert ">1</a> user switched on individually" in page
    assert carla.client.post(f"{COMPANIES}{company.pk}/two-factor/off/", {"sign_out": "on"}).status_code == 302

    there = User.objects.get(pk=above.user.pk)
    assert (there.two_factor_enabled, there.session_epoch) == (True, before)
    assert not User.objects.get(pk=beside.user.pk).two_factor_enabled


@pytest.mark.row("ASVS-8.4.1")
def test_what_was_done_in_an_earlier_company_stays_there(carla, kim, company, other_company, administrator):
    User.objects.filter(pk=kim.user.pk).update(company=other_company)
    moved = User.objects.select_related("company").get(pk=kim.user.pk)
    people.end_sessions(moved, actor=administrator.user)
    User.objects.filter(pk=kim.user.pk).update(company=company)
    people.end_sessions(User.objects.get(pk=kim.user.pk), actor=carla.user)

    theirs = carla.client.get(f"{USERS}{kim.user.pk}/mfa/").content.decode()
    everything = administrator.client.get(f"{USERS}{kim.user.pk}/mfa/").content.decode()

    assert theirs.count("ended all sessions of Kim Hansen") == 1
    assert everything.count("ended all sessions of Kim Hansen") == 2
