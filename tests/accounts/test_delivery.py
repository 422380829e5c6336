"""Mail that is owed arrives: at least once, and never twice knowingly, whatever mail server, worker or database do."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from threading import Event
from time import monotonic, sleep
from uuid import uuid4

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from accounts import delivery, mail_turns, smtp
from accounts.addresses import ADDRESS_MAIL
from accounts.models import OwedMail
from accounts.owed import Draft, failed_lately, forget_old_mail, longest_wait, owe, waiting_mail
from tests.post import deliver_owed
from tests.server.slow_mail import Manners, mail_server
from tests.with_postgres import free_port

SMTP = "accounts.smtp.EmailBackend"
HERE = "tests.accounts.test_delivery"
ID = re.compile(rb"^Message-ID: (\S+)", re.MULTILINE)
TO = re.compile(rb"^To: (\S+)", re.MULTILINE)


def draft(to="kim@acme.example", subject="Hello"):
    return Draft(to, subject, ADDRESS_MAIL, "en", {"username": "kim"})


def owe_to(number, **more):
    owe((draft(f"p{one}@acme.example") for one in range(number)), **{"cause": "kim", **more})


def deliver():
    """What the worker does, once."""
    delivery.deliver_due(mail_turns.Turns(), Event())


def a_while_later():
    """The time of the next attempt has come."""
    OwedMail.objects.filter(ended_at=None).update(due_at=timezone.now())


def names(taken):
    return Counter(TO.search(one)[1].decode().partition("@")[0] for one in taken)


def each_once(number):
    return {f"p{one}": 1 for one in range(number)}


def fates():
    return Counter(OwedMail.objects.values_list("fate", flat=True))


@pytest.fixture
def server(settings):
    """`server(manners)` is a mail server, and the site sends there."""

    def at(manners=None, port=0):
        port = port or free_port()
        settings.MAILERS = {"default": {"BACKEND": SMTP, "OPTIONS": {"host": "127.0.0.1", "port": port, "timeout": 5}}}
        return mail_server(manners or Manners(patience=0), port)

    return at


# --- What goes wrong at the mail server ---


def test_of_179_that_are_owed_while_it_refuses_179_arrive_when_it_is_back(db, server, caplog):
    port, manners = free_port(), Manners(patience=0)
    back = server(manners, port)
    for cause in ("kim", "lee", "mia"):
        owe((draft(f"{cause}{one}@acme.example") for one in range(60 if cause != "mia" else 59)), cause=cause)
    for _ in range(5):  # half an hour
        deliver()
        assert not mail_turns.due().exists(), "each waits for its next attempt"
        a_while_later()
    assert set(OwedMail.objects.values_list("attempts", flat=True)) == {5}
    assert "is tried again" in caplog.text

    with back as (_address, taken):
        deliver()

    assert len(taken) == len(names(taken)) == len({ID.search(one)[1] for one in taken}) == 179
    assert manners.connections == 1
    assert fates() == {"delivered": 179}
    assert not OwedMail.objects.exclude(sealed=None).exists()


def test_a_line_that_is_cut_costs_no_mail_and_none_is_sent_twice(db, server):
    owe_to(10)
    with server(Manners(patience=0, hangs_up_at={4})) as (_address, taken):
        deliver()
        assert len(taken) == 9
        a_while_later()
        deliver()

    assert names(taken) == each_once(10)


def test_a_server_that_takes_some_mails_of_a_line_gets_the_others_at_once_on_another(db, server, caplog):
    owe_to(10)
    manners = Manners(patience=0, most_of_a_line=4)
    with server(manners) as (_address, taken):
        deliver()

    assert names(taken) == each_once(10)
    assert manners.connections == 3
    assert "was not delivered" not in caplog.text


def test_a_server_that_says_so_of_a_fresh_line_is_asked_later(db, server):
    owe_to(2)
    manners = Manners(patience=0, most_of_a_line=0)
    with server(manners) as (_address, taken):
        deliver()

    assert taken == []
    assert set(OwedMail.objects.values_list("attempts", "fate")) == {(1, "")}
    assert manners.connections == 2


def test_where_nobody_knows_whether_it_was_taken_it_is_sent_again_and_can_be_recognised(db, server):
    owe_to(3)
    with server(Manners(patience=0, forgets_to_say={2})) as (_address, taken):
        deliver()
        a_while_later()
        deliver()

    assert names(taken) == {"p0": 1, "p1": 2, "p2": 1}
    assert len({ID.search(one)[1] for one in taken}) == 3


def test_whom_it_asks_to_come_again_is_written_to_later_and_the_others_now(db, server):
    owe_to(3)
    manners = Manners(patience=0, to_recipient={"p1@acme.example": "450 greylisted"})
    with server(manners) as (_address, taken):
        deliver()
        assert names(taken) == {"p0": 1, "p2": 1}
        left = OwedMail.objects.get(ended_at=None)
        assert 50 < (left.due_at - timezone.now()).total_seconds() < 70
        deliver()
        assert len(taken) == 2, "not before its time"
        manners.to_recipient.clear()
        a_while_later()
        deliver()

    assert names(taken) == each_once(3)


@pytest.mark.parametrize("when", ["to_recipient", "to_mail_for"])
def test_what_is_refused_for_good_is_given_up_and_the_log_says_which(when, db, server, caplog):
    owe_to(3)
    with server(Manners(patience=0, **{when: {"p1@acme.example": "550 no such mailbox"}})) as (_address, taken):
        deliver()
        a_while_later()
        deliver()

    assert names(taken) == {"p0": 1, "p2": 1}
    given_up = OwedMail.objects.get(fate="failed")
    assert (given_up.attempts, given_up.sealed) == (1, None)
    [line] = [record for record in caplog.records if "is given up" in record.message]
    assert line.fields["message_id"] == given_up.message_id
    assert "no such mailbox" in line.fields["why"]


def test_a_sender_or_a_password_that_is_refused_loses_no_mail(db, server):
    """Whoever runs the site mends it within three days."""
    owe_to(2)
    manners = Manners(patience=0, to_sender="530 authentication required")
    with server(manners) as (_address, taken):
        deliver()
        assert taken == []
        manners.to_sender = "250 well"
        a_while_later()
        deliver()

    assert names(taken) == each_once(2)


@pytest.mark.parametrize("when", ["to_recipient", "to_mail_for"])
@pytest.mark.parametrize(
    "said",
    [
        "554 5.7.1 Relay access denied",
        "550 5.1.8 <no-reply@m2v.example>: Sender address rejected: Domain not found",
        "550 5.1.7 <no-reply@m2v.example>: Sender address rejected: undeliverable",
        "503 5.5.1 Error: need MAIL command",
        "550 5.3.2 System not accepting network messages",
        "550 relay not permitted",
        "550 Sender verify failed",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        "530 Authentication required",
        "521 This host does not accept mail",
    ],
)
def test_who_is_refused_for_what_we_are_loses_no_mail_either(said, when, db, server):
    """Mail servers say so where they are told the recipient, or the mail; some, as Exim, without a number of RFC 3463."""
    owe_to(2)
    refusals = {f"p{n}@acme.example": said for n in range(2)}
    manners = Manners(patience=0, **{when: refusals})
    with server(manners) as (_address, taken):
        deliver()
        assert taken == []
        refusals.clear()
        a_while_later()
        deliver()

    assert names(taken) == each_once(2)


def test_the_pauses_grow_to_four_hours_and_end_after_three_days(db, settings, time_machine, caplog):
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)
    server_away(settings)
    owe_to(1)
    start, pauses = timezone.now(), []
    while row := OwedMail.objects.filter(ended_at=None).first():
        pauses.append((row.due_at - timezone.now()).total_seconds() / 60)
        time_machine.move_to(row.due_at, tick=False)
        deliver()

    assert [round(pause) for pause in pauses[:4]] == pytest.approx([0, 1, 2, 4], abs=1)
    assert all(later > sooner for sooner, later in pairwise(pauses[:9]))
    assert 200 < max(pauses) < 270
    assert timedelta(days=2.7) < timezone.now() - start < timedelta(days=3)
    assert fates() == {"failed": 1}
    assert "is given up" in caplog.text


def server_away(settings):
    settings.MAILERS = {
        "default": {"BACKEND": SMTP, "OPTIONS": {"host": "127.0.0.1", "port": free_port(), "timeout": 5}}
    }


def test_a_link_that_has_ended_is_not_sent(db, mailoutbox):
    owe_to(1, expires_at=timezone.now() + timedelta(hours=1))
    owe([draft("late@acme.example")], cause="kim", expires_at=timezone.now())

    assert [sent.to for sent in mailoutbox] == [["p0@acme.example"]]
    assert fates() == {"delivered": 1, "expired": 1}


@pytest.mark.parametrize(("when", "times"), [("", 1), ("EHLO", 1), ("MAIL", 1), ("DATA", 2)])
def test_a_server_that_never_comes_to_the_end_of_its_answer_keeps_nobody(when, times, db, server, monkeypatch):
    monkeypatch.setattr(smtp, "DELIVERY_SECONDS", 1)
    owe_to(1)
    manners = Manners(patience=0, drips_at=when)
    with server(manners) as (_address, taken):
        begun = monotonic()
        deliver()
        assert monotonic() - begun < 30, "the letters alone would take a quarter of an hour"
        assert OwedMail.objects.get().attempts == 1
        manners.drips_at = None
        a_while_later()
        deliver()

    assert names(taken) == {"p0": times}, "whether it was taken is not known where only that answer did not come"
    assert fates() == {"delivered": 1}


@pytest.mark.parametrize("slow", [{"patience": 3}, {"patience": 0, "before_each_answer": 1.5}])
def test_a_server_that_takes_its_time_is_waited_for_and_gets_a_mail_once(slow, db, server, settings):
    """A filter that looks into each mail may take a minute. Whoever hung up before its answer would send the mail again."""
    owe_to(1)
    with server(Manners(**slow)) as (_address, taken):
        settings.MAILERS["default"]["OPTIONS"]["timeout"] = 1  # for whatever is no answer
        deliver()

    assert names(taken) == each_once(1)
    assert fates() == {"delivered": 1}


@pytest.mark.parametrize("when", ["", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_server_that_falls_silent_keeps_nobody(when, db, server, monkeypatch):
    monkeypatch.setattr(smtp, "DELIVERY_SECONDS", 1)
    monkeypatch.setattr(smtp, "PARTING_SECONDS", 1)
    owe_to(1)
    speaks = Event()
    with server(Manners(patience=0, meanwhile={when: lambda: speaks.wait(60)})):
        begun = monotonic()
        deliver()
        assert monotonic() - begun < 20
        speaks.set()

    waits = OwedMail.objects.get()
    assert (waits.fate, waits.claim, waits.attempts) == ("", None, 1)


def test_a_delivery_ends_before_the_claim_on_it():
    assert mail_turns.CLAIMED.total_seconds() > smtp.DELIVERY_SECONDS + smtp.PARTING_SECONDS


def test_a_dozen_arrive_once_each_though_each_takes_three_seconds(transactional_db, server):
    for cause in ("kim", "lee", "mia", "nora"):
        owe((draft(f"{cause}{one}@acme.example") for one in range(3)), cause=cause)
    manners = Manners(patience=3)
    worker = delivery.Delivery()
    with server(manners) as (_address, taken):
        worker.start()
        end = monotonic() + 120
        while OwedMail.objects.filter(ended_at=None).exists() and monotonic() < end:
            sleep(0.2)
        worker.end()

    assert len(taken) == len(names(taken)) == 12
    assert manners.most_at_once > 1


# --- What goes wrong here ---


def test_what_a_killed_process_had_claimed_is_sent_once_its_claim_has_ended(db, mailoutbox):
    owe_to(2)
    claim = {"claim": uuid4(), "claimed_until": timezone.now() + mail_turns.CLAIMED}
    OwedMail.objects.update(**claim)
    deliver()
    assert mail.outbox == []

    OwedMail.objects.update(claimed_until=timezone.now())

    assert len(mailoutbox) == 2


class TakenMeanwhile(EmailBackend):
    """While it sends, another takes the rest, as after a claim that ended."""

    def send_messages(self, messages):
        OwedMail.objects.filter(sealed__isnull=False).update(claim=uuid4())
        return super().send_messages(messages)


def test_one_who_was_slow_sends_nothing_that_another_has_taken(db, settings):
    settings.MAILERS = {"default": {"BACKEND": f"{HERE}.TakenMeanwhile"}}
    owe_to(3)

    deliver()

    assert [sent.to for sent in mail.outbox] == [["p0@acme.example"]]
    assert fates() == {"delivered": 1, "": 2}


def test_of_many_who_deliver_at_once_each_mail_is_sent_by_one(transactional_db, server):
    owe_to(40)
    owe((draft(f"q{one}@acme.example") for one in range(20)), cause="lee")

    def one_of_them(_number):
        try:
            deliver()
        finally:
            connection.close()

    with server(Manners(patience=0.01)) as (_address, taken), ThreadPoolExecutor(4) as workers:
        list(workers.map(one_of_them, range(4)))

    assert len(taken) == len(names(taken)) == 60


def test_a_database_that_is_away_when_a_mail_was_delivered_brings_no_second_one(
    transactional_db, mailoutbox, monkeypatch
):
    owe_to(1)
    monkeypatch.setattr(delivery, "AGAIN_SECONDS", 0)
    away = [1, 2]

    def answers(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and params and "delivered" in params and away:
            away.pop()
            raise OperationalError("The database is gone.")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(answers):
        deliver()
    deliver()

    assert away == []
    assert fates() == {"delivered": 1}
    assert len(mailoutbox) == 1


# --- Whose turn it is ---


def test_nobodys_mail_waits_behind_what_another_causes(db):
    owe((draft("many@acme.example") for _ in range(mail_turns.AT_A_TIME * 3)), cause="mallory")
    owe([draft()], cause="kim")
    turns = mail_turns.Turns()

    assert [{one.cause for one in turns.take()} for _ in range(2)] == [{"kim"}, {"mallory"}]
    assert turns.take() == [], "nobody else is at a cause that somebody is at"
    assert not turns.some_wait()


def test_causes_take_turns(db, mailoutbox):
    for name in ("mallory", "kim"):
        owe((draft(f"{name}@acme.example") for _ in range(mail_turns.AT_A_TIME + 5)), cause=name)
    deliver()

    turns = [name for number, name in enumerate(to_names()) if number == 0 or to_names()[number - 1] != name]
    assert turns == ["kim", "mallory", "kim", "mallory"]


def to_names():
    return [sent.to[0].partition("@")[0] for sent in mail.outbox]


def test_of_several_about_the_same_thing_that_wait_the_last_is_sent(db, mailoutbox):
    for number in range(5):
        owe([draft(subject=f"Number {number}")], cause="kim", about="the address of Kim")
    owe([draft(), draft("other@acme.example")], cause="kim", about="something else")
    owe([draft(subject="Of Lee")], cause="lee", about="the address of Kim")

    deliver()

    assert sorted(sent.subject for sent in mail.outbox) == ["Hello", "Hello", "Number 4", "Of Lee"]
    assert fates() == {"delivered": 4, "replaced": 4}


def test_what_is_spaced_goes_at_once_and_what_follows_waits_for_the_end_of_its_time(db, time_machine, mailoutbox):
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)

    def said(subject, **more):
        owe([draft(subject=subject)], **{"cause": "kim", "about": "the address of Kim", "spaced": 60} | more)
        deliver()

    said("first")
    for number in range(20):
        said(f"Number {number}")
    said("another thing", about="something else")
    said("of Lee", cause="lee")
    assert [sent.subject for sent in mail.outbox] == ["first", "another thing", "of Lee"], "each has its own time"

    time_machine.shift(59)
    deliver()
    assert len(mail.outbox) == 3
    time_machine.shift(2)
    deliver()
    assert [sent.subject for sent in mail.outbox[3:]] == ["Number 19"], "the last, once its time has come"


def test_an_older_one_that_had_trouble_does_not_follow_a_newer_one(db, mailoutbox):
    owe([draft(subject="Old")], cause="kim", about="the address of Kim")
    OwedMail.objects.update(due_at=timezone.now() + timedelta(minutes=1))
    owe([draft(subject="New")], cause="kim", about="the address of Kim")
    deliver()
    a_while_later()
    deliver()

    assert [sent.subject for sent in mail.outbox] == ["New"]


def test_an_earlier_one_goes_where_the_later_one_that_says_the_same_cannot(db, mailoutbox):
    owe([draft(subject="Old")], cause="kim", about="the address of Kim")
    owe([draft(subject="New")], cause="kim", about="the address of Kim", expires_at=timezone.now())
    deliver()
    assert fates() == {"": 1, "expired": 1}, "the earlier one waits for what becomes of the later one"
    a_while_later()
    deliver()

    assert [sent.subject for sent in mail.outbox] == ["Old"]


# --- The worker ---


class Slow(EmailBackend):
    """One that takes a mail when it is let."""

    begun, go = Event(), Event()

    def send_messages(self, messages):
        self.begun.set()
        assert self.go.wait(20)
        return super().send_messages(messages)


@pytest.fixture
def slow(settings):
    settings.MAILERS = {"default": {"BACKEND": f"{HERE}.Slow"}}
    Slow.begun.clear()
    Slow.go.clear()
    yield Slow
    Slow.go.set()


def test_it_finds_by_itself_what_is_owed_and_when_it_ends_the_mail_on_its_way_is_the_last(transactional_db, slow):
    worker = delivery.Delivery()
    worker.start()
    owe_to(3)
    assert slow.begun.wait(20)

    with ThreadPoolExecutor(1) as stopping:
        ended = stopping.submit(worker.end)
        sleep(0.2)
        assert not ended.done()
        slow.go.set()
        ended.result(20)

    assert len(mail.outbox) == 1
    assert fates() == {"delivered": 1, "": 2}
    assert mail_turns.due().count() == 2, "and the others are free for whoever comes next"


def test_no_act_waits_for_the_mail_server(transactional_db, slow, make_person):
    worker = delivery.Delivery()
    worker.start()
    try:
        kim = make_person("kim")
        kim.set_up_app()
        assert slow.begun.wait(20)
        start = monotonic()
        kim.enter_password()
        assert kim.enter_code(kim.codes[0]).headers["Location"] == "/"
        assert monotonic() - start < 5
        assert mail.outbox == []
    finally:
        slow.go.set()
        worker.end()
    deliver_owed()

    assert "m2v: A recovery code was used" in [sent.subject for sent in mail.outbox]


def test_mail_that_waits_for_too_long_is_a_line_of_the_log(transactional_db, settings, caplog):
    server_away(settings)
    owe_to(2)
    OwedMail.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    worker = delivery.Delivery()
    worker.start()
    end = monotonic() + 20
    while "Mail waits for too long." not in caplog.text and monotonic() < end:
        sleep(0.05)
    worker.end()

    [line] = [record for record in caplog.records if record.message == "Mail waits for too long."]
    assert line.fields == {"number": 2, "minutes": 11}


def test_a_full_mailbox_is_no_outage_and_a_server_that_refuses_everybody_is(db, server):
    """What waits because of its own mailbox says nothing of the others' mail."""
    owe_to(2)
    manners = Manners(patience=0, to_recipient={"p1@acme.example": "452 4.2.2 mailbox full"})
    with server(manners):
        deliver()
        long_ago()
        assert longest_wait() == timedelta()
        assert waiting_mail()[:2] == (1, 1)

        manners.to_recipient.clear()
        manners.to_sender = "421 4.3.2 come back later"
        a_while_later()
        deliver()
        assert waiting_mail().too_long


@pytest.mark.parametrize(
    ("said", "of_the_mailbox"),
    [
        ("450 mailbox busy", True),
        ("450 4.2.0 greylisted", True),
        ("450 4.1.1 not known yet", True),
        ("451 local error", False),
        ("451 4.3.0 queue file", False),
        ("450 4.7.1 try again", False),
        ("554 5.7.1 Relay access denied", False),
        ("450 4.1.8 <no-reply@m2v.example>: Sender address rejected: Domain not found", False),
        ("450 4.1.7 <no-reply@m2v.example>: Sender address rejected: unverified address", False),
        ("450 Could not complete sender verify", False),
        ("550 relay not permitted", False),
        ("450 4.1.2 <p0@acme.example>: Domain not found", True),
        ("450 mailbox at relay1.acme.example is busy", True),
    ],
)
def test_what_counts_as_a_refusal_of_the_mailbox(said, of_the_mailbox, db, server):
    owe_to(1)
    with server(Manners(patience=0, to_recipient={"p0@acme.example": said})):
        deliver()

    assert OwedMail.objects.get(ended_at=None).mailbox_refuses is of_the_mailbox


def long_ago():
    OwedMail.objects.update(created_at=timezone.now() - timedelta(minutes=11))


# --- The clock ---


def ahead(years=10):
    return timezone.now() + timedelta(days=365 * years)


def test_what_was_owed_and_put_off_while_the_clock_ran_ahead_is_delivered_by_the_worker_now(transactional_db, slow):
    slow.go.set()
    owe_to(2)
    first, second = OwedMail.objects.all()
    OwedMail.objects.filter(pk=first.pk).update(created_at=ahead(), due_at=ahead())
    OwedMail.objects.filter(pk=second.pk).update(due_at=ahead(), attempts=3)
    worker = delivery.Delivery()
    worker.start()
    end = monotonic() + 30
    while len(mail.outbox) < 2 and monotonic() < end:
        sleep(0.05)
    worker.end()

    assert fates() == {"delivered": 2}


@pytest.mark.parametrize(("hours", "waits"), [(4, True), (5, False)])
def test_nobody_waits_longer_than_the_longest_pause(hours, waits, db):
    owe_to(1)
    OwedMail.objects.update(due_at=timezone.now() + timedelta(hours=hours), attempts=20)

    mail_turns.put_right()

    assert mail_turns.due().exists() is not waits


def test_a_claim_of_the_future_ends_as_soon_as_one_of_now(db, time_machine, mailoutbox):
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)
    owe_to(1)
    OwedMail.objects.update(claim=uuid4(), claimed_until=ahead())

    mail_turns.put_right()
    deliver()
    assert mail.outbox == [], "whoever has it may be at it"

    time_machine.shift(mail_turns.CLAIMED)
    deliver()
    assert len(mail.outbox) == 1


def test_what_was_delivered_in_the_future_holds_nothing_up_and_is_forgotten(db, mailoutbox):
    owe([draft(subject="First")], cause="kim", about="this", spaced=60)
    deliver()
    OwedMail.objects.update(ended_at=ahead())
    owe([draft(subject="Second")], cause="kim", about="this", spaced=60)
    deliver()
    assert [sent.subject for sent in mail.outbox] == ["First", "Second"]

    assert forget_old_mail() == 1
    assert OwedMail.objects.count() == 1


# --- Many wait ---

WAITING, OVER = 1500, 6000


def test_each_statement_of_a_turn_follows_an_index_however_many_wait(db, settings, mailoutbox):
    """The plans, not the time: with a hundred thousand waiting, a statement that reads all of them holds up the others."""
    owe((draft(f"p{one}@acme.example") for one in range(WAITING)), cause="mallory")
    owe([draft(subject="A"), draft(subject="B")], cause="kim", about="this", spaced=60)
    sealed = {"cause": "kim", "about": "x", "due_at": timezone.now()}
    ended = {"fate": "delivered", "ended_at": timezone.now()}
    OwedMail.objects.bulk_create(
        (OwedMail(message_id=f"<{one}@over>", **sealed, **ended) for one in range(OVER)), batch_size=500
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accounts_owedmail")
    asked = []

    def note(execute, sql, params, many, context):
        if "accounts_owedmail" in sql and not sql.startswith("INSERT"):
            asked.append((sql, params))
        return execute(sql, params, many, context)

    turns, stop = mail_turns.Turns(), Event()
    with connection.execute_wrapper(note):
        assert turns.some_wait()
        mails = turns.take()
        mail_turns.give_back(mails)
        mail_turns.put_right()
        delivery.deliver_due(EndAfter(turns, stop, 2), stop)
        waiting_mail()
        failed_lately()
        forget_old_mail()

    assert len(mail.outbox) > mail_turns.AT_A_TIME
    assert {sql.split()[0] for sql, _params in asked} == {"SELECT", "UPDATE"}
    for sql, params in asked:
        plan = plan_of(sql, params)
        assert not re.search(r"Seq Scan|SCAN (?!.*USING (COVERING )?INDEX)", plan), f"{sql}\n{plan}"


class EndAfter:
    """Turns, of which there are no more after some."""

    def __init__(self, turns, stop, number):
        self.turns, self.stop, self.left = turns, stop, number

    def take(self):
        self.left -= 1
        return self.turns.take() if self.left >= 0 else []


def plan_of(sql, params):
    how = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{how} {sql}", params)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def test_what_became_of_many_mails_is_deleted_some_at_a_time(db, time_machine, django_assert_max_num_queries):
    time_machine.move_to("2026-05-04 09:00:00+00:00")
    ended = {"fate": "delivered", "ended_at": timezone.now()}
    OwedMail.objects.bulk_create(OwedMail(message_id=f"<{one}@over>", cause="kim", **ended) for one in range(1200))
    owe_to(1)
    time_machine.shift(timedelta(days=3, minutes=1))

    with django_assert_max_num_queries(20):
        assert forget_old_mail() == 1200
    assert OwedMail.objects.get().ended_at is None


# --- The act's own transaction ---


def test_an_act_that_is_undone_owes_nothing(transactional_db):
    with transaction.atomic():
        owe_to(3)
        transaction.set_rollback(True)

    assert not OwedMail.objects.exists()


def test_five_hundred_are_one_statement(db, django_assert_num_queries):
    with django_assert_num_queries(1):
        owe_to(500)
