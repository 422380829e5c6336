"""The Settings app's first page: what needs attention, how far people got, and who is furthest behind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts import people
from accounts.addresses import ADDRESS_MAIL
from accounts.models import OwedMail, Role, User
from accounts.not_me import Claim
from accounts.owed import Draft, owe
from accounts.people import report_not_me
from accounts.roles import seen_roles
from audit.models import AuditEvent
from companies import services as companies_services
from companies.listing.kinds import Kind, role_of
from companies.listing.numbers import Numbers
from companies.models import Company, Snapshot
from companies.queries import Coverage
from companies.snapshots.reading import covered
from mfa import services
from mfa.models import RecoveryCode
from reporting.taking import take_missing, take_snapshot
from tests.companies import COMPANIES, USERS, read
from tests.people import PASSWORD, Person

HOME = "/settings/"
A_DAY = timedelta(days=1)


def overview(person):
    return read(person.client.get(HOME))


def attention(person):
    """What needs attention, in words."""
    return overview(person).words.partition("Needs attention")[2].partition("Two-factor authentication over time")[0]


def days_go_by(clock, days):
    """Each night the numbers are kept."""
    for _ in range(days):
        clock.shift(A_DAY)
        take_missing()


@pytest.fixture
def petra(clock, admin):
    """Signed in; `clock` moves, so she signs in again where that matters."""
    person = Person(admin)
    person.sign_in()
    return person


# --- What needs attention ---


def test_what_needs_attention_comes_with_its_number_and_leads_to_just_these(petra, make_person, admin):
    names = ("locked", "one_way", "few", "asked", "never", "wanted")
    who = {name: make_person(name) for name in names}
    for name in ("locked", "one_way", "few", "asked", "wanted"):
        who[name].enter_password()
    people.lock_user(who["locked"].user, actor=admin)
    who["one_way"].set_up_app()
    who["few"].set_up_app()
    who["few"].add_passkey()
    RecoveryCode.objects.filter(user=who["few"].user).update(used_at=timezone.now())
    services.enable_two_factor(who["asked"].user, actor=admin)
    services.request_passkey(who["wanted"].user, actor=admin)
    links = overview(petra).links

    for text, chip, name in (
        ("1 account is locked", "locked", "locked"),
        ("1 person has only one way in", "one_way", "one_way"),
        ("1 person has two recovery codes left, one or none", "few_codes", "few"),
        ("1 person will be asked", "asked", "asked"),
        ("1 person has never signed in", "never", "never"),
        ("1 passkey request is open", "requested", "wanted"),
    ):
        assert links[text] == f"{USERS}?show={chip}"
        [row] = read(petra.client.get(links[text])).rows
        assert name in row[0], text


def test_few_recovery_codes_are_two_one_or_none(petra, make_person):
    for left in range(4):
        someone = make_person(f"with{left}")
        someone.set_up_app()
        used = someone.user.recovery_codes.values_list("pk", flat=True)[left:]
        RecoveryCode.objects.filter(pk__in=list(used)).update(used_at=timezone.now())

    link = overview(petra).links["3 people have two recovery codes left, one or none"]
    rows = read(petra.client.get(link)).rows

    assert sorted({word for row in rows for word in row[0].split() if word.startswith("with")}) == [
        "with0",
        "with1",
        "with2",
    ]


def test_it_says_how_many_said_that_it_was_not_them(petra, make_person, admin):
    for name in ("ben", "eva"):
        people.lock_user(make_person(name).user, actor=admin)
    kim = make_person("kim", last_sign_in_at=timezone.now())
    services.enable_two_factor(kim.user, actor=admin)
    event = AuditEvent.objects.filter(subject=kim.user).latest("pk")
    report_not_me(Claim(event, kim.user.email), about="x")

    page = overview(petra)
    links = page.links
    assert "3 accounts are locked They can sign in again once an administrator lets them in." in page.words
    assert (links["3 accounts are locked"], links["1 person said “This wasn’t me”"]) == (
        f"{USERS}?show=locked",
        f"{USERS}?only=not_me",
    )


def test_a_row_that_leads_somewhere_leads_to_one_place(petra, make_person, admin):
    """Its link is as large as the row: a second one would take its place."""
    test_it_says_how_many_said_that_it_was_not_them(petra, make_person, admin)

    rows = [row for part in overview(petra).all("ul", **{"class": "items links"}) for row in part.all("li")]
    assert len(rows) > 3
    assert [row.words for row in rows if len(row.all("a")) > 1] == []


def test_where_nothing_needs_attention_it_says_so(petra, company):
    assert "Needs attention Nothing at the moment." in overview(petra).words


def test_mail_that_waits_for_ten_minutes_is_said_to_the_sites_administrators_alone(petra, carla, company):
    owe((Draft(f"p{one}@acme.example", "Hello", ADDRESS_MAIL, "en") for one in range(3)), cause="kim")
    assert "to be delivered" not in attention(petra), "it was owed just now"

    OwedMail.objects.update(created_at=timezone.now() - timedelta(minutes=25))

    OwedMail.objects.filter(pk=OwedMail.objects.latest("pk").pk).update(
        fate="failed", ended_at=timezone.now(), sealed=None
    )

    words = "mails wait to be delivered The first has waited for 25 minutes. The mail server or the worker may be down: see the log."
    given_up = (
        "mail was not delivered The mail server refused them for good, or for three days. The log says which, and why."
    )
    said = attention(petra)
    assert words in said
    assert given_up in said
    assert "deliver" not in overview(carla).words


# --- What waits ---


def a_task(minutes):
    """One that nobody has begun for so long."""
    task = DBTaskResult.objects.create(
        status="READY", task_path="x", args_kwargs={"args": [], "kwargs": {}}, backend_name="default",
        exception_class_path="", traceback="",
    )  # fmt: skip
    DBTaskResult.objects.filter(pk=task.pk).update(enqueued_at=timezone.now() - timedelta(minutes=minutes))


def test_what_waits_is_said_when_nothing_does(petra, company):
    OwedMail.objects.all().delete()

    words = overview(petra).words

    assert "Mail and background work 0 0 mails wait to be delivered Nothing waits." in words
    assert "0 acts on many people or imports wait Nothing waits." in words
    assert "0 mails were given up in the last three days None was refused for good, or for three days." in words


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, "The first has waited for less than a minute."),
        (1, "The first has waited for 1 minute."),
        (4, "The first has waited for 4 minutes."),
        (25, "The first has waited for 25 minutes. Have somebody run “m2v doctor” on the server:"),
    ],
)
def test_what_waits_is_said_with_its_number_and_for_how_long(minutes, said, petra, company):
    OwedMail.objects.all().delete()
    owe([Draft("kim@acme.example", "x", ADDRESS_MAIL, "en", {})], cause="x")
    owe([Draft("max@acme.example", "x", ADDRESS_MAIL, "en", {})], cause="y")
    OwedMail.objects.filter(cause="x").update(created_at=timezone.now() - timedelta(minutes=minutes))
    a_task(minutes)

    page = overview(petra)

    assert f"2 mails wait to be delivered {said}" in page.words
    assert f"1 act on many people or import waits {said}" in page.words


def test_mail_that_failed_comes_with_what_to_do(petra, company):
    owe([Draft("kim@acme.example", "x", ADDRESS_MAIL, "en", {})], cause="x")
    OwedMail.objects.update(ended_at=timezone.now(), fate="failed", sealed=None)

    assert (
        "1 mail was given up in the last three days The log of m2v.mail says which, and why. Correct the address on the "
        "person’s page, and send again what they need" in overview(petra).words
    )


def test_mail_that_mailboxes_refuse_is_said_apart(petra, company):
    OwedMail.objects.all().delete()
    owe([Draft("kim@acme.example", "x", ADDRESS_MAIL, "en", {})], cause="x")
    OwedMail.objects.update(mailbox_refuses=True)

    assert (
        "1 mail waits to be delivered 1 is refused by its own mailbox for now, and tried again for three days."
        in overview(petra).words
    )


def test_what_waits_is_for_the_sites_administrators(carla, make_person, company):
    assert "Mail and background work" not in overview(carla).words
    for role in (Role.HELPDESK, Role.AUDITOR):
        other = make_person(role, role=role, company=None)
        other.sign_in()
        assert "Mail and background work" not in overview(other).words


def test_mail_that_its_own_mailbox_refuses_needs_nobodys_attention(petra, company):
    owe([Draft("full@acme.example", "Hello", ADDRESS_MAIL, "en")], cause="kim")
    OwedMail.objects.update(created_at=timezone.now() - timedelta(hours=5), mailbox_refuses=True)

    assert "to be delivered" not in attention(petra)


def test_a_new_installation_says_how_to_begin(petra):
    Company.objects.all().delete()
    page = overview(petra)

    assert "Nobody else is here yet" in page.words
    assert page.links["New company"] == f"{COMPANIES}new/"
    assert page.links["Import users"] == f"{USERS}import/"
    assert "Needs attention" not in page.words
    assert page.all("svg", role="img")[0].label.startswith("0 of 1 users")


# --- How far people got ---


def test_the_share_over_time_is_a_line_with_its_words_and_the_table_behind_it(clock, petra, make_person, company):
    for name in ("kim", "ben", "eva"):
        make_person(name)
    assert "is drawn here from" in overview(petra).words
    days_go_by(clock, 2)
    Person(User.objects.get(username="kim")).set_up_app()
    days_go_by(clock, 1)
    companies_services.enable_company_two_factor(company, actor=petra.user)
    Person(User.objects.get(username="ben")).set_up_app()
    petra.sign_in()
    page = overview(petra)

    picture = next(found for found in page.all("svg", role="img") if "aria-labelledby" in found.attrs)
    assert picture.one("title").words == "Users set up over time, in percent"
    assert "0% on 4 May 2026, 50% today; with those who will be asked, 75% today." in picture.one("desc").words
    rows = [[row.one("th").words, *(cell.words for cell in row.all("td"))] for row in page.one("tbody").all("tr")]
    assert rows == [
        ["Today", "4", "2", "50%", "3", "75%"],
        ["6 May 2026", "4", "1", "25%", "1", "25%"],
        ["5 May 2026", "4", "0", "0%", "0", "0%"],
        ["4 May 2026", "4", "0", "0%", "0", "0%"],
    ]


def test_a_companys_page_has_its_own_line(clock, petra, make_person, company, other_company):
    make_person("kim").set_up_app()
    make_person("nora", company=other_company)
    days_go_by(clock, 1)
    petra.sign_in()

    for one, share in ((company, "100%"), (other_company, "0%")):
        page = read(petra.client.get(f"{COMPANIES}{one.pk}/"))
        assert f"{share} on 4 May 2026, {share} today" in page.words


def test_a_year_is_drawn_in_few_points(clock, petra, kim, company):
    take_snapshot(timezone.localdate())
    first = Snapshot.objects.get(whole=True)
    for days in range(1, 300):
        Snapshot.objects.create(day=first.day + days * A_DAY, whole=True, until=first.until, kinds=first.kinds)
    clock.shift(300 * A_DAY)
    petra.sign_in()
    rows = overview(petra).one("table").all("tr")

    assert 20 <= len(rows) <= 28


def test_everybody_sees_the_past_of_those_whom_they_see_now(clock, petra, carla, make_person, other_company):
    make_person("nora", company=other_company).set_up_app()
    days_go_by(clock, 1)
    helpdesk = make_person("hana", company=None, role=Role.HELPDESK)
    numbers = {}
    for person in (petra, carla, helpdesk):
        person.sign_in()
        numbers[person.user.username] = [cell.words for cell in overview(person).one("table").all("tr")[-1].all("td")][
            :2
        ]

    assert numbers == {"petra": ["3", "1"], "carla": ["1", "0"], "hana": ["1", "1"]}  # no administrators for a helpdesk


@pytest.mark.parametrize("demanded", [True, False])
@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.HELPDESK])
def test_a_past_day_counts_every_kind_as_lists_do(role, demanded, make_user):
    viewer = make_user("eve", role=role, company=None)
    kinds = range(2 * max(Kind))
    row = Snapshot(kinds={str(kind): [kind + 1, kind // 3] for kind in kinds}, demanded=demanded)
    numbers = Numbers({kind: kind + 1 for kind in kinds}, {kind: kind // 3 for kind in kinds}, demanded)
    expected = Coverage.of(numbers.kept(lambda kind: role_of(kind) in seen_roles(viewer)))

    found = covered(row, viewer)
    assert (found.all, found.set_up, found.asked, found.off) == (
        expected.all,
        expected.set_up,
        expected.asked,
        expected.off,
    )


# --- Logins ---


def test_logins_and_refusals_of_a_week_are_counted_and_the_week_before_is_told(clock, petra, make_person, company):
    kim = make_person("kim")
    Person(kim.user).enter_password("wrong")
    days_go_by(clock, 7)
    kim.set_up_app()
    for _ in range(2):
        Person(kim.user).enter_password("wrong")
    kim.enter_password()
    kim.enter_code()
    days_go_by(clock, 1)
    petra.sign_in()
    page = overview(petra)

    assert "Logins by method, 7 days up to yesterday A password and a code 1" in page.words
    assert (
        "Refused logins, 7 days up to yesterday Show all refused logins 2 of 3; the week before 1 of 2. Today so far: 0"
        in page.words
    )
    shown = read(petra.client.get(page.links["Show all refused logins"]))
    assert len([line for line in shown.one("main").all("li") if line.all("time")]) == 2, "the same days"
    assert AuditEvent.objects.filter(action="refused").count() == 3


@pytest.mark.parametrize(("number", "said"), [(3, "3"), (1000, "1,000"), (1001, "more than 1,000")])
def test_an_attack_of_today_is_in_a_number_that_leads_to_it(petra, company, kim, number, said):
    AuditEvent.objects.bulk_create(
        AuditEvent(action="refused", subject=kim.user, company=company, details={"methods": ["password"]})
        for _ in range(number)
    )

    page = overview(petra)

    assert f"Today so far: {said} refused logins" in page.words
    assert page.links[f"{said} refused logins"].endswith("activity/?act=refused&time=today")


@pytest.mark.parametrize("home", [True, False])
def test_a_helpdesk_is_told_that_logins_are_everybodys(clock, make_person, company, other_company, admin, home):
    hanna = make_person("hanna", role=Role.HELPDESK, company=company if home else None)
    carla = make_person("carla", role=Role.COMPANY_ADMINISTRATOR)
    AuditEvent.objects.create(action="refused", subject=carla.user, company=company, details={"methods": ["password"]})
    AuditEvent.objects.create(action="refused", company=other_company, details={"methods": ["password"]})
    for person, told in ((hanna, True), (carla, False), (Person(admin), False)):
        person.sign_in()
        page = overview(person)
        assert ("Everybody’s, of those too whom you do not see." in page.words) is told
        assert f"Today so far: {1 if person is carla or (person is hanna and home) else 2}" in page.words


def test_reasons_are_told_apart_from_what_was_shown(clock, petra, make_person, admin):
    kim = make_person("kim")
    people.lock_user(kim.user, actor=admin)
    kim.enter_password(PASSWORD)
    days_go_by(clock, 1)
    petra.sign_in()

    assert "Account locked or deactivated 1" in overview(petra).words


# --- Who is furthest behind ---


def test_companies_furthest_behind_come_first_with_who_is_left_beside_them(clock, petra, make_person, company):
    def people_of(name, number, done, *, required=False):
        made = Company.objects.create(name=name)
        for each in range(number):
            person = make_person(f"{name}{each}", company=made)
            if each < done:
                person.set_up_app()
        if required:
            companies_services.enable_company_two_factor(made, actor=petra.user)
        return made

    half = people_of("Half", 2, 1, required=True)
    none = people_of("None", 2, 0)
    larger = people_of("Larger", 3, 0)
    people_of("Done", 1, 1)
    page = overview(petra)

    names = [row.all("a")[0].words for row in page.one("ul", **{"class": "items behind"}).all("li")]
    assert names == ["Larger", "None", "Half"]
    assert page.links["Who is left in Half"] == f"{USERS}?company={half.pk}&show=asked"
    assert page.links["Who is left in None"] == f"{USERS}?company={none.pk}&show=off"
    assert len(read(petra.client.get(page.links["Who is left in Larger"])).rows) == 3
    assert "Half 2FA required 1 of 2 set up, 1 asked" in page.words
    assert larger.pk != none.pk


def test_it_says_how_far_a_company_was_four_weeks_ago(clock, petra, make_person, company):
    kim = make_person("kim")
    make_person("ben")
    take_snapshot(timezone.localdate())
    clock.shift(28 * A_DAY)
    kim.set_up_app()
    petra.sign_in()

    assert "1 of 2 set up, 1 not asked · 0% four weeks ago, 50% today" in overview(petra).words


def test_where_nobody_is_left_it_says_so(petra, make_person):
    make_person("kim").set_up_app()

    assert "Nobody is left in any company." in overview(petra).words
