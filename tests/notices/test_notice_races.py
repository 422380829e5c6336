"""Twenty at once, on the real database: one report, one mail (B-10, B-11)."""

from __future__ import annotations

import pytest

from accounts import not_me
from audit.models import AuditEvent
from audit.vocabulary import Action
from tests.people import Person, browser
from tests.test_races import TWENTY, browsers, in_parallel

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def kim(make_person) -> Person:
    """With an app, and without a passkey in the way."""
    person: Person = make_person("kim")
    person.set_up_app()
    return person


def test_twenty_clicks_are_one_report(kim, mailoutbox):
    event = AuditEvent.objects.filter(subject=kim.user).latest("pk")
    path = not_me.not_me_link(event, kim.user.email).removeprefix("http://localhost:8000")
    mailoutbox.clear()

    answers = in_parallel([lambda: browser().post(path)] * TWENTY)

    assert {answer.status_code for answer in answers} == {302}
    assert AuditEvent.objects.filter(action=Action.REPORTED_NOT_ME).count() == 1
    assert [mail.subject for mail in mailoutbox] == ["m2v: Your account is locked, and no administrator is left"]


def test_twenty_wrong_codes_at_once_are_told_once(kim, mailoutbox):
    tries = browsers(kim, same_session=False)
    mailoutbox.clear()

    in_parallel([lambda one=one: one.enter_code("000000") for one in tries])

    assert [mail.subject for mail in mailoutbox] == ["m2v: Three failed attempts at your second factor"]
