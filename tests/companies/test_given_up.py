"""Work that always fails is tried with growing pauses, given up, said to whom it concerns, and begun again by a click."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.background import GIVEN_UP_AFTER, KEPT_IN_MIND
from accounts.models import User
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies.bulk import choosing, running
from companies.importing import inviting
from companies.importing import running as importing
from companies.importing.reading import read
from companies.models import Import
from companies.queue import work_given_up
from m2v.metrics.gauges import asked
from m2v.unfinished import take_up_unfinished
from tests.companies import read as page_of

ACTIVITY = "/settings/administration/activity/"
FILE = "user name;company;e-mail\nada;Acme Machines;ada@acme.example\n"


class BrokenError(Exception):
    """A mistake of ours."""


class Broken:
    """Something that fails as long as `fails`, and how often it was tried, and when."""

    def __init__(self, real):
        self.real, self.fails, self.at = real, True, []

    def __call__(self, *args):
        if self.fails:
            self.at.append(timezone.now())
            raise BrokenError
        return self.real(*args)


@pytest.fixture
def begin(clock, administrator, company, make_user, monkeypatch, settings):
    """`begin(kind)` begins work that fails; it, its page, and what fails."""

    def act():
        run = choosing.from_ticked(administrator.user, "require", [str(make_user("kim").pk)])
        broken = Broken(running._step)
        monkeypatch.setattr(running, "_step", broken)
        running.begin(run, actor=administrator.user, total=1, signs_out=False)
        return run, f"/settings/administration/users/bulk/{run.pk}/", broken

    def file():
        kept = importing.keep(administrator.user, "people.csv", FILE, read(FILE, "UTF-8"))
        broken = Broken(importing._make)
        monkeypatch.setattr(importing, "_make", broken)
        importing.begin(kept, actor=administrator.user, invites=False, requires=False)
        return kept, f"/settings/administration/users/import/{kept.pk}/", broken

    def rest():
        made = make_user("ada", password=None)
        kept = importing.keep(administrator.user, "people.csv", FILE, read(FILE, "UTF-8"))
        now = timezone.now()
        Import.objects.filter(pk=kept.pk).update(ended_at=now, begun_at=now, made=1, uninvited=[str(made.pk)])
        broken = Broken(inviting._invite_some)
        monkeypatch.setattr(inviting, "_invite_some", broken)
        inviting.begin_inviting(kept, actor=administrator.user)
        return kept, f"/settings/administration/users/import/{kept.pk}/", broken

    return lambda kind: {"act": act, "file": file, "rest": rest}[kind]()


def minutes_go_by(clock, number):
    """A worker looks every minute."""
    for _minute in range(number):
        clock.shift(61)
        take_up_unfinished()


KINDS = ("act", "file", "rest")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_tried_with_growing_pauses_and_given_up(begin, clock, kind):
    work, _page, broken = begin(kind)
    minutes_go_by(clock, 120)

    work.refresh_from_db()
    assert len(broken.at) == GIVEN_UP_AFTER
    pauses = [(later - before) // timedelta(minutes=1) for before, later in zip(broken.at, broken.at[1:], strict=False)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= 2
    assert pauses[-1] >= 16
    assert work.stopped.startswith("It failed 6 times in a row and was given up.")


@pytest.mark.parametrize("kind", KINDS)
def test_its_page_activity_doctor_and_metrics_say_so(begin, administrator, clock, kind):
    work, page, _broken = begin(kind)
    assert work_given_up() == 0
    minutes_go_by(clock, 40)
    administrator.sign_in()

    assert "It failed 6 times in a row and was given up." in page_of(administrator.client.get(page)).words
    line = AuditEvent.objects.get(action=Action.WORK_GIVEN_UP)
    assert (line.actor, line.details["work"], line.details["tries"]) == (administrator.user, str(work.pk), 6)
    activity = page_of(administrator.client.get(ACTIVITY))
    assert "What Petra Vogt had begun in the background was given up: it failed 6 times in a row" in activity.words
    assert page in activity.links.values()
    with pytest.raises(CommandError, match="1 act on many or import was given up"):
        call_command("doctor")
    assert {one.name: one for one in asked()}["m2v_work_given_up"].samples[0].value == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_click_begins_it_again_and_then_it_gets_to_its_end(begin, administrator, clock, kind):
    work, page, broken = begin(kind)
    minutes_go_by(clock, 40)
    administrator.sign_in()
    broken.fails = False

    administrator.client.post(page)

    work.refresh_from_db()
    assert (work.stopped, work.tries) == ("", 0)
    assert work.ended_at
    assert work_given_up() == 0
    if kind == "act":
        assert User.objects.get(username="kim").two_factor_enabled
    if kind == "file":
        assert User.objects.filter(username="ada").exists()
    if kind == "rest":
        assert work.uninvited == []


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_gets_further_is_tried_as_often_as_ever(begin, clock, kind):
    work, _page, _broken = begin(kind)
    minutes_go_by(clock, 8)
    work.refresh_from_db()
    assert 1 < work.tries < GIVEN_UP_AFTER


@pytest.mark.parametrize("kind", ["act", "file"])
def test_a_process_that_is_killed_each_time_is_given_up_too(begin, clock, kind):
    """Nothing is raised there: the turn alone was taken."""
    work, _page, _broken = begin(kind)
    type(work).objects.filter(pk=work.pk).update(tries=GIVEN_UP_AFTER, beat=timezone.now(), stopped="")
    minutes_go_by(clock, 40)

    work.refresh_from_db()
    assert work.stopped.startswith("It failed 6 times in a row and was given up.")


def left_in_the_future(work, broken):
    """Its process was killed while the clock ran an hour ahead, which is put right now."""
    broken.fails = False
    ahead = timezone.now() + timedelta(hours=1)
    type(work).objects.filter(pk=work.pk).update(begun_at=ahead, beat=ahead, tries=1, stopped="")


def is_done(work):
    work.refresh_from_db()
    return work.ended_at is not None and not getattr(work, "uninvited", [])


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_left_while_the_clock_ran_ahead_is_taken_up_once_it_is_right(begin, clock, kind):
    work, _page, broken = begin(kind)
    left_in_the_future(work, broken)

    take_up_unfinished()

    assert is_done(work)


@pytest.mark.parametrize("kind", KINDS)
def test_a_click_goes_on_with_it_too(begin, administrator, clock, kind):
    work, page, broken = begin(kind)
    left_in_the_future(work, broken)
    administrator.sign_in()

    administrator.client.post(page)

    assert is_done(work)


@pytest.mark.parametrize("kind", KINDS)
def test_what_nobody_goes_on_with_is_over_after_a_day_and_forgotten_after_three(begin, clock, kind):
    work, _page, _broken = begin(kind)
    minutes_go_by(clock, 40)
    clock.shift(timedelta(days=1, hours=1))
    call_command("tidy")

    work = type(work).objects.get(pk=work.pk)
    assert work.ended_at
    clock.shift(KEPT_IN_MIND)
    call_command("tidy")
    assert work_given_up() == 0


def test_an_import_whose_file_itself_always_fails_keeps_nothing_else_from_being_tidied(clock, administrator, company):
    kept = importing.keep(administrator.user, "people.csv", FILE, read(FILE, "UTF-8"))
    Import.objects.filter(pk=kept.pk).update(text='"never closed', begun_at=timezone.now())
    clock.shift(timedelta(days=1, hours=1))

    call_command("tidy")

    kept.refresh_from_db()
    assert kept.ended_at
    assert kept.text == ""


def test_an_imports_line_leads_to_its_page_for_whoever_began_it(clock, administrator, company, make_person):
    kept = importing.keep(administrator.user, "people.csv", FILE, read(FILE, "UTF-8"))
    importing.begin(kept, actor=administrator.user, invites=False, requires=False)
    page = f"/settings/administration/users/import/{kept.pk}/"
    line = AuditEvent.objects.get(action=Action.USERS_IMPORTED)
    other = make_person("otto", role="administrator", company=None)
    for person in (administrator, other):
        person.sign_in()

    assert line.details["many"] == str(kept.pk)
    assert page in page_of(administrator.client.get(ACTIVITY)).links.values()
    assert page not in page_of(other.client.get(ACTIVITY)).links.values()
    answer = administrator.client.post(f"{ACTIVITY}export/", {"form": "jsonl"})
    lines = [json.loads(one) for one in b"".join(answer.streaming_content).decode().splitlines()]
    assert str(kept.pk) in {one["details"].get("many") for one in lines}
    kept.delete()
    assert page not in page_of(administrator.client.get(ACTIVITY)).links.values(), "it is no longer there"
