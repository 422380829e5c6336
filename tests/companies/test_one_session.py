"""A single session of somebody, ended by whoever may sign them out."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from accounts.models import Role, Session
from audit.models import AuditEvent
from audit.sentences import sentence

USERS = "/settings/administration/users/"


def page_of(person):
    return f"{USERS}{person.pk}/"


def ends_on(page):
    """Where the buttons "Sign out" of single sessions lead."""
    return re.findall(r'action="(/settings/[^"]*/sessions/[^"]*)"', page.content.decode())


@pytest.fixture
def twice(kim):
    """Kim, signed in in two browsers; the other one is what comes back."""
    kim.sign_in()
    first = Session.objects.get(user=kim.user)
    kim.client.cookies.clear()
    kim.sign_in()
    return first


def test_one_ends_and_the_other_goes_on(administrator, kim, twice):
    page = administrator.client.get(f"{page_of(kim.user)}?q=kim")
    assert len(ends_on(page)) == 2
    path = next(path for path in ends_on(page) if str(twice.public_id) in path)

    answer = administrator.client.post(path, follow=True)

    assert answer.redirect_chain == [(f"{page_of(kim.user)}?q=kim", 302)]
    assert "Kim is signed out of Chrome on Linux." in answer.content.decode()
    assert not Session.objects.filter(pk=twice.pk).exists()
    assert kim.client.get("/portal/").status_code == 200


def test_it_is_on_record_and_its_owner_is_told(told, administrator, kim, twice):
    path = f"{page_of(kim.user)}sessions/{twice.public_id}/end/"

    [mail] = told(administrator.client.post, path)

    line = AuditEvent.objects.select_related("actor", "subject", "company").latest("pk")
    assert (line.action, line.details["session"]) == ("session_ended", str(twice.public_id))
    assert sentence(line) == "Petra Vogt signed Kim Hansen out of Chrome on Linux"
    assert mail.to == [kim.user.email]
    assert mail.subject == "m2v: You were signed out in one place"
    assert "Petra Vogt signed you out of Chrome on Linux" in mail.body


def test_ones_own_is_told_to_nobody(told, kim, twice):
    assert told(kim.client.post, f"/user-settings/sessions/{twice.public_id}/end/") == []

    line = AuditEvent.objects.select_related("actor", "subject", "company").latest("pk")
    assert sentence(line) == "Kim Hansen signed out Chrome on Linux"


def test_a_session_that_is_over_says_so(administrator, kim):
    answer = administrator.client.post(f"{page_of(kim.user)}sessions/{uuid4()}/end/", follow=True)

    assert "Kim is no longer signed in there." in answer.content.decode()
    assert not AuditEvent.objects.filter(action="session_ended").exists()


def test_one_session_is_ended_through_its_owner_alone(administrator, kim, ada, twice):
    administrator.client.post(f"{page_of(ada.user)}sessions/{twice.public_id}/end/")

    assert Session.objects.filter(pk=twice.pk).exists()


def test_nobody_ends_the_session_that_they_are_in(administrator):
    here = Session.objects.get(user=administrator.user).public_id
    page = administrator.client.get(page_of(administrator.user))
    assert ends_on(page) == []
    assert "This session" in page.content.decode()

    administrator.client.post(f"{page_of(administrator.user)}sessions/{here}/end/")

    assert administrator.client.get("/settings/").status_code == 200


@pytest.mark.parametrize(("role", "may"), [(Role.HELPDESK, True), (Role.AUDITOR, False)])
def test_the_helpdesk_may_and_an_auditor_may_not(make_person, kim, twice, role, may):
    person = make_person("hana", role=role)
    person.sign_in()

    assert bool(ends_on(person.client.get(page_of(kim.user)))) is may
    answer = person.client.post(f"{page_of(kim.user)}sessions/{twice.public_id}/end/")
    assert answer.status_code == (302 if may else 403)
    assert Session.objects.filter(pk=twice.pk).exists() is not may


def test_signing_out_everywhere_comes_back_to_the_person_s_page(administrator, kim, twice):
    page = administrator.client.get(page_of(kim.user)).content.decode()
    [path] = set(re.findall(r'href="([^"]*/sign-out/[^"]*)"', page))

    answer = administrator.client.post(path.replace("&amp;", "&"))

    assert answer.headers["Location"] == page_of(kim.user)
