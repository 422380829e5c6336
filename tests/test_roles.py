"""Every address of the Settings app with every role, of the site and of a company: the table of accounts/permissions.py.

Which addresses there are comes from the resolver, what each needs from its view's mark, who has that from the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.urls import resolve

from accounts.guards import settings_app
from accounts.models import Role, User
from accounts.permissions import OF_ROLE, WHO_MAY, Permission
from accounts.roles import FOR_EITHER, RANKS, up_to
from companies.bulk.acts import MASS_ACTS
from companies.bulk.models import BulkPerson, BulkRun
from companies.forms import UserForm
from companies.importing import reading
from companies.importing.running import keep
from companies.models import Company
from companies.views.companies import overview
from tests.accounts.walk import everything, pages
from tests.companies import COMPANIES, USERS, read
from tests.scenes import FORM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.accounts.walk import Page
    from tests.companies import Element
    from tests.people import Person

SITE, COMPANY = "site", "company"
HOLDERS = [
    (Role.ADMINISTRATOR, SITE),
    (Role.ADMINISTRATOR, COMPANY),
    (Role.COMPANY_ADMINISTRATOR, COMPANY),
    *((role, scope) for role in sorted(FOR_EITHER) for scope in (SITE, COMPANY)),
    (Role.MEMBER, COMPANY),
]
NAMES = [f"{role} of the {scope}" for role, scope in HOLDERS]
SHOWN = {"settings:user", "settings:user_mfa:window"}
FILLED = "sign_out=on&keep=on&name=Somebody"


def in_settings() -> list[Page]:
    return [page for page in pages() if page.name.startswith("settings:")]


@pytest.fixture
def holder(request, make_person, company):
    """Somebody of the role and scope that are asked for, signed in just now."""
    role, scope = request.param
    person = make_person("holly", role=role, company=company if scope == COMPANY else None)
    person.sign_in()
    return person


@pytest.fixture
def asks(holder, company):
    """What an address answers to the holder about somebody; what it does is undone."""

    text = "user name,company\nxaver,Acme Machines\n"
    of_theirs = keep(holder.user, "people.csv", text, reading.read(text, "UTF-8"))  # an import is its owner's alone
    run = BulkRun.objects.create(owner=holder.user.pk, act="sign_out", listed=True)  # as is an act on many

    def answer(page: Page, method: str, person: Person, of: Company = company) -> int:
        passkey = person.user.passkeys.first()
        parts = {"user_id": person.user.pk, "company_id": of.pk, "import_id": of_theirs.pk, "run_id": run.pk}
        path = page.path(**parts, passkey_id=passkey.pk if passkey else holder.user.pk)
        cookies = holder.client.cookies.copy()
        with transaction.atomic():
            status: int = holder.client.generic(method, path, FILLED, FORM).status_code
            transaction.set_rollback(True)
        holder.client.cookies = cookies
        return status

    return answer


@pytest.fixture
def mia(make_person):
    """A member of the company, with a passkey."""
    person = make_person("mia")
    person.add_passkey()
    return person


def needed(page: Page, method: str) -> Permission:
    to_see, to_change = page.view.permissions
    return to_see if method in {"GET", "HEAD"} else to_change


@pytest.mark.row("ASVS-8.2.1")
@pytest.mark.parametrize("holder", HOLDERS, ids=NAMES, indirect=True)
def test_each_address_opens_to_the_roles_that_have_its_permission(holder, asks, mia):
    held = OF_ROLE[holder.user.role]
    answers = {(page, method): asks(page, method, mia) for page in in_settings() for method in ("GET", "HEAD", "POST")}

    assert len(answers) > 80
    wrong = {
        f"{method} {page.name}: {status}"
        for (page, method), status in answers.items()
        if (status in {200, 302, 400, 405}) != (needed(page, method) in held) or status in {404, 500}
    }
    assert wrong == set()


@pytest.mark.row("ASVS-8.2.1")
@pytest.mark.parametrize("holder", HOLDERS, ids=NAMES, indirect=True)
def test_what_a_role_may_not_do_changes_nothing(holder, mia, company):
    before = everything()

    for page in in_settings():
        passkey = mia.user.passkeys.get().pk
        path = page.path(user_id=mia.user.pk, company_id=company.pk, passkey_id=passkey)
        if needed(page, "POST") not in OF_ROLE[holder.user.role]:
            assert holder.client.post(path, {"name": "Mine", "sign_out": "on"}).status_code == 403, page.name

    assert everything() == before


@pytest.mark.row("ASVS-8.2.2")
@pytest.mark.parametrize("holder", HOLDERS, ids=NAMES, indirect=True)
def test_whoever_is_of_a_higher_role_or_another_company_does_not_exist(
    holder, asks, make_person, company, other_company
):
    """For those who look, too: what does not exist has no page. Auditors see upwards, and change nothing there."""
    role, of_site = holder.user.role, holder.user.company_id is None
    others = [(make_person(f"{one}.here", role=one), company) for one in Role]
    others += [(make_person(f"{one}.there", role=one, company=other_company), other_company) for one in Role]
    everywhere = role == Role.ADMINISTRATOR or (role in FOR_EITHER and of_site)
    highest = Role.ADMINISTRATOR if everywhere else Role.COMPANY_ADMINISTRATOR
    reached = up_to(highest if role == Role.AUDITOR else role)
    about = [page for page in in_settings() if page.has("user_id") and not page.has("passkey_id")]
    for person, of in others:
        exists = role != Role.MEMBER and person.user.role in reached and (of == company or everywhere)
        for page in about if not exists else [page for page in about if page.name in SHOWN]:
            method = "POST" if "POST" in page.methods and not exists else "GET"
            allowed = needed(page, method) in OF_ROLE[role]
            expected = 403 if not allowed else 200 if exists else 404
            assert asks(page, method, person, of) == expected, (page.name, method, person.user.username)


@pytest.mark.row("ASVS-8.2.2")
@pytest.mark.parametrize("holder", HOLDERS, ids=NAMES, indirect=True)
def test_another_company_does_not_exist_either(holder, asks, mia, other_company):
    everywhere = holder.user.role == Role.ADMINISTRATOR or holder.user.company_id is None

    for page in in_settings():
        if page.has("company_id"):
            allowed = needed(page, "GET") in OF_ROLE[holder.user.role]
            assert asks(page, "GET", mia, other_company) == (200 if everywhere else 404) if allowed else 403, page.name


@pytest.mark.row("ASVS-8.2.1")
@pytest.mark.parametrize("act", MASS_ACTS)
@pytest.mark.parametrize("holder", HOLDERS, ids=NAMES, indirect=True)
def test_what_may_be_done_to_one_may_be_done_to_many_and_nothing_else(holder, act, mia):
    run = BulkRun.objects.create(owner=holder.user.pk, act=act, listed=True)
    BulkPerson.objects.create(run=run, person=mia.user.pk)
    before = everything()

    status = holder.client.post(f"{USERS}bulk/{run.pk}/", {"shown": "9"}).status_code

    run.refresh_from_db()
    if {Permission.BULK, MASS_ACTS[act].needs} <= OF_ROLE[holder.user.role] and holder.user.opens_settings:
        assert status in {200, 302}, "it begins, or the page says that it would change nobody"
        assert run.begun_at is not None or act not in {"require", "request", "sign_out"}
    else:
        assert (status in {403, 404}, run.begun_at) == (True, None)
        assert everything() == before


def test_every_permission_is_somebodys_and_every_role_but_the_member_has_some():
    assert {permission for permission, roles in WHO_MAY.items() if not roles} == {Permission.OWN}
    assert {role for role in Role if not OF_ROLE[role]} == {Role.MEMBER}
    assert set(WHO_MAY) == set(Permission)
    assert set(RANKS) == set(Role)


def test_a_higher_rank_may_do_all_that_a_lower_one_may_but_for_the_auditor_who_reads_more():
    helpdesk, company_administrator, administrator = (OF_ROLE[role] for role in RANKS[2:])

    assert helpdesk < company_administrator < administrator
    assert OF_ROLE[Role.AUDITOR] == {Permission.LOOK, Permission.ACTIVITY, Permission.EXPORT}


@pytest.mark.row("ASVS-8.3.1")
@pytest.mark.parametrize("holder", HOLDERS, ids=NAMES, indirect=True)
def test_no_form_offers_a_role_above_ones_own_and_none_offers_ones_own(holder, mia):
    offered = UserForm(instance=mia.user, actor=holder.user, companies=Company.objects.all()).fields["role"].choices
    own = UserForm(instance=holder.user, actor=holder.user, companies=Company.objects.all())

    assert [role for role, _label in offered] == list(up_to(holder.user.role))
    assert not {"role", "company"} & own.fields.keys()


# --- What their pages offer ---

ACTS = {"New user", "New company", "Sign out everywhere", "Lock the account", "Deactivate", "Send a password reset"}


def offered(page):
    return {found.label for tag in ("a", "button") for found in page.all(tag) if "disabled" not in found.attrs}


@pytest.mark.parametrize(
    ("holder", "theirs"),
    [
        ((Role.AUDITOR, SITE), set()),
        ((Role.AUDITOR, COMPANY), set()),
        ((Role.HELPDESK, SITE), {"Sign out everywhere", "Send a password reset"}),
        ((Role.HELPDESK, COMPANY), {"Sign out everywhere", "Send a password reset"}),
        ((Role.COMPANY_ADMINISTRATOR, COMPANY), ACTS - {"New company"}),
        ((Role.ADMINISTRATOR, SITE), ACTS),
    ],
    indirect=["holder"],
)
def test_pages_offer_what_their_reader_may_do_and_say_whose_the_rest_is(holder, theirs, mia, company):
    seen = [read(holder.client.get(path)) for path in (USERS, f"{USERS}{mia.user.pk}/", COMPANIES)]
    window = read(holder.client.get(f"{USERS}{mia.user.pk}/mfa/")).dialog
    page = read(holder.client.get(f"{COMPANIES}{company.pk}/"))
    rules = Permission.USER_RULE in OF_ROLE[holder.user.role]

    assert set().union(*map(offered, seen)) & ACTS == theirs
    assert ("Save" in offered(seen[1])) == rules
    assert ("Two-factor authentication" in offered(window)) == rules
    assert ("Delete passkey Unknown browser" in offered(window)) == rules
    assert ("Request new passkey" in offered(window)) == rules
    assert ("Administrators decide this." in window.words) != rules
    assert ("Two-factor authentication" in offered(page)) == rules
    assert ("Administrators decide this." in page.words) != rules


def leads_to(page: Element) -> Iterator[tuple[str, str]]:
    """Method and address of each link, and of each form with a button that can be pressed."""
    yield from (("GET", link.attrs["href"]) for link in page.all("a"))
    for form in page.all("form"):
        if any("disabled" not in button.attrs for button in form.all("button")):
            yield form.attrs.get("method", "get").upper(), form.attrs.get("action", "")


@pytest.mark.parametrize("holder", HOLDERS, ids=NAMES, indirect=True)
def test_no_page_offers_what_its_reader_would_be_refused(holder, mia, company):
    """What a page shows is what its reader may open, and what can be pressed is what they may do."""
    held, met = OF_ROLE[holder.user.role], 0
    parts = {"user_id": mia.user.pk, "company_id": company.pk, "passkey_id": mia.user.passkeys.get().pk}
    for page in in_settings():
        answer = holder.client.get(page.path(**parts))
        if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("text/html"):
            continue
        for method, address in leads_to(read(answer)):
            path = address.partition("?")[0].partition("#")[0] or answer.request["PATH_INFO"]
            if path.startswith("/settings/"):
                view = resolve(path).func
                assert view.permissions[method == "POST"] in held, (page.name, method, address)
                met += 1
    assert met > 50 or not held


@pytest.mark.parametrize("holder", [(Role.AUDITOR, SITE), (Role.HELPDESK, COMPANY)], indirect=True)
def test_a_locked_account_is_said_and_who_can_open_it(holder, mia):
    mia.user.locked_at = mia.user.created_at
    mia.user.save()

    for path in (f"{USERS}{mia.user.pk}/", f"{USERS}{mia.user.pk}/mfa/"):
        page = read(holder.client.get(path))
        assert "Administrators can let mia in again." in page.words
        assert not [address for address in page.links.values() if "let-in" in address]
    assert not [address for address in read(holder.client.get(USERS)).links.values() if "let-in" in address]


@pytest.mark.parametrize("holder", [(Role.AUDITOR, COMPANY), (Role.HELPDESK, SITE)], indirect=True)
def test_on_oneself_no_permission_is_asked_for(holder):
    """Whoever finds themselves in the list has their own window there, as under User settings."""
    answer = holder.client.post(f"{USERS}{holder.user.pk}/mfa/two-factor/on/")

    assert answer.status_code == 302
    assert User.objects.get(pk=holder.user.pk).two_factor_enabled
    assert holder.client.post(f"{USERS}{holder.user.pk}/deactivate/").status_code == 403


@pytest.mark.parametrize("holder", [(Role.AUDITOR, SITE)], indirect=True)
def test_who_may_not_do_something_is_told_that_it_is_their_role(holder, mia):
    answer = holder.client.post(f"{USERS}{mia.user.pk}/", {"first_name": "Mine"})

    assert answer.status_code == 403
    assert "You are not allowed to do this" in read(answer, 403).words


def test_a_guard_that_names_no_permission_is_none():
    with pytest.raises(ValueError, match="is not a valid Permission"):
        settings_app(overview)
