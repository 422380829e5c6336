"""`manage.py tidy` deletes what has run out, and nothing else."""

from __future__ import annotations

from io import StringIO

from django.core.management import call_command

from accounts.models import Budget, Session
from tests.people import Person, browser


def test_asvs_14_2_7_what_has_run_out_is_deleted(kim, time_machine):
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)
    kim.sign_in()
    browser().post("/login/", {"username": "nobody", "password": "wrong"})
    time_machine.shift(31 * 24 * 3600)
    later = Person(kim.user)
    later.sign_in()
    said = StringIO()

    call_command("tidy", stdout=said)

    assert said.getvalue() == "1 sessions and 1 counts of guesses are deleted.\n"
    assert Session.objects.count() == 1
    assert later.is_in
    assert not Budget.objects.filter(pk__startswith="name:").exists()
