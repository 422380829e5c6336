"""`manage.py export_person`: all that is kept of one person, without secrets, and nobody else's."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts import people
from audit.models import AuditEvent
from mfa import services
from tests.people import AGENT, PASSWORD


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


def test_of_nobody_nothing_is_taken(db):
    with pytest.raises(CommandError, match="Nobody has the user name or e-mail address nobody"):
        export("nobody")
    assert not AuditEvent.objects.filter(action="person_exported").exists()
