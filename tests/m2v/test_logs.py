"""What is logged, that it can be read and trusted, and what is in it and what never."""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from django.conf import settings as site
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import path, set_urlconf

from accounts import refusals
from accounts.models import Role, User
from accounts.not_me import not_me_link
from audit import recording, sentences
from audit.models import AuditEvent
from audit.recording import record
from audit.sealing.checkpoints import seal_lines
from audit.vocabulary import Action
from companies import services as companies
from m2v import urls as site_urls
from m2v.logs import JsonFormatter
from mfa import services
from tests.accounts.steps import HALF_WAY, go_half_way
from tests.accounts.walk import pages
from tests.authenticator import Authenticator
from tests.people import PASSWORD, Person, browser
from tests.scenes import FORM

ROOT = Path(site.ROOT)
PEOPLE = "/settings/administration/users/"
COMPANIES = "/settings/administration/companies/"
SMUGGLED = "x\r\n2026-01-01 INFO signed_in admin\x1b[31m\x00\x85\u2028\u202e<b>"


@login_not_required
def broken(request):
    raise RuntimeError("inside")


urlpatterns = [path("broken/", broken), *site_urls.urlpatterns]
handler500 = site_urls.handler500


def lines(**found):
    return list(AuditEvent.objects.filter(**found).order_by("pk"))


def formatted(record):
    return JsonFormatter().format(record)


@pytest.fixture
def log(monkeypatch):
    """The log as it leaves the process: lines of text."""
    kept: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(formatted(record))

    handler = Kept()
    logging.getLogger().addHandler(handler)
    yield kept
    logging.getLogger().removeHandler(handler)


def careful(person=None):
    """A browser whose forms the site checks."""
    client = Client(enforce_csrf_checks=True, SERVER_NAME="localhost", SERVER_PORT="8000")
    if person:
        client.cookies = person.client.cookies
    return client


# --- 16.1, 16.2: what a line is ---


@pytest.mark.row("ASVS-16.1.1")
def test_the_log_is_one_of_json_lines_with_the_audit_in_it():
    assert site.LOGGING["root"]["handlers"] == ["stderr"]
    assert site.LOGGING["handlers"]["stderr"]["formatter"] == "json"
    assert site.LOGGING["formatters"]["json"] == {"()": "m2v.logs.JsonFormatter"}
    assert logging.getLogger("m2v.audit").isEnabledFor(logging.INFO)


SIGNALLED = """
import logging, signal
from m2v.logs import JsonFormatter, LogStream
handler = LogStream()
handler.setFormatter(JsonFormatter())
logging.basicConfig(handlers=[handler], level=logging.INFO)
signal.signal(signal.SIGALRM, lambda *_: logging.info("told"))
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0005)
for _time in range(20_000):
    logging.info("at work")
signal.setitimer(signal.ITIMER_REAL, 0)
"""


def test_a_signal_while_a_line_is_written_is_a_line_too():
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED], env=buffered, capture_output=True, text=True, check=True, timeout=60
    )

    said = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert said.count("at work") == 20_000
    assert "told" in said


@pytest.mark.row("ASVS-16.2.1")
def test_an_audit_line_in_the_log_says_who_whom_what_when_and_where(kim, log, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        kim.client.post("/login/", {"username": "kim", "password": PASSWORD}, REMOTE_ADDR="192.0.2.7")

    kept = AuditEvent.objects.get()
    line = json.loads(log[-1])
    assert line["logger"] == "m2v.audit"
    assert line["message"] == line["action"] == "signed_in"
    assert line["actor"] == line["subject"] == str(kim.user.pk)
    assert line["company"] == str(kim.user.company_id)
    assert (line["address"], line["id"]) == ("192.0.2.7", kept.pk)
    assert line["browser"] == kept.browser
    assert line["details"]["methods"] == ["password"]
    assert datetime.fromisoformat(line["at"]) == kept.at


@pytest.mark.row("ASVS-16.2.2")
def test_every_time_is_utc_and_says_so():
    for zone in ("UTC", "Asia/Tokyo"):
        record = logging.LogRecord("m2v", logging.INFO, "", 0, zone, (), None)
        at = datetime.fromisoformat(json.loads(formatted(record))["time"])
        assert at.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - at) < timedelta(seconds=5)


@pytest.mark.row("ASVS-16.2.3, 16.2.4")
def test_an_act_that_is_rolled_back_is_not_in_the_log(kim, log, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        record(Action.REFUSED, actor=None, subject=kim.user)
        transaction.set_rollback(True)

    assert log == []


@pytest.mark.row("ASVS-16.5.2")
@pytest.mark.django_db(transaction=True)
def test_a_log_that_fails_fails_no_login(kim, monkeypatch):
    def full(*args: object, **kwargs: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(recording.log, "info", full)

    assert kim.sign_in().status_code == 302
    assert kim.is_in


@pytest.mark.row("ASVS-16.2.3, 16.2.4")
@pytest.mark.urls(__name__)
def test_whatever_is_logged_is_a_json_object_on_one_line(kim, log):
    kim.client.raise_request_exception = False
    kim.client.get("/broken/")
    kim.client.get("/nope/")
    careful().post("/login/")
    logging.getLogger("m2v.any").warning("%s", SMUGGLED, extra={"fields": {"odd": {1, 2}, SMUGGLED: b"x"}})

    assert len(log) >= 3
    for line in log:
        assert {"time", "level", "logger", "message"} <= set(json.loads(line))


@pytest.mark.row("ASVS-16.2.5")
def test_no_secret_is_in_the_log(kim, log, admin, django_capture_on_commit_callbacks, settings):
    kim.set_up_app()
    with django_capture_on_commit_callbacks(execute=True):
        kim.enter_password("a wrong one")
        kim.enter_password()
        code = kim.code()
        kim.enter_code("000000")
        kim.enter_code(code)
        key = kim.client.cookies["session"].value
        kim.client.post("/logout/")
        kim.enter_password()
        kim.enter_code(kim.codes[0])
    written = "\n".join(log)

    assert "recovery_code_used" in written
    for secret in (PASSWORD, "a wrong one", key, kim.app_key.hex(), *kim.codes, kim.user.password, site.SECRET_KEY):
        assert secret not in written
    assert not re.search(rf"\b{code}\b", written)


@pytest.mark.row("ASVS-16.2.5")
def test_no_link_that_lets_somebody_choose_a_password_is_in_the_log(db, log):
    for link in ("/invitation/MDAw/c5q3yx-0123456789abcdef/", "/password-reset/MDAw/c5q3yx-0123456789abcdef/"):
        assert browser().get(link).status_code == 404
        assert careful().post(link).status_code == 403

    assert len(log) >= 4
    assert "0123456789abcdef" not in "".join(log)
    assert "/invitation/MDAw/***/" in "".join(log)


def test_no_link_that_confirms_an_address_is_in_the_log(log):
    """A mail server that refuses a mail may quote it."""
    logging.getLogger("m2v.mail").warning("550 see http://localhost:8000/address/ImFi:1wX-y_z:Abc-d/ for more")

    assert "/address/***/ for more" in "".join(log)
    assert "ImFi" not in "".join(log)


@pytest.mark.row("ASVS-16.2.5")
def test_no_link_that_locks_an_account_is_in_the_log(kim, log):
    line = record(Action.SIGNED_IN, actor=kim.user, subject=kim.user)
    link = urlsplit(not_me_link(line, kim.user.email)).path
    assert browser().get(link).status_code == 200

    assert careful().post(link).status_code == 403

    token = link.split("/")[2]
    assert log
    assert token not in "".join(log)
    assert signature_of(token) not in "".join(log)


def signature_of(token: str) -> str:
    return token.rpartition(":")[2]


# --- 16.3: what is logged ---


@pytest.fixture
def carla(company_admin):
    """A company administrator, signed in."""
    person = Person(company_admin)
    person.sign_in()
    return person


@pytest.mark.row("ASVS-16.3.2", "B-35", "B-52")
def test_every_refusal_by_scope_leaves_one_line(carla, make_user, other_company):
    stranger = make_user("xaver", company=other_company)
    theirs = Person(stranger).add_passkey()
    asked = {
        f"{PEOPLE}{stranger.pk}/": ("user", stranger.pk),
        f"{PEOPLE}{stranger.pk}/deactivate/": ("user", stranger.pk),
        f"{PEOPLE}{stranger.pk}/mfa/passkeys/request/": ("user", stranger.pk),
        f"{PEOPLE}{stranger.pk}/mfa/two-factor/off/": ("user", stranger.pk),
        f"{COMPANIES}{other_company.pk}/edit/": ("company", other_company.pk),
        f"{COMPANIES}{other_company.pk}/two-factor/off/": ("company", other_company.pk),
        f"/user-settings/mfa/passkeys/{theirs.pk}/delete/": ("passkey", theirs.pk),
        f"/user-settings/mfa/passkeys/{theirs.pk}/rename/": ("passkey", theirs.pk),
    }
    for address, (kind, pk) in asked.items():
        before = len(lines(action="access_refused"))
        assert carla.client.post(address, REMOTE_ADDR="192.0.2.7").status_code == 404
        line, *others = lines(action="access_refused")[before:]
        assert others == []
        assert (line.actor, line.company, line.address) == (carla.user, carla.user.company, "192.0.2.7")
        assert line.details == {"verb": "POST", "path": address, "kind": kind, "asked": str(pk)}
        assert sentences.sentence(line) == "Carla Reyes was refused a page that they may not see"


@pytest.mark.row("ASVS-16.3.2")
def test_what_does_not_exist_leaves_none(carla, kim):
    nobody = "00000000-0000-4000-8000-000000000000"
    for address in (f"{PEOPLE}{nobody}/", f"{COMPANIES}{nobody}/", f"/user-settings/mfa/passkeys/{nobody}/delete/"):
        assert carla.client.get(address).status_code == 404
    assert carla.client.get(f"{PEOPLE}{kim.user.pk}/").status_code == 200

    assert lines(action="access_refused") == []


@pytest.mark.row("ASVS-16.3.2")
def test_whoever_is_refused_by_role_leaves_a_line(kim, carla):
    kim.sign_in()
    assert kim.client.get("/settings/?q=private").status_code == 403
    assert carla.client.get(f"{COMPANIES}new/").status_code == 403

    assert [(line.actor, line.details) for line in lines(action="access_refused")] == [
        (kim.user, {"verb": "GET", "path": "/settings/"}),
        (carla.user, {"verb": "GET", "path": f"{COMPANIES}new/"}),
    ]


@pytest.mark.row("ASVS-16.3.3", "B-01")
@pytest.mark.parametrize("step", HALF_WAY)
def test_whoever_walks_past_a_step_of_the_login_leaves_a_line(step, kim, admin):
    go_half_way(kim, step, admin)
    for verb, address in (("GET", "/portal/"), ("POST", "/user-settings/password/"), ("GET", PEOPLE)):
        before = len(lines(action="step_skipped"))
        kim.client.generic(verb, address)
        [line] = lines(action="step_skipped")[before:]
        assert (line.actor, line.subject, line.company) == (None, kim.user, kim.user.company)
        assert line.details == {"verb": verb, "path": address}


@pytest.mark.row("ASVS-16.3.3")
def test_a_step_before_its_turn_leaves_a_line_and_one_gone_by_does_not(kim, admin):
    services.request_passkey(kim.user, actor=admin)
    go_half_way(kim, "challenge", admin)
    kim.client.get("/login/setup/passkey/")
    kim.json("/passkeys/registration/options/", {})
    assert len(lines(action="step_skipped")) == 2

    kim.enter_code()
    kim.client.get("/login/challenge/")
    assert len(lines(action="step_skipped")) == 2


@pytest.mark.row("ASVS-16.3.3")
@pytest.mark.parametrize("step", HALF_WAY)
def test_an_ordinary_login_leaves_none_of_these(step, kim, admin):
    go_half_way(kim, step, admin)
    kim.client.get("/login/", follow=True)
    kim.client.get("/", follow=True)
    kim.client.get("/favicon.ico")
    browser().get("/portal/", follow=True)

    assert lines(action__in=["access_refused", "form_refused", "step_skipped"]) == []


@pytest.mark.row("ASVS-16.3.3", "B-19")
def test_a_form_without_its_token_leaves_a_line(kim):
    kim.sign_in()
    careful(kim).post("/user-settings/mfa/two-factor/off/")
    careful().post("/login/", {"username": "kim", "password": PASSWORD})

    first, second = lines(action="form_refused")
    assert (first.actor, first.subject, first.details["page"]) == (kim.user, kim.user, "own_mfa:two_factor_off")
    assert (second.actor, second.subject, second.details["page"]) == (None, None, "login")
    assert "CSRF" in second.details["reason"]
    assert PASSWORD not in json.dumps(second.details)


@pytest.mark.row("ASVS-16.3.3", "B-38")
def test_fields_that_no_form_has_leave_a_line_without_their_values(kim, company_admin, other_company):
    kim.sign_in()
    carla = Person(company_admin)
    carla.sign_in()
    profile = {"first_name": "Kim", "last_name": "Hansen", "email": "kim@acme.example", "language": ""}
    one = f"{PEOPLE}{kim.user.pk}/"

    kim.client.post("/user-settings/", profile | {"role": "administrator", "password": "chosen by Kim"})
    carla.client.post(one, profile | {"username": "kim", "role": "member", "company_id": other_company.pk})
    carla.client.post(f"{PEOPLE}new/", {"two_factor_enabled": "", "id": kim.user.pk})
    carla.client.post(f"{COMPANIES}{carla.user.company_id}/edit/", {"name": "Acme", "two_factor_enabled": ""})

    found = [(line.actor, line.details["path"], line.details["fields"]) for line in lines(action="fields_ignored")]
    assert found == [
        (kim.user, "/user-settings/", ["password", "role"]),
        (carla.user, one, ["company_id", "language"]),
        (carla.user, f"{PEOPLE}new/", ["id", "two_factor_enabled"]),
        (carla.user, f"{COMPANIES}{carla.user.company_id}/edit/", ["two_factor_enabled"]),
    ]
    assert "chosen by Kim" not in str([line.details for line in lines()])


@pytest.mark.row("ASVS-16.3.3")
def test_an_ordinary_form_ignores_nothing(kim, company_admin):
    kim.sign_in()
    carla = Person(company_admin)
    carla.sign_in()
    for person, page in ((kim, "/user-settings/"), (carla, f"{PEOPLE}{kim.user.pk}/"), (carla, f"{PEOPLE}new/")):
        form = person.client.get(page).context["form"]
        person.client.post(page, {name: form[name].value() or "" for name in form.fields})

    assert lines(action="fields_ignored") == []


@pytest.mark.row("ASVS-16.3.3")
def test_nobody_fills_the_audit_with_refusals(kim, admin, monkeypatch):
    monkeypatch.setattr("accounts.throttle.bucket.monotonic", lambda: 1000.0)
    refusals.forms.refill()
    refusals.skips.refill()
    for _ in range(refusals.forms.most + 20):
        careful().post("/logout/")
    assert len(lines(action="form_refused")) == refusals.forms.most
    other = Person(kim.user)
    other.sign_in()
    for _ in range(refusals.forms.most + 20):
        other.client.post("/user-settings/", {"role": "administrator"})
    assert len(lines(action="fields_ignored")) == refusals.forms.most, "strangers keep nobody else's out"
    careful(other).post("/logout/")
    assert len(lines(action="form_refused")) == refusals.forms.most, "both kinds take from one budget"
    other.client.post("/logout/")

    go_half_way(kim, "challenge", admin)
    for _ in range(refusals.skips.most + 20):
        kim.client.get("/portal/")
    assert len(lines(action="step_skipped")) == refusals.skips.most


@pytest.mark.row("ASVS-16.3.3")
def test_one_member_makes_a_bounded_number_of_lines_and_hides_nobody_elses(kim, make_person, monkeypatch):
    monkeypatch.setattr("accounts.throttle.bucket.monotonic", lambda: 1000.0)
    refusals.accesses.refill()
    kim.sign_in()
    lee = make_person("lee")
    lee.sign_in()
    for number in range(refusals.accesses.most + 20):
        kim.client.get(f"/settings/{'administration/users/' * (number % 2)}")
    lee.client.get("/settings/")

    actors = [line.actor for line in lines(action="access_refused")]
    assert actors == [kim.user] * refusals.accesses.most + [lee.user]


def test_refused_passkeys_of_one_person_are_bounded(kim, make_person, monkeypatch):
    monkeypatch.setattr("accounts.throttle.bucket.monotonic", lambda: 1000.0)
    refusals.new_passkeys.refill()
    lee = make_person("lee")
    for person, times in ((kim, refusals.new_passkeys.most + 20), (lee, 1)):
        person.sign_in()
        for _ in range(times):
            assert person.json("/passkeys/registration/", {"credential": {}}).status_code == 400

    refused = [line.actor for line in lines(action="passkey_refused")]
    assert refused == [kim.user] * refusals.new_passkeys.most + [lee.user]


@pytest.mark.row("ASVS-16.3.3")
def test_a_code_used_twice_leaves_a_line(kim):
    kim.set_up_app()
    code = kim.code()
    kim.enter_password()
    kim.enter_code(code)
    again = Person(kim.user)
    again.enter_password()
    again.enter_code(code)

    assert [line.details["methods"] for line in lines(action="refused")] == [["totp"]]


@pytest.mark.row("ASVS-16.3.4")
@pytest.mark.urls(__name__)
def test_an_error_of_ours_is_logged_with_its_traceback(db, log):
    client = browser()
    client.raise_request_exception = False
    assert client.get("/broken/").status_code == 500

    [line] = [json.loads(line) for line in log if '"ERROR"' in line]
    assert (line["status"], line["logger"]) == (500, "django.request")
    assert "RuntimeError: inside" in line["exception"]
    set_urlconf(None)


@pytest.mark.row("B-52")
def test_an_administrators_acts_say_what_was_and_what_is(administrator, kim, company, make_user):
    """V5: before and after, in the line itself."""
    client, one = administrator.client, f"{PEOPLE}{kim.user.pk}/"
    firm = f"{COMPANIES}{company.pk}/"
    kim.sign_in()
    for address in ("mfa/two-factor/on/", "mfa/two-factor/off/", "mfa/passkeys/request/", "sign-out/", "deactivate/"):
        assert client.post(one + address).status_code == 302
    client.post(one + "activate/")
    client.post(one + "mfa/passkeys/request/delete/")
    client.post(one, {"username": "kim", "first_name": "Kimberly", "role": "member", "company": company.pk})
    client.post(firm + "two-factor/on/")
    client.post(firm + "two-factor/off/")

    changes = {line.action: line.details["changes"] for line in lines() if "changes" in line.details}
    assert changes["two_factor_enabled"] == {"two_factor_enabled": [False, True]}
    assert changes["two_factor_disabled"]["two_factor_enabled"] == [True, False]
    assert changes["passkey_requested"] == {"requests": [0, 1]}
    assert changes["passkey_request_deleted"] == {"requests": [1, 0]}
    assert changes["sessions_ended"] == {"sessions": [1, 0]}
    assert changes["user_deactivated"] == {"is_active": [True, False]}
    assert changes["user_activated"] == {"is_active": [False, True]}
    assert changes["user_changed"]["first_name"] == ["Kim", "Kimberly"]
    assert changes["company_two_factor_enabled"] == {"two_factor_enabled": [False, True]}
    assert changes["company_two_factor_disabled"] == {"two_factor_enabled": [True, False]}


@pytest.mark.row("CS-LOG-1")
def test_each_event_of_the_vocabulary_that_is_ours_is_produced(kim, admin, company_admin, other_company):
    """Those of lock, rate limit and session life are with their topics."""
    kim.set_up_app()
    kim.enter_password("wrong")  # fail
    kim.enter_password()
    kim.client.get("/portal/")  # sequence fail
    kim.enter_code()  # success, after a fail
    kim.client.get("/settings/")  # authorisation fail
    careful(kim).post("/logout/")  # CSRF
    form = {"old_password": PASSWORD} | dict.fromkeys(("new_password1", "new_password2"), "four other words here")
    kim.client.post("/user-settings/password/", form)  # password change
    carla = Person(company_admin)
    carla.sign_in()
    carla.client.get(f"{COMPANIES}{other_company.pk}/")  # direct reference
    companies.enable_company_two_factor(other_company, actor=admin)  # admin action

    assert {
        "refused", "step_skipped", "signed_in", "access_refused", "form_refused", "password_changed",
        "company_two_factor_enabled",
    } <= {line.action for line in lines()}  # fmt: skip


# --- 16.4: nobody writes into the log, and nobody changes it ---


@pytest.mark.row("ASVS-16.4.1")
@pytest.mark.parametrize("logger", ["m2v.audit", "django.request", "anything"])
def test_no_text_ends_a_line_or_colours_a_terminal(logger):
    record = logging.LogRecord(logger, logging.WARNING, "", 0, "Not Found: %s", (SMUGGLED,), None)
    record.fields = {"browser": SMUGGLED, "details": {SMUGGLED: SMUGGLED}}

    line = formatted(record)

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["browser"] == SMUGGLED


@pytest.mark.row("ASVS-16.4.1")
def test_a_user_name_and_a_browser_cannot_forge_a_line(make_user, log, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        client = browser()
        client.post("/login/", {"username": SMUGGLED, "password": "x"}, HTTP_USER_AGENT=SMUGGLED)
        client.get("/" + "%0d%0aforged%1b[31m")
        record(Action.REFUSED, actor=None, username=SMUGGLED.replace("\x00", ""))

    assert len(log) >= 2
    for line in log:
        assert line.isprintable()
        assert line.isascii()


@pytest.mark.row("ASVS-16.4.1")
def test_a_field_cannot_pose_as_level_or_logger():
    record = logging.LogRecord("m2v.csp", logging.WARNING, "", 0, "violation", (), None)
    record.fields = {"level": "INFO", "logger": "m2v.audit", "message": "signed_in", "time": "now"}

    assert json.loads(formatted(record)) | {"time": ""} == {
        "level": "WARNING", "logger": "m2v.csp", "message": "violation", "time": "",
    }  # fmt: skip


def in_deployment(script, folder):
    """Run it in a process of its own, with the site's own settings and the database in `folder`."""
    script = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'm2v.settings'; import django; django.setup()\n"
        f"from django.core.management import call_command\n{script}"
    )
    environment = {"DATA_DIR": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def fresh_database(tmp_path_factory):
    """A database file as a deployment has it after `migrate`, with one line and one checkpoint."""
    folder = tmp_path_factory.mktemp("fresh")
    in_deployment(
        "call_command('migrate', verbosity=0)\n"
        "from audit.recording import record; from audit.sealing.checkpoints import seal_lines\n"
        "from audit.vocabulary import Action; record(Action.REFUSED, actor=None); assert seal_lines() == 1",
        folder,
    )
    return folder / "m2v.sqlite3"


@pytest.mark.row("ASVS-16.4.2")
@pytest.mark.parametrize(("table", "column"), [("audit_auditevent", "browser"), ("audit_checkpoint", "statement")])
@pytest.mark.parametrize("act", ["UPDATE {} SET {} = 'x'", "DELETE FROM {}"])
def test_sqlite_itself_refuses_to_change_and_to_delete(act, table, column, fresh_database):
    prompt = sqlite3.connect(fresh_database)
    with pytest.raises(sqlite3.IntegrityError, match="written once"):
        prompt.execute(act.format(table, column))
    assert prompt.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)
    prompt.close()


@pytest.mark.row("ASVS-16.4.2")
@pytest.mark.parametrize(("table", "column"), [("audit_auditevent", "browser"), ("audit_checkpoint", "statement")])
def test_the_database_of_these_tests_refuses_them_too(table, column, db):
    """Its delete triggers are away for the tests' own sake (conftest); here the migration makes them again."""
    triggers = sys.modules["audit.migrations.0001_initial"].triggers
    acts = [f"UPDATE {{}} SET {column} = 'x'", "DELETE FROM {}"]
    acts += ["TRUNCATE {} CASCADE"] if connection.vendor == "postgresql" else []
    AuditEvent.objects.create(action=Action.REFUSED)
    assert seal_lines() == 1
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("DROP FUNCTION audit_refuse() CASCADE")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {name}")
        for statement in triggers(connection.vendor):
            cursor.execute(statement)
        for act in acts:
            with pytest.raises(DatabaseError, match="written once"), transaction.atomic():
                cursor.execute(act.format(table))


@pytest.mark.row("ASVS-16.4.2")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_address_changes_or_deletes_a_line(method, admin, kim, company):
    """Each is sent an administrator's form about Kim, to whom all of it has happened; and each act is undone again."""
    kim.add_passkey()
    kim.set_up_app()
    kim.enter_password("wrong")
    form = {
        "username": "kim", "email": "new@acme.example", "first_name": "K", "language": "", "role": "member",
        "company": str(company.pk), "name": "Acme", "sign_out": "on", "keep": "on", "action": "delete", "all": "on",
    }  # fmt: skip
    before, written = list(AuditEvent.objects.order_by("pk").values()), set()
    here = {"user_id": kim.user.pk, "company_id": company.pk, "passkey_id": kim.user.passkeys.get().pk}
    here["token"] = not_me_link(AuditEvent.objects.latest("pk"), "kim@acme.example").split("/")[-2]

    for page in pages():
        with transaction.atomic():
            petra = Person(admin)
            petra.sign_in()
            petra.client.generic(method, page.path(**here), urlencode(form), FORM)
            lines = list(AuditEvent.objects.order_by("pk").values())
            transaction.set_rollback(True)
        assert lines[: len(before)] == before, page.name
        written |= {line["action"] for line in lines[len(before) + 1 :]}

    if method == "POST":
        assert written >= {
            "user_changed", "user_deactivated", "sessions_ended", "two_factor_disabled", "passkey_deleted",
            "passkey_requested", "company_changed", "company_two_factor_enabled", "signed_out", "reported_not_me",
        }  # fmt: skip


@pytest.mark.row("ASVS-16.4.3")
def test_each_line_and_each_checkpoint_leaves_for_wherever_the_log_goes(log, db, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        record(Action.REFUSED, actor=None)
    seal_lines()

    assert [json.loads(line)["message"] for line in log] == ["refused", "sealed"]
    assert re.fullmatch(r"1:[0-9a-f]{64}", json.loads(log[1])["checkpoint"])


# --- 16.5: errors ---


@pytest.mark.row("ASVS-16.5.1")
@pytest.mark.urls(__name__)
def test_an_error_says_nothing_about_the_inside(db):
    client = browser()
    client.raise_request_exception = False
    page = client.get("/broken/").content.decode()

    assert "inside" not in page
    assert "RuntimeError" not in page
    set_urlconf(None)


@pytest.mark.row("ASVS-16.5.1")
def test_a_refused_passkey_says_the_same_whatever_was_wrong(kim):
    kim.add_passkey()
    answers = set()
    for bent in ({"origin": "https://evil.example"}, {"challenge": "AAAA"}, {"type": "webauthn.create"}):
        person = Person(kim.user)
        person.authenticator = kim.authenticator
        answer = person.use_passkey(**bent)
        answers.add((answer.status_code, answer.content))
    assert len(answers) == 1
    foreign = Person(kim.user)
    foreign.authenticator = Authenticator(origin="https://evil.example", credentials=kim.authenticator.credentials)
    answer = foreign.use_passkey()
    assert {(answer.status_code, answer.content)} == answers


@pytest.mark.row("ASVS-16.5.3", "B-50")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["mfa.steps.pending_steps", "mfa.steps.standing_of"])
@pytest.mark.parametrize("half_way", [True, False])
def test_what_fails_lets_nobody_in(half_way, what, kim, monkeypatch):
    def fails(*args: object, **kwargs: object) -> None:
        raise RuntimeError

    kim.set_up_app()
    kim.client.raise_request_exception = False
    if half_way:
        kim.enter_password()
    monkeypatch.setattr(what, fails)
    if not half_way:
        assert kim.enter_password().status_code == 500
    assert kim.client.get("/portal/").status_code in {302, 500}
    monkeypatch.undo()

    assert not kim.is_in
    assert not AuditEvent.objects.filter(action="signed_in").exists()


@pytest.mark.row("ASVS-16.5.3", "B-52")
@pytest.mark.django_db(transaction=True)
def test_whose_line_cannot_be_written_is_not_let_in(kim, monkeypatch):
    def fails(*args: object, **kwargs: object) -> None:
        raise RuntimeError

    kim.client.raise_request_exception = False
    monkeypatch.setattr("audit.recording.LINE.add", fails)
    assert kim.enter_password().status_code == 500
    monkeypatch.undo()

    assert not kim.is_in
    assert User.objects.filter(last_sign_in_at__isnull=False, role=Role.MEMBER).count() == 0
