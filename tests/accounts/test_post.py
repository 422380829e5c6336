"""Mail is delivered beside the request: no mail server, slow, broken or silent, keeps anybody waiting."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Event, current_thread
from time import monotonic

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend

from accounts import post

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = "tests.accounts.test_post"


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


def wait():
    """Until what was handed over is delivered."""
    for lane in (post.LETTERS, post.CIRCULARS):
        lane.thread.submit(int).result(10)


def test_the_site_delivers_in_the_background():
    from m2v import settings  # noqa: PLC0415  # the site's own, which the tests' replace

    assert settings.MAIL_IN_BACKGROUND is True


def test_handing_over_does_not_wait_for_the_mail_server(background):
    start = monotonic()
    post.deliver(letter())
    post.deliver_to_many(letter() for _ in range(3))

    assert monotonic() - start < 1
    assert mail.outbox == []
    Slow.go.set()
    wait()
    assert len(mail.outbox) == 4
    assert set(Slow.threads) == {"post-letters_0", "post-circulars_0"}


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
    post.deliver_to_many(circular())
    post.deliver(letter())
    post.LETTERS.thread.submit(int).result(10)

    assert [sent.to for sent in mail.outbox] == [["kim@acme.example"]]
    gate.set()


def test_more_than_fits_is_dropped_and_logged(background, caplog):
    lane = post.Lane("small", most=2)
    for _ in range(5):
        lane.take([letter()])

    assert caplog.text.count("Mail was dropped") == 3
    Slow.go.set()
    lane.thread.shutdown(wait=True)
    assert len(mail.outbox) == 2


def test_room_is_free_again_after_the_delivery(background):
    Slow.go.set()
    lane = post.Lane("small", most=1)
    for number in range(1, 4):
        lane.take([letter()])
        lane.thread.submit(int).result(10)
        assert len(mail.outbox) == number


def test_mail_that_is_handed_over_while_the_process_ends_is_dropped_and_logged(background, caplog):
    lane = post.Lane("ended")
    lane.thread.shutdown()

    lane.take([letter()])

    assert "Mail was dropped." in caplog.text


def test_one_that_is_refused_keeps_none_of_the_others(settings, mailoutbox, caplog):
    settings.MAILERS = {"default": {"BACKEND": f"{HERE}.Polite"}}
    Polite.calls = 0

    post.deliver_to_many(letter(to) for to in ("a@acme.example", "refused@acme.example", "c@acme.example"))

    assert [sent.to[0] for sent in mail.outbox] == ["a@acme.example", "c@acme.example"]
    assert caplog.text.count("A mail was not delivered.") == 1
    assert Polite.calls == 2


def test_a_line_that_was_cut_is_opened_again(settings, mailoutbox, caplog):
    settings.MAILERS = {"default": {"BACKEND": f"{HERE}.Choosy"}}

    post.deliver(letter("refused@acme.example"), letter())

    assert [sent.to[0] for sent in mail.outbox] == ["kim@acme.example"]
    assert "The connection to the mail server broke: The line was cut." in caplog.text


def test_many_go_over_one_connection(settings, mailoutbox):
    settings.MAILERS = {"default": {"BACKEND": f"{HERE}.Polite"}}
    Polite.calls = 0

    post.deliver_to_many(letter() for _ in range(40))

    assert len(mail.outbox) == 40
    assert Polite.calls == 1


def test_what_waits_when_the_process_ends_is_delivered_before(tmp_path):
    script = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "m2v.settings"
django.setup()
from django.core.mail import EmailMessage
from accounts import post
for n in range(20):
    post.deliver(EmailMessage(f"Number {n}", "text", to=["kim@acme.example"]))
"""
    environment = {"DATA_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
    sent = "".join(file.read_text() for file in (tmp_path / "outbox").iterdir())
    assert {f"Subject: Number {n}\n" in sent for n in range(20)} == {True}
