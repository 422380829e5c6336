"""One act on many people: counted first, done in the background, and each person through the service of a click."""

from __future__ import annotations

import csv
import re
import sys
from html import unescape
from io import StringIO
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import OperationalError, transaction
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts import away, background, people
from accounts.background import SILENT_SECONDS
from accounts.models import Role, Session, User
from accounts.throttle.models import Budget
from audit import recording
from audit.models import AuditEvent
from companies.bulk import choosing, running
from companies.bulk.acts import MASS_ACTS
from companies.bulk.counts import count
from companies.bulk.models import BulkPerson
from companies.bulk.shown import among, packed
from companies.models import BulkRun, Company
from companies.services import disable_company_two_factor, enable_company_two_factor
from m2v.unfinished import take_up_unfinished
from mfa import services
from mfa.models import PasskeyRequest
from reporting.activity import Asked
from tests.companies import polled, read

USERS = "/settings/administration/users/"
BULK = f"{USERS}bulk/"


def words(answer):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def tick(person, act, *users, query="", **fields):
    """Tick these rows of the list and choose `act`; the page that follows."""
    ticked = [str(user.pk) for user in users]
    return person.client.post(f"{BULK}{query}", {"act": act, "who": ticked, **fields}, follow=True)


def paste(person, act, text):
    return person.client.post(f"{BULK}names/", {"act": act, "names": text}, follow=True)


@pytest.fixture
def go(django_capture_on_commit_callbacks):
    """`go(person)` says that what was counted is to be done, and waits for the end; the run."""

    def confirm(person, **fields):
        run = BulkRun.objects.filter(owner=person.user.pk, begun_at=None).latest("created_at")
        shown = count(run, person.user).changes
        with django_capture_on_commit_callbacks(execute=True):
            person.client.post(f"{BULK}{run.pk}/", {"shown": shown, **fields})
        run.refresh_from_db()
        return run

    return confirm


def outcomes(run):
    """(user name, or what was pasted, outcome, why) of each."""
    names = dict(User.objects.values_list("pk", "username"))
    rows = BulkPerson.objects.filter(run=run).order_by("pk")
    return {(names.get(each.person, each.name), each.outcome, each.why) for each in rows}


# --- Whom it is for, and what it would do ---


def test_ticked_rows_are_counted_before_anything_is_done(administrator, make_user):
    ada, ben = make_user("ada"), make_user("ben", two_factor_enabled=True)

    page = words(tick(administrator, "require", ada, ben))

    assert "Changes 1 user, skips 1" in page
    assert "1 : Their own 2FA switch is already on" in page
    assert "Nothing is done yet." in page
    assert not User.objects.get(pk=ada.pk).two_factor_enabled


def test_what_was_ticked_is_done_and_said(administrator, make_user, go):
    ada, ben = make_user("ada"), make_user("ben", two_factor_enabled=True)
    tick(administrator, "require", ada, ben)

    run = go(administrator)

    assert outcomes(run) == {("ada", "changed", ""), ("ben", "skipped", "required")}
    assert User.objects.get(pk=ada.pk).two_factor_enabled
    assert run.ended_at
    assert (run.total, run.changed, run.skipped) == (2, 1, 1)


def test_nothing_ticked_is_said(administrator, make_user):
    assert "Tick the users first." in words(tick(administrator, "require"))


def test_all_that_a_filter_finds_are_acted_on(administrator, make_user, other_company, go):
    here = [make_user(f"here{n}") for n in range(30)]
    make_user("elsewhere", company=other_company)
    tick(administrator, "require", query=f"?company={here[0].company_id}", everyone="on")

    run = go(administrator)

    assert run.changed == 30
    assert not User.objects.get(username="elsewhere").two_factor_enabled


def test_all_that_a_search_finds_are_acted_on(administrator, make_user, go):
    for name in ("Hansen", "Hansson", "Meier"):
        make_user(name.lower(), last_name=name)
    tick(administrator, "request", query="?q=hans", everyone="on")

    run = go(administrator)

    assert {name for name, outcome, _ in outcomes(run) if outcome == "changed"} == {"hansen", "hansson"}


@pytest.mark.parametrize("query", ["?company=Acme+Machine", "?show=nonsense", "?role=boss", "?q=%CC%81"])
def test_a_filter_that_there_is_not_lets_nobody_be_acted_on(administrator, make_user, query):
    make_user("ada")

    page = words(tick(administrator, "deactivate", query=query, everyone="on"))

    assert not BulkRun.objects.exists()
    assert "There is no such" in page or "No user matches" in page


@pytest.mark.parametrize("last", ["the page", "the worker"])
def test_a_company_that_is_renamed_meanwhile_is_the_same_one(
    administrator, company, make_user, other_company, go, last
):
    """A name that is nobody's any more, or another company's, leads to no other people."""
    ada = make_user("ada")
    make_user("elsewhere", company=other_company)
    tick(administrator, "deactivate", query=f"?company={company.name}", everyone="on")
    run = BulkRun.objects.get()

    def rename():
        name = company.name
        Company.objects.filter(pk=company.pk).update(name="Acme Group", name_folded="acme group")
        if last == "the worker":
            Company.objects.filter(pk=other_company.pk).update(name=name, name_folded=name.casefold())

    if last == "the page":
        rename()
        go(administrator)
    else:
        running.begin(run, actor=administrator.user, total=1, signs_out=False)
        rename()
        running.work(run.pk)

    active = set(User.objects.filter(is_active=True).values_list("username", flat=True))
    assert active == {"petra", "elsewhere"}
    assert not User.objects.get(pk=ada.pk).is_active


def test_where_more_are_met_than_were_shown_it_asks_again(administrator, company, make_user, go):
    make_user("ada")
    page = tick(administrator, "deactivate", query=f"?company={company.name}", everyone="on")
    [shown] = re.findall(r'name="shown" value="(\d+)"', page.content.decode())
    run = BulkRun.objects.get()
    make_user("ben")
    make_user("cem")

    answer = administrator.client.post(f"{BULK}{run.pk}/", {"shown": shown})

    assert answer.status_code == 409
    assert "By now it is 3 users, not 1. Nothing was done: look at it again." in words(answer)
    assert "Deactivate: 3 users" in words(answer)
    run.refresh_from_db()
    assert run.begun_at is None
    [shown] = re.findall(r'name="shown" value="(\d+)"', answer.content.decode())
    go(administrator, shown=shown)
    assert not User.objects.filter(username__in=["ada", "ben", "cem"], is_active=True).exists()


def test_where_others_are_met_than_were_shown_it_asks_again(administrator, company, other_company, make_user, go):
    """One goes, another comes: the number is the same."""
    ada, ben = make_user("ada"), make_user("ben", company=other_company)
    page = tick(administrator, "deactivate", query=f"?company={company.name}", everyone="on")
    [shown] = re.findall(r'name="shown" value="(\d+)"', page.content.decode())
    run = BulkRun.objects.get()
    User.objects.filter(pk=ada.pk).update(company=other_company)
    User.objects.filter(pk=ben.pk).update(company=company)

    answer = administrator.client.post(f"{BULK}{run.pk}/", {"shown": shown})

    assert answer.status_code == 409
    assert "By now these are not the people you were shown. Nothing was done" in words(answer)
    run.refresh_from_db()
    assert run.begun_at is None
    go(administrator, shown=shown)  # who confirms now was shown ben
    assert outcomes(run) == {("ben", "changed", "")}


def test_whoever_comes_after_it_was_confirmed_is_not_met(administrator, company, make_user, settings):
    settings.TASKS = {"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}}
    make_user("ada")
    tick(administrator, "deactivate", query=f"?company={company.name}", everyone="on")
    run = BulkRun.objects.get()
    administrator.client.post(f"{BULK}{run.pk}/", {"shown": "1"})
    make_user("ben")

    running.work(run.pk)

    run.refresh_from_db()
    assert outcomes(run) == {("ada", "changed", ""), ("ben", "skipped", "later")}
    assert (run.total, run.changed, run.skipped, run.left, run.shown) == (2, 1, 1, 0, None)
    page = words(administrator.client.get(f"{BULK}{run.pk}/"))
    assert "Joined them after you were shown who it is for" in page


def test_whoever_was_shown_is_told_from_whoever_was_not():
    keys = [uuid4() for _ in range(2000)]
    shown = packed(keys[:1000])

    assert len(shown) == 5000
    assert [among(key, shown) for key in keys] == [True] * 1000 + [False] * 1000
    assert not among(keys[0], packed([]))


def test_where_fewer_are_met_than_were_shown_it_goes_on(administrator, make_user, go):
    ada, ben = make_user("ada"), make_user("ben")
    tick(administrator, "require", ada, ben)
    services.enable_two_factor(ada, actor=administrator.user)

    assert go(administrator, shown="2").changed == 1


@pytest.mark.parametrize("shown", ["", "x", "-1", "²", "9" * 5000])
def test_a_number_that_is_none_counts_as_nobody_shown(administrator, make_user, shown):
    tick(administrator, "require", make_user("ada"))
    run = BulkRun.objects.get()

    assert administrator.client.post(f"{BULK}{run.pk}/", {"shown": shown}).status_code == 409
    assert administrator.client.post(f"{BULK}{run.pk}/").status_code == 409
    assert not BulkRun.objects.exclude(begun_at=None).exists()


def test_a_reminder_that_meets_more_asks_again_before_it_takes_from_the_budget(administrator, make_user):
    make_user("ada", two_factor_enabled=True)
    tick(administrator, "remind", query="?show=asked", everyone="on")
    run, before = BulkRun.objects.get(), set(Budget.objects.values_list())

    assert administrator.client.post(f"{BULK}{run.pk}/", {"shown": "0"}).status_code == 409
    assert set(Budget.objects.values_list()) == before


def test_pasted_names_and_addresses_are_found_in_any_form(administrator, make_user, go):
    make_user("ada", email="ada@acme.example")
    make_user("ben")
    make_user("cem", email="cem@acme.example")
    page = words(paste(administrator, "require", "ADA@acme.example, ben;\nCem Özil <cem@acme.example>\nnobody\nBen"))

    assert "Changes 3 users, skips 1" in page
    assert "nobody" in page
    assert outcomes(go(administrator)) == {
        ("ada", "changed", ""),
        ("ben", "changed", ""),
        ("cem", "changed", ""),
        ("nobody", "skipped", "unknown"),
    }


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (
            "kim.hansen; Franz Huber <franz@acme.example>, nobody.here",
            ["kim.hansen", "franz@acme.example", "nobody.here"],
        ),
        ("Franz Huber <franz@acme.example> kim.hansen", ["franz@acme.example", "kim.hansen"]),
        ('"Huber, Franz" <franz@acme.example>, kim.hansen', ["franz@acme.example", "kim.hansen"]),
        (
            "Huber, Franz <franz@acme.example>; Hansen, Kim <kim@acme.example>",
            ["franz@acme.example", "kim@acme.example"],
        ),
        ("<franz@acme.example>,<kim@acme.example>", ["franz@acme.example", "kim@acme.example"]),
        ("kim.hansen franz,ben\tada", ["kim.hansen", "franz", "ben", "ada"]),
    ],
)
def test_names_between_addresses_are_read_too(line, meant):
    assert list(choosing.names_in(line).values()) == meant


def test_pasting_nothing_and_too_much_is_said(administrator, monkeypatch):
    assert "Enter user names or e-mail addresses." in words(paste(administrator, "require", " ,;\n"))
    monkeypatch.setattr(choosing, "MOST_PASTED", 2)
    assert "These are more than 2." in words(paste(administrator, "require", "a b c"))


def test_as_many_as_the_page_says_are_taken_with_the_names_that_mail_programs_write(administrator, make_user):
    make_user("ada", email="ada@acme.example")
    lines = [f"Jürgen Großmann-Öztürk {n} <juergen.{n}@acme.example>" for n in range(choosing.MOST_PASTED - 1)]
    text = ", ".join([*lines, "Ada <ada@acme.example>"])
    assert len(urlencode({"names": text})) > 256 * 1024

    page = words(paste(administrator, "require", text))

    assert "Changes 1 user, skips 4,999" in page
    assert "These are more than 5,000." in words(paste(administrator, "require", f"{text}\none@more"))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("line", ["<" + "@" * 200_000, "<a" + "@" * 200_000, "<a@" * 70_000, "<" + "a" * 200_000])
def test_a_line_that_begins_an_address_and_never_ends_it_takes_no_square_of_its_length(line):
    assert [len(name) <= choosing.LONGEST_NAME for name in choosing.names_in(line).values()] == [True]


def test_a_name_of_another_company_is_nobody_s(carla, make_user, other_company):
    make_user("elsewhere", company=other_company)

    page = words(paste(carla, "require", "elsewhere nobody"))

    assert "Changes nobody, skips 2" in page
    assert "2 names and addresses are nobody’s here, and are skipped" in page


def test_ticked_people_of_another_company_are_left_aside(carla, make_user, other_company):
    elsewhere = make_user("elsewhere", company=other_company)

    assert "Tick the users first." in words(tick(carla, "require", elsewhere))


# --- The forecast is what happens ---

STATES = {
    "off": {},
    "on": {"two_factor_enabled": True},
    "gone": {"is_active": False},
    "locked": {"locked_at": timezone.now()},
}


@pytest.mark.parametrize("act", MASS_ACTS)
def test_what_was_counted_is_what_happens(administrator, make_person, make_user, go, act):
    for state, fields in STATES.items():
        make_user(state, **fields)
        services.request_passkey(make_user(f"{state}-asked", **fields), actor=administrator.user)
    make_person("with-app").set_up_app()
    make_user("boss", role=Role.ADMINISTRATOR)
    tick(administrator, act, *User.objects.all())
    counted = count(BulkRun.objects.get(), administrator.user)

    run = go(administrator)

    assert (run.changed, run.skipped) == (counted.changes, counted.skips)
    reasons = [why for _name, _outcome, why in outcomes(run) if why]
    assert {why: reasons.count(why) for why in reasons} == {str(why): n for why, n in counted.left_out.items()}
    assert counted.changes


def test_nobody_does_it_to_themselves(administrator, go, make_user):
    tick(administrator, "deactivate", administrator.user, make_user("ada"))

    run = go(administrator)

    assert ("petra", "skipped", "oneself") in outcomes(run)
    assert User.objects.get(pk=administrator.user.pk).is_active


def test_whoever_changed_since_is_decided_on_by_the_service(administrator, make_user, go):
    ada, ben = make_user("ada"), make_user("ben")
    tick(administrator, "require", ada, ben)
    services.enable_two_factor(ada, actor=administrator.user)

    assert outcomes(go(administrator)) == {("ada", "skipped", "required"), ("ben", "changed", "")}


def test_whoever_left_the_company_since_is_skipped(carla, make_user, other_company, go):
    ada, ben = make_user("ada"), make_user("ben")
    tick(carla, "require", ada, ben)
    User.objects.filter(pk=ada.pk).update(company=other_company)

    assert outcomes(go(carla)) == {("ada", "skipped", "gone"), ("ben", "changed", "")}


def test_the_last_administrator_who_can_sign_in_stays(administrator, make_user):
    """Whoever began it has lost their own way in meanwhile."""
    run = begun(administrator, [make_user("last", role=Role.ADMINISTRATOR), make_user("ada")], "deactivate")
    User.objects.filter(pk=administrator.user.pk).update(password="!")

    running.work(run.pk)

    assert outcomes(run) == {("last", "skipped", "last"), ("ada", "changed", "")}


def test_signing_out_now_ends_their_sessions(administrator, make_person, go):
    ada = make_person("ada")
    ada.sign_in()
    tick(administrator, "require", ada.user)

    go(administrator, sign_out="on")

    assert not Session.objects.filter(user=ada.user).exists()


def test_switching_off_says_what_is_lost(administrator, make_person, go):
    ada = make_person("ada")
    ada.set_up_app()

    page = words(tick(administrator, "stop", ada.user))

    assert "1 loses the authenticator app and the recovery codes that are set up" in page
    go(administrator)
    assert not ada.user.authenticator_apps.exists()


# --- Who may ---


def test_a_helpdesk_signs_out_and_does_no_more(make_person, make_user, go):
    helper = make_person("helper", role=Role.HELPDESK)
    helper.sign_in()
    ada = make_user("ada")

    assert tick(helper, "require", ada).status_code == 403
    tick(helper, "sign_out", ada)
    assert outcomes(go(helper)) == {("ada", "changed", "")}


def test_an_act_that_there_is_not_is_refused(administrator, make_user):
    assert tick(administrator, "delete", make_user("ada")).status_code == 400


def test_a_run_is_its_owners_alone(administrator, carla, make_user):
    tick(administrator, "require", make_user("ada"))
    run = BulkRun.objects.get()

    assert carla.client.get(reverse("settings:bulk_run", args=[run.pk])).status_code == 404
    for name in ("bulk_run", "bulk_stop", "bulk_skipped"):
        assert carla.client.post(reverse(f"settings:{name}", args=[run.pk])).status_code == 404


def test_what_another_tab_prepared_leaves_this_one_as_it_is(administrator, make_user):
    ada, ben = make_user("ada"), make_user("ben")
    first = tick(administrator, "require", ada).request["PATH_INFO"]
    tick(administrator, "deactivate", ben)

    administrator.client.post(first, {"shown": "1"})

    assert BulkRun.objects.exclude(begun_at=None).get().act == "require"
    assert BulkRun.objects.count() == 2


def test_the_newest_that_wait_are_kept_and_the_page_of_another_says_how_to_go_on(administrator, carla, make_user):
    ada = make_user("ada")
    begun(administrator, [ada])
    pages = [tick(administrator, "require", ada).request["PATH_INFO"] for _ in range(background.KEPT_WAITING + 1)]
    tick(carla, "require", ada)
    waiting = BulkRun.objects.filter(begun_at=None)

    assert BulkRun.objects.exclude(begun_at=None).count() == 1
    assert waiting.filter(owner=administrator.user.pk).count() == background.KEPT_WAITING
    assert waiting.filter(owner=carla.user.pk).count() == 1
    assert administrator.client.get(pages[1]).status_code == 200
    for answer in (administrator.client.get(pages[0]), administrator.client.post(pages[0], {"shown": "1"})):
        assert answer.status_code == 404
        assert "Nothing was done now: begin again from the list of users." in words(answer)
        assert f'href="{USERS}"' in answer.content.decode()
    assert BulkPerson.objects.count() == BulkRun.objects.count(), "whom a dropped one was for is forgotten"


# --- On its way ---


def begun(administrator, users, act="require"):
    """A run that was begun, and that no worker has taken up."""
    run = choosing.from_ticked(administrator.user, act, [str(user.pk) for user in users])
    BulkRun.objects.filter(pk=run.pk).update(
        begun_at=timezone.now(), total=len(users), epoch=administrator.user.session_epoch
    )
    run.refresh_from_db()
    return run


def test_a_run_that_waits_says_so_and_can_be_stopped(administrator, make_user):
    run = begun(administrator, [make_user("ada"), make_user("ben")])

    assert "It begins in a moment" in words(administrator.client.get(f"{BULK}{run.pk}/"))
    page = words(administrator.client.post(f"{BULK}{run.pk}/stop/", follow=True))

    assert "Stopped after 0 of 2" in page
    assert "2 users were left as they were." in page
    running.work(run.pk)
    assert not User.objects.filter(two_factor_enabled=True).exists()


def test_whoever_watches_it_to_its_end_sees_what_a_reload_shows(administrator, make_user):
    run = begun(administrator, [make_user("ada"), make_user("ben", two_factor_enabled=True)])
    watched = read(administrator.client.get(f"{BULK}{run.pk}/"))
    running.work(run.pk)
    reloaded = read(administrator.client.get(f"{BULK}{run.pk}/"))

    assert "Download as CSV" in reloaded.words
    assert polled(watched, reloaded).words == reloaded.words


def test_a_stop_in_the_middle_leaves_the_others(administrator, make_user, monkeypatch):
    run = begun(administrator, [make_user(f"p{n}") for n in range(5)])
    monkeypatch.setattr(running, "IN_A_STEP", 2)
    step = running._step

    def stopped_after_the_first(run, actor):
        goes_on = step(run, actor)
        running.stop(run)
        return goes_on

    monkeypatch.setattr(running, "_step", stopped_after_the_first)
    running.work(run.pk)

    run.refresh_from_db()
    assert (run.changed, run.left) == (2, 3)
    assert run.stopped
    assert User.objects.filter(two_factor_enabled=True).count() == 2
    assert AuditEvent.objects.filter(action="many_acted_on").get().details["left"] == 3


def test_where_a_worker_was_killed_the_next_goes_on(administrator, make_user, monkeypatch, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    run = begun(administrator, [make_user(f"p{n}") for n in range(5)])
    monkeypatch.setattr(running, "IN_A_STEP", 2)
    step, steps = running._step, []

    def killed_in_the_second(run, actor):
        steps.append(1)
        with transaction.atomic():
            goes_on = step(run, actor)
            if len(steps) == 2:
                raise KeyboardInterrupt
        return goes_on

    with monkeypatch.context() as once:
        once.setattr(running, "_step", killed_in_the_second)
        with pytest.raises(KeyboardInterrupt):
            running.work(run.pk)
    BulkRun.objects.update(beat=timezone.now())  # a process that is killed has no last word
    running.work(run.pk)  # too soon: whoever has it may only be slow

    run.refresh_from_db()
    assert run.changed == 2
    assert User.objects.filter(two_factor_enabled=True).count() == 2
    time_machine.shift(SILENT_SECONDS + 2)
    assert "Interrupted after 2 of 5 It goes on by itself in a moment." in words(
        administrator.client.get(f"{BULK}{run.pk}/")
    )
    administrator.client.post(f"{BULK}{run.pk}/")
    run.refresh_from_db()
    assert (run.changed, run.left) == (5, 0)
    assert AuditEvent.objects.filter(action="two_factor_enabled").count() == 5


def test_a_worker_that_is_told_to_end_leaves_it_to_the_next_at_once(administrator, make_user, monkeypatch):
    run = begun(administrator, [make_user("ada")])
    with monkeypatch.context() as once:
        once.setattr(running, "_step", lambda *_args: sys.exit())
        with pytest.raises(SystemExit):
            running.work(run.pk)

    running.work(run.pk)

    run.refresh_from_db()
    assert (run.changed, run.turn) == (1, 2)


def test_of_two_workers_one_has_the_turn(administrator, make_user, monkeypatch, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    run = begun(administrator, [make_user(f"p{n}") for n in range(6)])
    monkeypatch.setattr(running, "IN_A_STEP", 2)
    step = running._step

    def overtaken(mine, actor):
        goes_on = step(mine, actor)
        monkeypatch.setattr(running, "_step", step)
        time_machine.shift(SILENT_SECONDS + 2)  # it sleeps, and another takes the run up
        running.work(run.pk)
        with pytest.raises(running.TakenOver):
            step(mine, actor)
        return goes_on

    monkeypatch.setattr(running, "_step", overtaken)
    running.work(run.pk)

    run.refresh_from_db()
    assert run.changed == 6
    assert AuditEvent.objects.filter(action="two_factor_enabled").count() == 6
    assert AuditEvent.objects.filter(action="many_acted_on").count() == 1


@pytest.mark.parametrize("change", ["signed out", "demoted", "deactivated"])
def test_whoever_may_no_longer_stops_the_run(administrator, admin, make_user, change):
    run = begun(administrator, [make_user("ada")])
    if change == "signed out":
        people.end_sessions(admin, actor=admin)
    elif change == "demoted":
        User.objects.filter(pk=admin.pk).update(role=Role.AUDITOR)
    else:
        User.objects.filter(pk=admin.pk).update(is_active=False)

    running.work(run.pk)

    run.refresh_from_db()
    assert run.stopped == "What you may do has changed meanwhile, or you were signed out."
    assert not User.objects.get(username="ada").two_factor_enabled


def test_a_worker_takes_up_what_is_not_over_and_nobody_is_at_work_on(
    administrator, make_user, settings, time_machine, monkeypatch
):
    time_machine.move_to(timezone.now(), tick=False)
    run = begun(administrator, [make_user("ada")])
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

    def busy(*_args):
        raise OperationalError("database or disk is full")

    with monkeypatch.context() as full:
        full.setattr(running, "_step", busy)
        full.setattr(away, "BETWEEN_SECONDS", 0)
        with pytest.raises(OperationalError):
            running.work(run.pk)
    take_up_unfinished()
    assert not DBTaskResult.objects.exists()

    time_machine.shift(SILENT_SECONDS + 1)
    take_up_unfinished()
    take_up_unfinished()

    queued = DBTaskResult.objects.get()  # once, as long as it waits there
    assert queued.args_kwargs["args"] == [str(run.pk)]
    running.work(run.pk)
    assert User.objects.get(username="ada").two_factor_enabled
    queued.delete()
    take_up_unfinished()
    assert not DBTaskResult.objects.exists(), "it is over"


# --- What is left of it ---


def test_whoever_was_skipped_is_in_a_file_that_is_no_formula(administrator, make_user, go):
    make_user("ada", two_factor_enabled=True, first_name="=Ada", last_name="Lovelace", email="ada@acme.example")
    make_user("ben")
    paste(administrator, "require", "ada ben @SUM(A1)")
    run = go(administrator)

    answer = administrator.client.post(f"{BULK}{run.pk}/skipped/")

    rows = list(csv.reader(StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert rows[0] == ["user name", "name", "e-mail", "why"]
    assert ["ada", "'=Ada Lovelace", "ada@acme.example", "Their own 2FA switch is already on"] in rows
    assert ["'@SUM(A1", "", "", "Nobody here has this name or address"] in rows
    assert len(rows) == 3
    line = AuditEvent.objects.get(action="list_exported")
    assert (line.actor, line.details["name"]) == (administrator.user, "Skipped")


def test_each_has_a_line_and_all_of_them_one_more(administrator, make_user, go):
    tick(administrator, "request", make_user("ada"), make_user("ben"))
    run = go(administrator)

    lines = AuditEvent.objects.filter(details__run=str(run.pk))
    assert sorted(lines.values_list("action", "subject__username")) == [
        ("passkey_requested", "ada"),
        ("passkey_requested", "ben"),
    ]
    assert AuditEvent.objects.get(action="many_acted_on").details["many"] == str(run.pk)
    assert PasskeyRequest.objects.count() == 2


def activity(person, **asked):
    return words(person.client.get("/settings/administration/activity/", asked))


def test_the_activity_shows_one_line_that_leads_to_all(administrator, make_user, go):
    tick(administrator, "require", make_user("ada"), make_user("ben"))
    run = go(administrator)

    folded = activity(administrator)
    opened = activity(administrator, run=str(run.pk), time="any")

    assert "required 2FA for 2 users" in folded
    assert "on for ada" not in folded
    assert "on for ada" in opened
    assert "on for ben" in opened
    page = administrator.client.get("/settings/administration/activity/").content.decode()
    assert f"?time=any&amp;run={run.pk}" in page


def test_a_companys_rule_that_goes_off_leads_to_each_whose_own_switch_went_off_with_it(
    administrator, carla, make_user, company
):
    make_user("ada", two_factor_enabled=True)
    make_user("ben", two_factor_enabled=True)
    enable_company_two_factor(company, actor=administrator.user)
    disable_company_two_factor(company, actor=administrator.user)
    said = f"off for {company.name}, and the personal switches of 2 users"
    run = AuditEvent.objects.get(action="company_two_factor_disabled").details["many"]

    for viewer in (administrator, carla):
        folded, opened = activity(viewer), activity(viewer, run=run, time="any")
        assert said in folded
        assert "off for ada" not in folded
        assert said not in opened
        assert "off for ada" in opened
        assert "off for ben" in opened
        page = viewer.client.get("/settings/administration/activity/").content.decode()
        assert f"?time=any&amp;run={run}" in page


def test_the_lines_of_a_run_that_is_forgotten_are_found(administrator, make_user, go):
    tick(administrator, "require", make_user("ada"))
    run = go(administrator)
    tick(administrator, "stop", make_user("ben", two_factor_enabled=True))
    go(administrator)
    asked = {"run": str(run.pk), "time": "any"}
    before = activity(administrator, **asked)
    BulkRun.objects.all().delete()

    assert activity(administrator, **asked) == before
    assert "on for ada" in before
    assert "for ben" not in before


@pytest.mark.parametrize("run", ["never-begun", "\x00", "00000000-0000-4000-8000-000000000000"])
def test_a_run_that_there_is_not_has_no_lines(administrator, run):
    assert Asked(administrator.user, QueryDict(urlencode({"time": "any", "run": run}))).page.lines == []


@pytest.mark.parametrize("act", ["", "others"])
def test_whoever_was_signed_out_alone_is_shown_beside_those_who_were_so_together(
    administrator, carla, make_user, go, act
):
    ada, ben, xenia = (make_user(name) for name in ("ada", "ben", "xenia"))
    for who, others in ((administrator, ada), (carla, ben)):
        tick(who, "sign_out", others)
        go(who)
    people.end_sessions(xenia, actor=administrator.user)
    waits = begun(administrator, [make_user("kira")])
    with recording.as_part_of(waits.pk):
        people.end_sessions(User.objects.get(username="kira"), actor=administrator.user)

    shown = {who.user.username: activity(who, act=act) for who in (administrator, carla)}
    ended = {
        who: [name for name in ("ada", "ben", "xenia", "kira") if f"ended all sessions of {name}" in said]
        for who, said in shown.items()
    }
    assert ended == {administrator.user.username: ["xenia", "kira"], carla.user.username: ["xenia", "kira"]}
    by = activity(administrator, act=act, actor=administrator.user.pk)
    assert "ended all sessions of xenia" in by
    assert "ended all sessions of ada" not in by


def test_while_it_goes_on_each_line_is_shown(administrator, make_user):
    run = begun(administrator, [make_user("ada")])
    with recording.as_part_of(run.pk):
        services.enable_two_factor(User.objects.get(username="ada"), actor=administrator.user)

    assert "on for ada" in activity(administrator)


def test_old_runs_are_forgotten(administrator, make_user, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    running.stop(begun(administrator, [make_user("ada")]))
    tick(administrator, "require", make_user("ben"))
    time_machine.shift(2 * 24 * 3600)
    assert choosing.forget_old_runs() == 1
    time_machine.shift(31 * 24 * 3600)
    assert choosing.forget_old_runs() == 1
    assert not BulkPerson.objects.exists()


# --- To be found again ---


def notes(person):
    """What the list of users says of one's own acts on many, and where each note leads."""
    page = read(person.client.get(USERS))
    found = [each for each in page.all("div") if each.attrs.get("class") in {"note", "note wait"}]
    return [(each.words, *each.links.values()) for each in found]


def test_what_goes_on_and_what_came_of_it_is_found_on_the_list(make_person, make_user, go, time_machine):
    """The helpdesk has no Activity page: to them, nothing else leads to it."""
    time_machine.move_to(timezone.now(), tick=False)
    hanna = make_person("hanna", role=Role.HELPDESK)
    hanna.sign_in()
    assert notes(hanna) == []
    run = begun(hanna, [make_user("ada"), make_user("ben", is_active=False)], act="sign_out")
    address = f"{BULK}{run.pk}/"
    assert notes(hanna) == [("Sign out everywhere · 0 of 2 done · See how far it is", address)]

    running.work(run.pk)

    assert notes(hanna) == [("Sign out everywhere · Done · 1 user skipped · Result", address)]
    assert hanna.client.get(address).status_code == 200
    time_machine.shift(24 * 3600 + 1)
    hanna.sign_in()
    assert notes(hanna) == []


def test_what_goes_on_stands_first_and_three_are_shown(administrator, make_user):
    ada = make_user("ada")
    going_on = begun(administrator, [ada])
    stopped = [begun(administrator, [ada], act) for act in ("request", "withdraw", "deactivate")]
    for run in stopped:
        running.stop(run)
    tick(administrator, "sign_out", ada)  # counted, and not begun

    assert notes(administrator) == [
        ("Require two-factor authentication · 0 of 1 done · See how far it is", f"{BULK}{going_on.pk}/"),
        ("Deactivate · Stopped after 0 of 1 · Result", f"{BULK}{stopped[2].pk}/"),
        ("Delete passkey requests · Stopped after 0 of 1 · Result", f"{BULK}{stopped[1].pk}/"),
    ]


def test_nobody_is_shown_the_acts_of_others(administrator, carla, make_user):
    begun(carla, [make_user("ada")])

    assert notes(administrator) == []
    assert len(notes(carla)) == 1


def results(person):
    page = read(person.client.get("/settings/administration/activity/", {"time": "any"}))
    return [link.attrs["href"] for link in page.all("a") if link.words == "Result"]


def test_in_activity_the_line_of_ones_own_act_leads_to_its_result(
    administrator, make_person, make_user, go, time_machine
):
    time_machine.move_to(timezone.now(), tick=False)
    other = make_person("olga", role=Role.ADMINISTRATOR)
    other.sign_in()
    tick(administrator, "require", make_user("ada"))
    run = go(administrator)

    assert results(administrator) == [f"{BULK}{run.pk}/"]
    assert administrator.client.get(f"{BULK}{run.pk}/").status_code == 200
    assert results(other) == [], "to whom it is no page"
    User.objects.filter(pk=administrator.user.pk).update(role=Role.AUDITOR)
    assert results(administrator) == []
    User.objects.filter(pk=administrator.user.pk).update(role=Role.ADMINISTRATOR)
    time_machine.shift(choosing.RUN_KEPT_DAYS * 24 * 3600 + 1)
    choosing.forget_old_runs()
    administrator.sign_in()
    assert results(administrator) == []
