"""All that is kept of one person, without secrets, and nobody else's."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import people
from accounts.models import Role
from audit.models import AuditEvent
from companies.erasing import erase
from mfa import services
from tests.companies import USERS, read
from tests.people import AGENT, PASSWORD

OWN = "/user-settings/data/"


def of(user):
    return f"{USERS}{user.pk}/"


def export(name):
    out = StringIO()
    call_command("export_person", name, stdout=out)
    return out.getvalue()


def test_a_person_gets_what_is_kept_of_them_and_nothing_that_opens_anything(kim_with_app, ada, admin):
    kim = kim_with_app
    passkey = kim.add_passkey()
    ada.sign_in()
    kim.sign_in()
    services.rename_passkey(passkey, "My phone", actor=kim.user)
    people.end_sessions(kim.user, actor=admin)
    kim.client.defaults["REMOTE_ADDR"] = "192.0.2.9"
    kim.enter_password()
    kim.enter_code(kim.code(1))

    text = export("kim")
    found = json.loads(text)

    assert found["person"]["email"] == "kim@acme.example"
    assert found["person"]["company__name"] == "Acme Machines"
    assert len(found["authenticator_apps"]) == 1
    assert len(found["recovery_codes"]) == 10
    assert [held["name"] for held in found["passkeys"]] == ["My phone"]
    assert [(session["address"], session["browser"]) for session in found["sessions"]] == [("192.0.2.9", AGENT)]
    kept = AuditEvent.objects.filter(subject=kim.user).order_by("pk").values_list("action", flat=True)
    assert [line["act"] for line in found["audit"]] == list(kept)
    (ended,) = (line for line in found["audit"] if line["act"] == "sessions_ended")
    assert not ended["by_themselves"]
    assert found["audit"][-1]["act"] == "person_exported"
    for other in (ada.user, admin):
        assert str(other.pk) not in text
        assert other.last_name not in text
    kim.user.refresh_from_db()
    app = kim.user.authenticator_apps.get()
    for secret in (PASSWORD, kim.user.password, kim.app_key.hex(), bytes(app.key).hex(), *kim.codes):
        assert secret not in text


def test_whoever_administers_is_told_and_the_audit_says_that_it_was_taken(kim, admin, told):
    mails = told(export, "kim@acme.example")

    line = AuditEvent.objects.get(action="person_exported")
    assert (line.subject, line.actor, line.details["shell"]) == (kim.user, None, True)
    assert [mail.to for mail in mails] == [[admin.email]]


def downloaded(person, address):
    answer = person.client.post(address)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="m2v-')
    return json.loads(b"".join(answer.streaming_content))


def test_people_download_what_is_kept_of_themselves(kim):
    kim.sign_in()
    page = read(kim.client.get("/user-settings/"))
    assert page.button("Download my data")

    found = downloaded(kim, OWN)

    assert found["person"]["username"] == "kim"
    assert [line["act"] for line in found["audit"]] == ["signed_in", "person_exported"]
    assert all(line["by_themselves"] for line in found["audit"])
    line = AuditEvent.objects.get(action="person_exported")
    assert (line.subject, line.actor) == (kim.user, kim.user)


def test_administrators_download_it_for_whom_they_administer(carla, kim, make_user, other_company):
    carla.sign_in()
    page = read(carla.client.get(of(kim.user)))
    assert page.button("Download data that is kept about Kim")

    found = downloaded(carla, f"{of(kim.user)}file/")

    assert found["person"]["username"] == "kim"
    assert not found["audit"][-1]["by_themselves"]
    line = AuditEvent.objects.get(action="person_exported")
    assert (line.subject, line.actor) == (kim.user, carla.user)
    for beyond in (make_user("stranger", company=other_company), make_user("petra", role=Role.ADMINISTRATOR)):
        assert carla.client.post(f"{of(beyond)}file/").status_code == 404
    assert AuditEvent.objects.filter(action="person_exported").count() == 1


@pytest.mark.parametrize("role", [Role.HELPDESK, Role.AUDITOR])
def test_helpdesk_and_auditors_take_out_nobody(role, make_person, kim):
    helper = make_person("holly", role=role)
    helper.sign_in()

    assert helper.client.post(f"{of(kim.user)}file/").status_code == 403
    assert "Download data" not in read(helper.client.get(of(kim.user))).words
    assert not AuditEvent.objects.filter(action="person_exported").exists()


def test_a_file_is_handed_out_after_a_proof_alone(kim, time_machine):
    kim.sign_in()
    time_machine.move_to(timezone.now() + timedelta(minutes=16))

    assert kim.client.post(OWN).headers["Location"].startswith("/confirm/")
    assert not AuditEvent.objects.filter(action="person_exported").exists()


def test_members_get_ten_files_an_hour(kim):
    kim.sign_in()
    for _time in range(10):
        assert kim.client.post(OWN).status_code == 200

    page = read(kim.client.post(OWN, follow=True))

    assert any("Too many" in note or "try again" in note.lower() for note in page.notes)
    assert AuditEvent.objects.filter(action="person_exported").count() == 10


def test_of_somebody_erased_there_is_no_file(kim, administrator):
    erase(kim.user, actor=administrator.user)

    assert administrator.client.post(f"{of(kim.user)}file/").status_code == 404


def test_of_nobody_nothing_is_taken(db):
    with pytest.raises(CommandError, match="Nobody has the user name or e-mail address nobody"):
        export("nobody")
    assert not AuditEvent.objects.filter(action="person_exported").exists()
