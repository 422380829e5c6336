"""What was done to many is one line wherever lines are listed: of all of them, or of those of a company."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts import people
from accounts.models import Role, User
from audit.models import AuditEvent
from audit.recording import as_part_of
from companies.bulk import running
from companies.importing import inviting
from companies.importing import running as importing
from companies.importing.models import Import
from companies.models import BulkPerson, BulkRun
from mfa import services
from tests.companies import read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from companies.models import Company
    from tests.companies import Element
    from tests.people import Person

ACTIVITY = "/settings/administration/activity/"
HEAD = "user name,company,role,e-mail\n"
pytestmark = pytest.mark.django_db


def act_on(them: Iterable[User], actor: User, act: str = "require") -> BulkRun:
    """An act on many, done to its end."""
    run = BulkRun.objects.create(owner=actor.pk, act=act, listed=True)
    BulkPerson.objects.bulk_create(BulkPerson(run=run, person=person.pk) for person in them)
    assert running.begin(run, actor=actor, total=len(list(them)), signs_out=False)
    running.work(run.pk)
    run.refresh_from_db()
    return run


def import_of(lines: str, actor: User, **chosen: bool) -> Import:
    """A file, imported to its end."""
    kept = Import.objects.create(
        owner=actor.pk, name="mass.csv", encoding="UTF-8", text=HEAD + lines, lines=lines.count("\n")
    )
    assert importing.begin(kept, actor=actor, **{"invites": False, "requires": False, **chosen})
    importing.work(kept.pk)
    kept.refresh_from_db()
    return kept


def said(part: Element) -> list[str]:
    """What each line of a page says."""
    return [line.all("p")[0].words for line in part.one("main").all("li") if line.all("time")]


def activity(viewer: Person, query: str = "") -> list[str]:
    return said(read(viewer.client.get(f"{ACTIVITY}{query}")))


def recent(viewer: Person, company: Company) -> Element:
    return read(viewer.client.get(f"/settings/administration/companies/{company.pk}/"))


def opened(viewer: Person, page: Element, words: str) -> list[str]:
    """The lines to which the line that says this leads."""
    address = page.one("main").links[words]
    return activity(viewer, address.removeprefix(ACTIVITY))


@pytest.fixture
def them(make_user, company, other_company):
    """Three people here, one of them an administrator of the company, and two elsewhere."""
    here = [make_user("ada"), make_user("ben"), make_user("cleo", role=Role.COMPANY_ADMINISTRATOR)]
    return here + [make_user(name, company=other_company) for name in ("xenia", "yuri")]


@pytest.fixture
def run(them, administrator):
    """Administrators of the site acted on them, as the last thing that happened."""
    return act_on(them, administrator.user)


def test_an_act_on_several_companies_is_one_line_and_in_each_of_them_its_own(
    run, administrator, company, other_company
):
    assert activity(administrator) == ["Petra Vogt required 2FA for 5 users"]
    for here, number in ((company, 3), (other_company, 2)):
        line = f"Petra Vogt required 2FA for {number} users"
        assert activity(administrator, f"?company={here.pk}") == [line]
        assert activity(administrator, f"?company={here.pk}&act=others") == [line]
        assert activity(administrator, f"?company={here.pk}&actor={administrator.user.pk}") == [line]
        page = recent(administrator, here)
        assert said(page) == [line]
        assert len(opened(administrator, page, f"required 2FA for {number} users")) == number
    page = read(administrator.client.get(ACTIVITY))
    assert len(opened(administrator, page, "required 2FA for 5 users")) == 5


def test_an_administrator_of_a_company_sees_those_of_their_own(run, carla, company):
    for page in (read(carla.client.get(ACTIVITY)), recent(carla, company)):
        assert said(page) == ["Petra Vogt required 2FA for 3 users"]
        assert sorted(opened(carla, page, "required 2FA for 3 users")) == [
            f"Petra Vogt switched two-factor authentication on for {name}" for name in ("ada", "ben", "cleo")
        ]


def test_a_helpdesk_counts_those_whom_it_sees(run, make_person, company, administrator, them):
    hanna = make_person("hanna", role=Role.HELPDESK)
    hanna.sign_in()
    assert "Petra Vogt required 2FA for 2 users" in said(recent(hanna, company))
    assert "required 2FA for 2 users" not in recent(hanna, company).one("main").links, "Activity is not theirs"

    act_on([them[2]], administrator.user, "stop")
    assert not [line for line in said(recent(hanna, company)) if "stopped" in line]


def test_what_a_site_filtered_by_and_its_file_are_not_the_companys_to_read(them, administrator, carla):
    run = BulkRun.objects.create(
        owner=administrator.user.pk, act="require", asked={"q": "Secret"}, begun_at="2026-11-29T00:00Z"
    )
    running._end(BulkRun.objects.filter(pk=run.pk), "")
    import_of("dora,Acme Machines,member,\n", administrator.user)

    for asked in ("", "?act=all&time=any"):
        answer = carla.client.post(f"{ACTIVITY}export/{asked}", {"form": "jsonl"})
        lines = b"".join(answer.streaming_content).decode()
        assert "import" in lines
        assert "Secret" not in lines
        assert "mass.csv" not in lines
    assert "Petra Vogt imported 1 user" in activity(carla)


def test_a_run_that_is_not_over_shows_its_lines_in_a_company_too(them, administrator, carla, company):
    begun = {"owner": administrator.user.pk, "act": "require", "listed": True, "begun_at": timezone.now()}
    run = BulkRun.objects.create(**begun)
    BulkPerson.objects.create(run=run, person=them[0].pk)
    with as_part_of(run.pk):
        running._step(run, administrator.user)

    for viewer in (administrator, carla):
        for lines in (activity(viewer), said(recent(viewer, company))):
            assert lines == ["Petra Vogt switched two-factor authentication on for ada"]


# --- Imports ---


def test_an_import_is_one_line_that_opens_to_its_people(administrator, carla, company):
    import_of("dora,Acme Machines,member,\nemil,Acme Machines,member,\n", administrator.user, requires=True)

    line = "imported 2 users"
    assert activity(administrator) == [f"Petra Vogt {line} from the file “mass.csv”"]
    assert activity(administrator, f"?company={company.pk}") == [f"Petra Vogt {line} from the file “mass.csv”"]
    assert activity(carla) == [f"Petra Vogt {line}"]
    for viewer, words in ((administrator, f"{line} from the file “mass.csv”"), (carla, line)):
        for page in (read(viewer.client.get(ACTIVITY)), recent(viewer, company)):
            assert sorted(opened(viewer, page, words)) == [
                "Petra Vogt created the user dora",
                "Petra Vogt created the user emil",
                "Petra Vogt switched two-factor authentication on for dora",
                "Petra Vogt switched two-factor authentication on for emil",
            ]


def test_who_was_created_alone_stands_beside_an_import(administrator, carla, company):
    import_of("dora,Acme Machines,member,\n", administrator.user)
    people.create_user(User(username="solo", company=company), actor=administrator.user)

    for viewer in (administrator, carla):
        lines = activity(viewer, "?act=others")
        assert "Petra Vogt created the user solo" in lines
        assert "Petra Vogt created the user dora" not in lines
        assert len(lines) == 2
    assert "Petra Vogt created the user dora" in activity(carla, "?act=user_created"), "one act alone shows each"


def test_an_import_into_several_companies_has_a_line_in_each(administrator, company, other_company):
    import_of(
        f"dora,Acme Machines,member,\nemil,{other_company.name},member,\nfay,{other_company.name},member,\n",
        administrator.user,
    )
    assert activity(administrator) == ["Petra Vogt imported 3 users from the file “mass.csv”"]
    assert activity(administrator, f"?company={other_company.pk}") == ["Petra Vogt imported 2 users"]
    assert activity(administrator, f"?company={company.pk}&act=users_imported") == ["Petra Vogt imported 1 user"]


def test_who_is_invited_later_is_a_line_of_their_own_number(administrator, monkeypatch):
    monkeypatch.setattr(inviting.budgets, "left", lambda _lane: (0, 0))
    kept = import_of(
        "".join(f"d{n},Acme Machines,member,d{n}@acme.example\n" for n in range(3)), administrator.user, invites=True
    )
    assert len(kept.uninvited) == 3
    monkeypatch.undo()
    assert inviting.begin_inviting(kept, actor=administrator.user)
    inviting.invite_the_rest(kept.pk)

    assert activity(administrator) == [
        "Petra Vogt invited 3 imported users",
        "Petra Vogt imported 3 users from the file “mass.csv”",
    ]


# --- Whatever else ---


def test_a_click_is_no_act_on_many(administrator, kim, company):
    services.enable_two_factor(kim.user, actor=administrator.user)
    line = "Petra Vogt switched two-factor authentication on for Kim Hansen"
    assert said(recent(administrator, company)) == [line]


def test_a_run_of_another_company_opens_to_nothing(run, carla, other_company):
    assert len(activity(carla, f"?time=any&run={run.pk}")) == 3
    assert activity(carla, f"?time=any&run={run.pk}&company={other_company.pk}") == []
    assert activity(carla, f"?time=any&run={uuid4()}") == []
    assert AuditEvent.objects.filter(action="many_acted_on").count() == 3
