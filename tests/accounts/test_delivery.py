"""Mail is delivered beside the request: no mail server, slow, broken or silent, keeps anybody waiting."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Event, current_thread
from time import monotonic, sleep

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend

from accounts import delivery
from audit.recording import record
from audit.vocabulary import Action
from tests.addresses import link_of

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = "tests.accounts.test_delivery"


def letter(to="kim@acme.example"):
    return EmailMessage("Hello", "Hello Kim", to=[to])


class Slow(EmailBackend):
    """A mail server that answers when it is let."""

    go = Event()
    threads: list[str] = []

    def send_messages(self, messages):
        assert self.go.wait(10)
        self.threads.append(current_thread().name)
        return super().send_messages(messages)


class Choosy(EmailBackend):
    """One that refuses some, and counts calls."""

    calls = 0

    def open(self):
        type(self).calls += 1

    def close(self):
        raise OSError("The line was cut.")

    def send_messages(self, messages):
        if "refused" in messages[0].to[0]:
            raise ValueError("No such mailbox.")
        return super().send_messages(messages)


class Polite(Choosy):
    def close(self):
        """Nothing to close."""


@pytest.fixture
def background(settings, mailoutbox):
    """As the site is served."""
    settings.MAIL_IN_BACKGROUND = True
    settings.MAILERS = {"default": {"BACKEND": f"{HERE}.Slow"}}
    Slow.go.clear()
    Slow.threads.clear()
    yield
    Slow.go.set()
    wait()


def wait(*lanes):
    """Until what was handed over is delivered."""
    for lane in lanes or (delivery.LETTERS, delivery.CIRCULARS):
        end = monotonic() + 60
        while (lane.queues or lane.busy) and monotonic() < end:
            sleep(0.01)
        assert not lane.queues
        assert not lane.busy


def test_the_site_delivers_in_the_background():
    from m2v import settings  # noqa: PLC0415  # the site's own, which the tests' replace

    assert settings.MAIL_IN_BACKGROUND is True


def test_handing_over_does_not_wait_for_the_mail_server(background):
    start = monotonic()
    delivery.deliver(letter(), cause="kim")
    delivery.deliver_to_many((letter() for _ in range(3)), cause="kim")

    assert monotonic() - start < 1
    assert mail.outbox == []
    Slow.go.set()
    wait()
    assert len(mail.outbox) == 4
    assert {name.rpartition("_")[0] for name in Slow.threads} == {"post-letters", "post-circulars"}


def test_a_login_does_not_wait_for_the_mail_server(background, transactional_db, make_person):
    kim = make_person("kim")
    kim.set_up_app()
    start = monotonic()

    kim.enter_password()
    assert kim.enter_code(kim.codes[0]).headers["Location"] == "/"

    assert monotonic() - start < 5
    assert mail.outbox == []
    Slow.go.set()
    wait()
    assert "m2v: A recovery code was used" in [sent.subject for sent in mail.outbox]


def test_a_letter_does_not_wait_for_a_circular(background):
    gate = Event()

    def circular():
        assert gate.wait(10)
        yield letter("many@acme.example")

    Slow.go.set()
    delivery.deliver_to_many(circular(), cause="kim")
    delivery.deliver(letter(), cause="kim")
    wait(delivery.LETTERS)

    assert [sent.to for sent in mail.outbox] == [["kim@acme.example"]]
    gate.set()


def test_nothing_is_dropped_however_much_one_person_causes_and_the_log_says_it(background, caplog):
    for _ in range(1000):
        delivery.deliver(letter(), cause="kim")

    assert caplog.text.count("mails of one cause wait") == 1
    Slow.go.set()
    wait()
    assert len(mail.outbox) == 1000


class Stuck(Slow):
    """A mail server that takes for ever with what one person causes, and is quick for everybody else."""

    def send_messages(self, messages):
        if messages[0].to != ["many@acme.example"]:
            return EmailBackend.send_messages(self, messages)
        return super().send_messages(messages)


def test_nobodys_mail_waits_behind_what_another_causes(background, settings):
    settings.MAILERS = {"default": {"BACKEND": f"{HERE}.Stuck"}}
    for _ in range(20):
        delivery.deliver(letter("many@acme.example"), cause="mallory")
        delivery.deliver_to_many((letter("many@acme.example") for _ in range(5)), cause="mallory")
    delivery.deliver(letter(), cause="kim")
    delivery.deliver_to_many([letter("lee@acme.example")], cause="lee")

    end = monotonic() + 5
    while len(mail.outbox) < 2 and monotonic() < end:
        sleep(0.01)
    assert sorted(sent.to[0] for sent in mail.outbox) == ["kim@acme.example", "lee@acme.example"]


def test_queues_take_turns(background):
    lane = delivery.MailQueues("turns", threads=1)
    for name in ("first", "mallory", "mallory", "mallory", "kim"):
        lane.take([letter(f"{name}@acme.example")], name)
    Slow.go.set()
    wait(lane)

    assert [sent.to[0].partition("@")[0] for sent in mail.outbox] == ["first", "mallory", "kim", "mallory", "mallory"]


def test_a_circular_lets_others_have_their_turn_and_comes_to_its_end(background):
    lane = delivery.MailQueues("turns", threads=1)
    lane.take((letter("many@acme.example") for _ in range(delivery.AT_A_TIME * 2)), "mallory")
    lane.take([letter()], "kim")
    Slow.go.set()
    wait(lane)

    names = [sent.to[0] for sent in mail.outbox]
    assert names.index("kim@acme.example") == delivery.AT_A_TIME
    assert names.count("many@acme.example") == delivery.AT_A_TIME * 2


def test_of_several_about_the_same_thing_that_wait_the_last_is_sent(background):
    lane = delivery.MailQueues("same", threads=1)
    lane.take([letter("first@acme.example")], "kim")
    end = monotonic() + 10
    while not lane.busy and monotonic() < end:
        sleep(0.01)
    for number in range(5):
        lane.take([EmailMessage(f"Number {number}", "text", to=["kim@acme.example"])], "kim", "the address of Kim")
    lane.take([letter("kim@acme.example")], "kim", "something else")
    lane.take([letter("lee@acme.example")], "lee", "the address of Kim")
    Slow.go.set()
    wait(lane)

    assert sorted(sent.subject for sent in mail.outbox) == ["Hello", "Hello", "Hello", "Number 4"]


def test_what_is_spaced_goes_at_once_and_what_follows_waits_for_the_end_of_its_time(background):
    Slow.go.set()
    lane = delivery.MailQueues("spaced", threads=1)

    def said(number, cause="kim", about="the address of Kim"):
        lane.take([EmailMessage(f"{cause} {number}", "text", to=["kim@acme.example"])], cause, about, spaced=5)

    said("first")
    wait(lane)
    assert [sent.subject for sent in mail.outbox] == ["kim first"]
    for number in range(20):
        said(number)
    said("first", about="something else")
    said("first", cause="lee")
    wait(lane)
    assert [sent.subject for sent in mail.outbox[1:]] == ["kim first", "lee first"], "each has its own time"

    end = monotonic() + 20
    while len(mail.outbox) < 4 and monotonic() < end:
        sleep(0.01)
    assert [sent.subject for sent in mail.outbox[3:]] == ["kim 19"], "the last, once its time has come"
    said("again")
    wait(lane)
    assert len(mail.outbox) == 4, "it was told a moment ago"
    lane.hurry()
    wait(lane)


def test_what_is_held_back_goes_when_it_is_hurried_and_nothing_twice(background):
    Slow.go.set()
    lane = delivery.MailQueues("hurried", threads=1)
    for number in range(3):
        lane.take([EmailMessage(f"Number {number}", "text", to=["kim@acme.example"])], "kim", "Kim", spaced=60)
        wait(lane)
    assert len(mail.outbox) == 1

    lane.hurry()
    lane.hurry()
    wait(lane)

    assert [sent.subject for sent in mail.outbox] == ["Number 0", "Number 2"]


def test_twenty_posts_about_ones_address_are_few_mails(background, transactional_db, kim):
    Slow.go.set()
    kim.sign_in()
    wait()
    del mail.outbox[:]
    form = {"first_name": "Kim", "last_name": "Hansen", "language": "en"}
    for number in range(20):
        kim.client.post("/user-settings/", form | {"email": f"new{number % 2}@acme.example"})
        wait()
    assert Counter(sent.to[0] for sent in mail.outbox) == {
        "kim@acme.example": 1, "new0@acme.example": 1, "new1@acme.example": 1
    }  # fmt: skip

    delivery.LETTERS.hurry()
    wait()

    told = Counter(sent.to[0] for sent in mail.outbox)
    assert told == {"kim@acme.example": 2, "new0@acme.example": 2, "new1@acme.example": 2}
    last = [sent for sent in mail.outbox if sent.to == ["new1@acme.example"]][-1]
    assert link_of(kim.user).rsplit(":", 2)[0] in last.body, "the link that works"


def test_acts_in_a_row_that_say_the_same_are_told_once_while_the_mail_waits(background, transactional_db, make_person):
    kim = make_person("kim")
    subject = kim.user
    for _ in range(20):
        record(Action.PASSWORD_CHANGED, actor=subject, subject=subject)
    record(Action.PASSKEY_CREATED, actor=subject, subject=subject, name="Phone")
    record(Action.PASSKEY_CREATED, actor=subject, subject=subject, name="Key")
    Slow.go.set()
    wait()
    told = Counter(sent.subject for sent in mail.outbox)
    assert told["m2v: Your password was changed"] == 1
    delivery.LETTERS.hurry()
    wait()

    told = Counter(sent.subject for sent in mail.outbox)
    assert told["m2v: Your password was changed"] == 2  # the first, and the last a minute later
    assert told["m2v: A passkey was added to your account"] == 2


def test_mail_that_is_handed_over_while_the_process_ends_is_delivered_at_once(background):
    Slow.go.set()
    lane = delivery.MailQueues("ended", threads=1)
    lane.threads.shutdown()

    lane.take([letter()], "kim")

    assert len(mail.outbox) == 1


def test_one_that_is_refused_keeps_none_of_the_others(settings, mailoutbox, caplog):
    settings.MAILERS = {"default": {"BACKEND": f"{HERE}.Polite"}}
    Polite.calls = 0

    some = ("a@acme.example", "refused@acme.example", "c@acme.example")
    delivery.deliver_to_many((letter(to) for to in some), cause="kim")

    assert [sent.to[0] for sent in mail.outbox] == ["a@acme.example", "c@acme.example"]
    assert caplog.text.count("A mail was not delivered.") == 1
    assert Polite.calls == 2


def test_a_line_that_was_cut_is_opened_again(settings, mailoutbox, caplog):
    settings.MAILERS = {"default": {"BACKEND": f"{HERE}.Choosy"}}

    delivery.deliver(letter("refused@acme.example"), letter(), cause="kim")

    assert [sent.to[0] for sent in mail.outbox] == ["kim@acme.example"]
    assert "The connection to the mail server broke: The line was cut." in caplog.text


def test_many_go_over_one_connection(settings, mailoutbox):
    settings.MAILERS = {"default": {"BACKEND": f"{HERE}.Polite"}}
    Polite.calls = 0

    delivery.deliver_to_many((letter() for _ in range(40)), cause="kim")

    assert len(mail.outbox) == 40
    assert Polite.calls == 1


def test_what_waits_when_the_process_ends_is_delivered_before(tmp_path):
    script = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "m2v.settings"
django.setup()
from django.core.mail import EmailMessage
from audit.recording import record
from accounts import delivery
from audit.vocabulary import Action
for n in range(20):
    delivery.deliver(EmailMessage(f"Number {n}", "text", to=["kim@acme.example"]), cause="kim")
for n in range(20, 23):
    delivery.deliver(EmailMessage(f"Number {n}", "text", to=["kim@acme.example"]), cause="lee", about="Kim", spaced=60)
    while delivery.LETTERS.queues or delivery.LETTERS.busy:
        pass
"""
    environment = {"DATA_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
    sent = "".join(file.read_text() for file in (tmp_path / "outbox").iterdir())
    assert {f"Subject: Number {n}\n" in sent for n in [*range(20), 20, 22]} == {True}
