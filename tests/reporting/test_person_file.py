"""All that is kept of one person, without secrets, and nobody else's."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import people
from accounts.activity import Activity
from accounts.models import Role
from audit.models import AuditEvent
from audit.recording import origin, record
from audit.vocabulary import Action
from companies import lost_phone
from companies.access_passes import Validity
from companies.erasing import erase
from companies.models import Reminder
from mfa import services
from reporting import person_file
from reporting.person_file import take_out
from tests.companies import USERS, read
from tests.people import AGENT, PASSWORD
from tests.test_architecture import TABLES

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


# What the file says of each thing of a person's, and which of its columns it leaves out.
IN_IT = {
    "User": (person_file.OF_THE_PROFILE, {
        "password", "username_folded", "email_folded", "search_text", "password_is_short", "session_epoch", "locked_by",
        "two_factor_changed_by", "erased_at",
    }),
    "PendingAddress": (("email", "entered_at"), {"id", "user", "entered_by"}),
    "AuthenticatorApp": (person_file.OF_AN_APP, {
        "id", "user", "name", "confirmed", "key", "last_used_step", "disabled_at",
    }),
    "RecoveryCode": (person_file.OF_A_CODE, {"id", "user", "sealed_digest"}),
    "Passkey": (person_file.OF_A_PASSKEY, {
        "id", "user", "credential_id", "public_key", "sign_count", "backup_eligible",
    }),
    "PasskeyRequest": (("requested_at",), {"id", "user", "requested_by"}),
    "AccessPass": (("created_at", "until"), {"id", "user", "digest", "epoch", "created_by"}),
    "Session": (person_file.OF_A_SESSION, {"session_key", "session_data", "user", "public_id"}),
    "Reminder": (("at",), {"person"}),
    "AuditEvent": (("at", "action", "address", "browser", "details"), {"id", "actor", "subject", "company"}),
}  # fmt: skip
# What holds somebody's name, key or address too, and why it is not in it.
NOT_IN_IT = {
    "OwedMail": "on its way, for three days; privacy.md says so",
    "Budget": "counts of guesses; privacy.md says so",
    "BulkRun": "an act on others, whose lines are in it; privacy.md says so",
    "BulkPerson": "names that somebody pasted; privacy.md says so",
    "Import": "files of others that somebody sent; privacy.md says so",
    "Listing": "what the database makes of the profile, for lists",
    "SiteRule": "a rule of the site; who changed it is a line of the audit",
}
OF_SOMEBODY = {"user", "person", "owner", "subject", "changed_by", "key", "name", "email", "sealed", "text"}
NO_PERSONS = {"Company", "Snapshot", "Tally", "Total", "SigningKey", "KeyInUse", "Checkpoint"}


def test_each_column_about_somebody_is_in_it_or_left_out_on_purpose():
    ours = [model for app in TABLES for model in apps.get_app_config(app).get_models()]
    about = {
        model.__name__: {field.name for field in model._meta.concrete_fields}
        for model in ours
        if model.__name__ == "User" or OF_SOMEBODY & {field.name for field in model._meta.concrete_fields}
    }

    assert set(about) - NO_PERSONS == IN_IT.keys() | NOT_IN_IT.keys()
    for name, (said, left_out) in IN_IT.items():
        assert about[name] == {column.partition("__")[0] for column in said} | left_out, name
        assert not left_out & set(said), name


def test_the_language_of_their_browser_and_the_last_reminder_are_in_it(kim):
    kim.user.browser_language = "de"
    kim.user.save(update_fields=["browser_language"])
    Reminder.objects.create(person=kim.user.pk, at=timezone.now())

    found = json.loads(export("kim"))

    assert found["person"]["browser_language"] == "de"
    assert found["reminded_at"]


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


@pytest.fixture
def moved(kim_with_app, admin, other_company):
    """Kim, who was reset in one company by "Zqvreason", from 192.0.2.9, and is in another one now."""
    kim = kim_with_app
    kim.add_passkey()
    kim.client.defaults["REMOTE_ADDR"] = "192.0.2.9"
    kim.enter_password()
    kim.enter_code(kim.codes[0])
    with origin("192.0.2.8", "Zqvbrowser"):
        record(Action.REFUSED, actor=None, subject=kim.user)
    give = {"valid": Validity.AN_HOUR, "checked": "in_person", "reason": "Zqvreason", "actor": admin}
    lost_phone.reset(kim.user, lost={"codes", str(kim.user.passkeys.get().pk)}, **give)
    kim.user.refresh_from_db()
    kim.user.company = other_company
    people.change_user(kim.user, changed=["company"], actor=admin)
    kim.user.refresh_from_db()
    return kim


@pytest.fixture
def their_lead(make_person, other_company):
    """A company administrator of where Kim is now."""
    lead = make_person("lea", role=Role.COMPANY_ADMINISTRATOR, company=other_company)
    lead.sign_in()
    return lead


@pytest.mark.row("ASVS-8.4.1")
def test_the_file_of_a_companys_administrator_has_nothing_of_an_earlier_company(moved, their_lead):
    answer = their_lead.client.post(f"{of(moved.user)}file/")
    text = b"".join(answer.streaming_content).decode()
    found = json.loads(text)

    for said in ("Zqvreason", "192.0.2.", "Zqvbrowser", AGENT):
        assert said not in text
    assert [line["act"] for line in found["audit"]] == ["user_changed", "person_exported"]
    assert [found[part] for part in ("access_passes", "recovery_codes", "passkeys", "sessions")] == [[], [], [], []]
    assert [app["removed_at"] for app in found["authenticator_apps"]] == [None]
    assert found["authenticator_apps"][0]["last_used_at"] is found["person"]["last_sign_in_at"] is None


def test_the_file_of_a_companys_administrator_has_the_lines_that_their_activity_shows(moved, their_lead):
    services.request_passkey(moved.user, actor=their_lead.user)
    moved.enter_password("wrong")
    found = downloaded(their_lead, f"{of(moved.user)}file/")

    shown = Activity(their_lead.user, person=frozenset({moved.user.pk})).newest(100)
    assert [line["act"] for line in found["audit"]] == [line.action for line in reversed(shown)]
    assert found["passkey_requested_at"]
    assert "refused" in {line["act"] for line in found["audit"]}
    for line in found["audit"]:
        assert line["by_themselves"] is False


def test_after_they_left_their_earlier_company_reads_nothing_more(moved, carla):
    assert carla.client.post(f"{of(moved.user)}file/").status_code == 404


def test_they_themselves_administrators_of_the_site_and_the_server_get_what_was_earlier_too(moved, administrator):
    files = [
        "".join(take_out(moved.user, actor=moved.user)),
        "".join(take_out(moved.user, actor=administrator.user)),
        export("kim"),
    ]

    for said in files:
        found = json.loads(said)
        assert all(each in said for each in ("Zqvreason", "192.0.2.9", "192.0.2.8", "Zqvbrowser"))
        assert found["audit"][0]["act"] == "app_set_up"
        assert len(found["passkeys"]) == 1
        assert len(found["recovery_codes"]) == 9


@pytest.mark.row("ASVS-8.4.1")
def test_what_a_former_administrator_of_the_site_did_elsewhere_is_not_for_their_company(
    make_person, admin, carla, company, other_company
):
    rita = make_person("rita", role=Role.ADMINISTRATOR, company=None)
    record(Action.LIST_EXPORTED, actor=rita.user, company=other_company, name="User", filters={"q": "Zqvfilter"})
    record(Action.COMPANY_CREATED, actor=rita.user, company=other_company, name="Zqvname")
    record(Action.USERS_IMPORTED, actor=rita.user, name="Zqvfile.csv")
    rita.user.role, rita.user.company = Role.MEMBER, company
    people.change_user(rita.user, changed=["role", "company"], actor=admin)
    rita.user.refresh_from_db()
    record(Action.LIST_EXPORTED, actor=rita.user, company=company, name="User", filters={"q": "of here"})
    carla.sign_in()

    theirs, own = downloaded(carla, f"{of(rita.user)}file/"), json.loads(export("rita"))

    assert [line["act"] for line in theirs["audit"]] == ["user_changed", "list_exported", "person_exported"]
    assert "Zqv" not in json.dumps(theirs)
    assert {"company_created", "users_imported"} <= {line["act"] for line in own["audit"]}


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
