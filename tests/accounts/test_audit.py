"""The audit: who did what to whom, when and from where; there with its act or not at all, and without a secret."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from string import Formatter

import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from accounts import invitations, not_me, people, site_rule
from accounts.background import GIVEN_UP_AFTER, give_up
from accounts.models import Role, Session, User
from accounts.sessions.store import stored_as
from audit import reading, recording, sentences
from audit.methods import in_words
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action
from companies import services as companies
from companies.access_passes import Validity, demand_passes, give_pass, stop_demanding_passes, withdraw_pass
from companies.bulk import choosing, running
from companies.erasing import erase
from companies.importing.reading import read
from companies.importing.running import begin, keep, work
from companies.letting_in import let_in
from companies.lost_phone import APP, reset
from companies.models import BulkRun, Company
from companies.reminders import remind
from companies.services import end_company_sessions
from mfa import services
from mfa.models import Passkey
from mfa.policy import Method
from tests.accounts.steps import finish
from tests.audit import forget
from tests.mfa.pages import make_new_codes
from tests.people import AGENT, PASSWORD, Person, browser


def lines(**found):
    """The audit, oldest first."""
    return list(AuditEvent.objects.filter(**found).select_related("actor", "subject", "company").order_by("pk"))


def said(**found):
    return [sentences.sentence(line) for line in lines(**found)]


# --- Where an act comes from ---


@pytest.mark.row("ASVS-16.2.1")
def test_a_line_says_who_whom_what_when_which_company_and_from_where(kim, time_machine):
    time_machine.move_to("2026-05-04 09:30:15", tick=False)

    kim.client.post("/login/", {"username": "kim", "password": PASSWORD}, REMOTE_ADDR="192.0.2.7")

    line = AuditEvent.objects.get()
    assert (line.action, line.actor, line.subject, line.company) == ("signed_in", kim.user, kim.user, kim.user.company)
    assert line.at == datetime(2026, 5, 4, 9, 30, 15, tzinfo=UTC)
    assert (line.address, line.browser) == ("192.0.2.7", AGENT)
    assert line.details["methods"] == ["password"]


@pytest.mark.row("ASVS-15.3.4")
@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "address"),
    [
        (False, None, "192.0.2.7"),
        (False, "198.51.100.1", "192.0.2.7"),
        (False, "nonsense", "192.0.2.7"),
        (True, None, "192.0.2.7"),
        (True, "198.51.100.1", "198.51.100.1"),
        (True, "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        (True, "203.0.113.9,198.51.100.1 ", "198.51.100.1"),
        (True, "2001:db8::1", "2001:db8::1"),
        (True, "nonsense", None),
        (True, "198.51.100.1,", None),
        (True, "198.51.100.1:8080", "198.51.100.1"),
        (2, "203.0.113.9, 198.51.100.1, 192.0.2.8", "198.51.100.1"),
        (2, "198.51.100.1", "198.51.100.1"),
        (3, "203.0.113.9, 198.51.100.1, 192.0.2.8", "203.0.113.9"),
    ],
)
def test_a_forwarded_address_counts_only_from_a_proxy_of_ours(behind_proxy, forwarded, address, kim, settings):
    settings.BEHIND_PROXY = behind_proxy
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}

    kim.client.post("/login/", {"username": "kim", "password": PASSWORD}, REMOTE_ADDR="192.0.2.7", **headers)

    assert AuditEvent.objects.get().address == address


@pytest.mark.row("B-42")
@pytest.mark.parametrize("header", ["HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_CLIENT_IP", "HTTP_TRUE_CLIENT_IP"])
def test_other_headers_about_addresses_never_count(header, kim, settings):
    settings.BEHIND_PROXY = True

    kim.client.post("/login/", {"username": "kim", "password": "x"}, REMOTE_ADDR="192.0.2.7", **{header: "203.0.113.9"})

    assert AuditEvent.objects.get().address == "192.0.2.7"


@pytest.mark.parametrize("address", ["", "unix:", "fe80::1%eth0", "2001:db8::1", "::ffff:192.0.2.1", "::1"])
def test_every_kind_of_address_can_be_written_down(address, kim):
    answer = kim.client.post("/login/", {"username": "kim", "password": "wrong"}, REMOTE_ADDR=address)

    assert answer.status_code == 400
    kept = AuditEvent.objects.get().address
    assert kept is None or "%" not in kept


@pytest.mark.parametrize(
    ("sent", "kept"), [("", ""), ("x" * 1000, "x" * 300), ("Fire\x00fox", "Firefox"), ("\x00", "")]
)
def test_a_browser_is_written_down_as_it_calls_itself_within_bounds(sent, kept, kim):
    kim.client.post("/login/", {"username": "kim", "password": "wrong"}, HTTP_USER_AGENT=sent)

    assert AuditEvent.objects.get().browser == kept


def test_an_act_on_the_command_line_comes_from_nowhere(admin, kim):
    people.end_sessions(kim.user, actor=admin)

    line = AuditEvent.objects.get()
    assert (line.address, line.browser) == (None, "")
    assert recording.current_browser() == ""
    assert reading.place(line) == ""


def test_where_an_act_comes_from_is_forgotten_after_it(kim):
    with recording.origin("192.0.2.7", "Firefox/150"):
        with recording.origin(None, "inner"):
            assert recording.current_browser() == "inner"
        assert recording.current_browser() == "Firefox/150"
    assert recording.current_browser() == ""

    with pytest.raises(RuntimeError), recording.origin("192.0.2.7", "Firefox/150"):
        raise RuntimeError
    assert recording.current_browser() == ""


@pytest.mark.parametrize(
    ("company_given", "subject_given", "kept"),
    [(True, True, "given"), (True, False, "given"), (False, True, "subject's"), (False, False, None)],
)
def test_a_line_is_of_the_company_it_is_about(company_given, subject_given, kept, kim, other_company, admin):
    line = record(
        Action.SESSIONS_ENDED,
        actor=admin,
        subject=kim.user if subject_given else None,
        company=other_company if company_given else None,
    )

    assert line.company_id == {"given": other_company.pk, "subject's": kim.user.company_id, None: None}[kept]


# --- There with its act, or not at all ---


def rolled_back(act):
    """Do `act` in a transaction that is undone afterwards."""
    with transaction.atomic():
        act()
        assert AuditEvent.objects.exists()
        transaction.set_rollback(True)


def renamed(user, name):
    user.username = name
    return user


@pytest.mark.row("ASVS-2.3.3")
def test_no_line_stays_of_an_act_that_was_rolled_back(admin, kim, company):
    for act in (
        lambda: people.create_user(User(username="nadia"), actor=admin),
        lambda: people.change_user(renamed(kim.user, "kimberly"), changed=["username"], actor=admin),
        lambda: people.deactivate_user(kim.user, actor=admin),
        lambda: erase(kim.user, actor=admin),
        lambda: people.end_sessions(kim.user, actor=admin),
        lambda: end_company_sessions(company, actor=admin),
        lambda: people.change_password(kim.user, "four other words", actor=kim.user),
        lambda: invitations.invite(kim.user, actor=admin),
        lambda: invitations.withdraw(kim.user, actor=admin),
    ):
        before = User.objects.filter(pk=kim.user.pk).values().get()
        rolled_back(act)
        kim.user.refresh_from_db()
        assert not AuditEvent.objects.exists()
        assert User.objects.filter(pk=kim.user.pk).values().get() == before


@pytest.mark.row("ASVS-2.3.3")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "act",
    [
        lambda admin, kim: people.create_user(User(username="nadia"), actor=admin),
        lambda admin, kim: people.deactivate_user(kim, actor=admin),
        lambda admin, kim: erase(kim, actor=admin),
        lambda admin, kim: people.end_sessions(kim, actor=admin),
        lambda _admin, kim: people.change_password(kim, "four other words", actor=kim),
        lambda admin, kim: end_company_sessions(kim.company, actor=admin),
        lambda admin, kim: invitations.invite(kim, actor=admin),
    ],
    ids=["create", "deactivate", "erase", "end sessions", "change password", "end sessions of a company", "invite"],
)
def test_no_act_is_done_whose_line_cannot_be_written(act, transactional_db, make_user):
    """The act itself would be done, its line cannot: the database refuses it."""
    kim, petra = make_user("kim"), make_user("petra", role=Role.ADMINISTRATOR, company=None)
    before = list(User.objects.order_by("pk").values())

    def no_line(execute, sql, *more):
        if sql.startswith('INSERT INTO "audit_auditevent"'):
            raise DatabaseError("disk full")
        return execute(sql, *more)

    with connection.execute_wrapper(no_line), pytest.raises(DatabaseError, match="disk full"):
        act(petra, kim)

    assert list(User.objects.order_by("pk").values()) == before
    assert not AuditEvent.objects.exists()


# --- Every act, in a sentence ---


def do_everything(administrator, kim, company):
    """Every act and every step there is, through pages and services; one line of each action at least."""
    petra = administrator.client
    one = f"/settings/administration/users/{kim.user.pk}/"
    firm = f"/settings/administration/companies/{company.pk}/"

    petra.post("/settings/administration/companies/new/", {"name": "Südwerk"})
    petra.post(f"{firm}edit/", {"name": "Acme Machines AG"})
    petra.post("/settings/administration/users/new/", {"username": "nadia", "role": "member", "company": company.pk})
    petra.post(f"/settings/administration/users/{User.objects.get(username='nadia').pk}/invite/withdraw/")
    browser().post("/password-reset/", {"email": kim.user.email})
    people.report_not_me(not_me.Claim(lines(action="user_created")[-1], "nadia@acme.example"), about="Your new access")
    petra.post(one, {"username": "kim", "first_name": "Kimberly", "role": "member", "company": company.pk})
    petra.post(f"{one}deactivate/")
    petra.post(f"{one}activate/")
    kim.user.refresh_from_db()
    petra.post(f"{one}mfa/two-factor/on/")
    petra.post(f"{one}mfa/passkeys/request/")
    petra.post(f"{one}mfa/passkeys/request/delete/")
    petra.post(f"{one}mfa/passkeys/request/")

    kim.enter_password("wrong")
    kim.enter_password()
    finish(kim)
    kim.client.post(
        "/user-settings/password/",
        {"old_password": PASSWORD} | dict.fromkeys(("new_password1", "new_password2"), "four other words"),
    )
    kim.client.post("/user-settings/", {"first_name": "Kim", "email": "new@acme.example", "language": ""})
    kim.client.post("/user-settings/address/withdraw/")
    kim.json("/passkeys/registration/", {"credential": {}})
    kim.create_passkey()
    passkey = Passkey.objects.get(user=kim.user)
    kim.client.post(f"/user-settings/mfa/passkeys/{passkey.pk}/rename/", {"name": "My phone"})
    make_new_codes(kim)
    kim.use_passkey()
    phone = Person(kim.user, authenticator=kim.authenticator)
    phone.use_passkey()
    place = Session.objects.get(pk=stored_as(phone.client.cookies["session"].value)).public_id
    kim.client.post(f"/user-settings/sessions/{place}/end/")
    kim.client.post("/user-settings/sessions/end-others/")
    kim.client.post("/logout/")
    kim.enter_password("four other words")
    kim.enter_code(kim.code(1))
    services.suspend_passkey(Passkey.objects.get(user=kim.user), "The counter fell.")
    petra.post(f"{one}mfa/passkeys/{passkey.pk}/delete/")
    petra.post(f"{one}mfa/two-factor/off/", {"sign_out": "on"})
    petra.post(f"{firm}two-factor/on/")
    petra.post(f"{firm}two-factor/off/")
    petra.post(f"{firm}sign-out/")
    kim.enter_password("four other words")
    kim.client.get("/settings/")
    petra.post(f"{firm}edit/", {"name": "Acme Machines AG", "two_factor_enabled": ""})
    for form in ("csv", "signed"):
        petra.post("/settings/administration/activity/export/", {"form": form})
    careful = Client(enforce_csrf_checks=True, SERVER_NAME="localhost", SERVER_PORT="8000")
    careful.post("/login/", {"username": "kim"})


def help_out(administrator, without, with_app):
    """What the helpdesk does for people, what is demanded of newcomers, and a file of them."""
    admin, how = administrator.user, {"checked": "in_person", "reason": "Phone lost"}
    owner = Person(without)
    code = give_pass(without, valid=Validity.AN_HOUR, actor=admin, **how)
    owner.enter_password()
    owner.client.post("/login/challenge/?with=pass", {"code": code})
    remind(without, actor=admin)
    many = choosing.from_ticked(admin, "require", [str(without.pk)])
    running.begin(many, actor=admin, total=1, signs_out=False)
    give_pass(without, valid=Validity.AN_HOUR, actor=admin, **how)
    withdraw_pass(without, actor=admin)
    give_pass(without, valid=Validity.AN_HOUR, actor=admin, **how)
    services.disable_factor(without, Method.ACCESS_PASS)
    Person(with_app).set_up_app()
    reset(with_app, lost=[APP], actor=admin, **how)
    for switch in (demand_passes, stop_demanding_passes):
        switch(with_app.company, actor=admin)
    for switch in (site_rule.demand_factor, site_rule.stop_demanding_factor):
        switch(actor=admin)
    table = read("user name\nxaver\n", "UTF-8")
    kept = keep(admin, "people.csv", "user name\nxaver\n", table)
    begin(kept, actor=admin, invites=False, requires=False)
    work(kept.pk)


@pytest.fixture
def busy_day(administrator, kim, company, make_user):
    """A day on which everything happened once."""
    do_everything(administrator, kim, company)
    kim.user.refresh_from_db()
    codes = services.make_recovery_codes(kim.user, actor=kim.user)
    kim.set_up_app()
    kim.enter_password("four other words")
    kim.enter_code(kim.codes[0])
    for method in (Method.TOTP, Method.RECOVERY):
        services.disable_factor(kim.user, method)
    for _time in range(6):
        kim.enter_password("wrong")
    people.unlock_user(kim.user, actor=administrator.user)
    olaf = make_user("olaf", company=None)
    people.lock_user(olaf, actor=administrator.user)
    call_command("mfa", "report", stdout=StringIO())
    call_command("export_person", "kim", stdout=StringIO())
    call_command("budgets", "clear", "127.0.0.1", reason="They share it.", stdout=StringIO())
    other = Company.objects.get(name="Südwerk")
    help_out(administrator, make_user("pia", company=other, two_factor_enabled=True), make_user("rosa", company=other))
    work = BulkRun.objects.create(
        owner=administrator.user.pk, act="require", begun_at=timezone.now(), tries=GIVEN_UP_AFTER
    )
    give_up(BulkRun.objects.filter(pk=work.pk), administrator.user, running.MANY_KIND)
    let_in(olaf, kept=[], checked="in_person", reason="It is Kim.", actor=administrator.user)
    erase(olaf, actor=administrator.user)
    return kim, codes


def test_every_action_of_the_vocabulary_is_written_by_some_act(busy_day):
    assert {line.action for line in lines()} == set(Action)


def test_every_line_reads_as_a_sentence(busy_day):
    for sentence in said():
        assert sentence
        assert "{" not in sentence
        assert "  " not in sentence
        assert "“”" not in sentence
        assert "unknown user" not in sentence


@pytest.mark.row("ASVS-16.2.5")
def test_no_line_holds_a_secret(busy_day):
    kim, codes = busy_day
    kim.user.refresh_from_db()
    written = json.dumps([[line.details, line.browser, str(line.address)] for line in lines()])

    for secret in (
        PASSWORD,
        "four other words",
        "wrong",
        *codes,
        *kim.codes,
        kim.code(),
        kim.user.password,
        kim.client.cookies["session"].value,
        kim.app_key.hex(),
        str(site.SECRET_KEY),
    ):
        assert secret not in written


def test_every_line_is_shown_in_somebodys_window_or_companys_page(busy_day, administrator, company):
    kim, _codes = busy_day
    window = strip_tags(administrator.client.get(f"/settings/administration/users/{kim.user.pk}/mfa/").content.decode())

    for line in lines(subject=kim.user)[-3:]:
        assert sentences.sentence(line) in window
    page = strip_tags(administrator.client.get(f"/settings/administration/companies/{company.pk}/").content.decode())
    assert "ended all sessions of the users of Acme Machines AG" in page


def test_every_action_is_used_by_the_product():
    code = "".join(
        path.read_text()
        for app in ("accounts", "mfa", "companies", "reporting")
        for path in (Path(site.ROOT) / app).rglob("*.py")
        if "migrations" not in path.parts
    )

    assert [action.name for action in Action if not re.search(rf"\bAction\.{action.name}\b", code)] == []


def test_every_sentence_is_made_of_what_lines_know(db):
    known = {*sentences.form_and_words(record(Action.SIGNED_OUT, actor=None))[1], "reason"}

    for sentence in sentences.SENTENCES.values():
        for name, form in sentence._asdict().items():
            fields = {field for _text, field, _format, _kind in Formatter().parse(str(form or "")) if field}
            assert fields <= known
            assert fields & {"actor", "subject"} or not form or name.endswith("nobody") or name == "general"


def test_every_action_has_a_sentence_and_no_column_knows_it():
    assert sentences.SENTENCES.keys() == set(Action)
    assert list(sentences.SENTENCES) == list(Action), "in one order, to be read side by side"
    assert AuditEvent._meta.get_field("action").choices is None


@pytest.mark.parametrize(
    ("action", "details", "of_petra", "own"),
    [
        (
            "two_factor_enabled",
            {},
            "Petra Vogt switched two-factor authentication on for Kim Hansen",
            "Kim Hansen switched two-factor authentication on",
        ),
        (
            "two_factor_disabled",
            {},
            "Petra Vogt switched two-factor authentication off for Kim Hansen",
            "Kim Hansen switched two-factor authentication off",
        ),
        (
            "passkey_requested",
            {},
            "Petra Vogt asked Kim Hansen for a passkey",
            "Kim Hansen asked to be reminded of a passkey",
        ),
        (
            "passkey_request_deleted",
            {},
            "Petra Vogt deleted the passkey request for Kim Hansen",
            "Kim Hansen deleted the passkey request",
        ),
        (
            "passkey_deleted",
            {"name": "Phone"},
            "Petra Vogt deleted the passkey “Phone” of Kim Hansen",
            "Kim Hansen deleted the passkey “Phone”",
        ),
        ("user_changed", {}, "Petra Vogt changed the profile of Kim Hansen", "Kim Hansen changed their profile"),
        ("sessions_ended", {}, "Petra Vogt ended all sessions of Kim Hansen", "Kim Hansen ended all their sessions"),
        (
            "password_reset_requested",
            {},
            "Petra Vogt sent Kim Hansen a link to choose another password",
            "A link to reset the password of Kim Hansen was asked for",
        ),
        ("user_deactivated", {}, "Petra Vogt deactivated Kim Hansen", "Kim Hansen deactivated Kim Hansen"),
        (
            "user_erased",
            {},
            "Petra Vogt erased all that was kept of Kim Hansen: a pseudonym stands for the name",
            "Kim Hansen erased all that was kept of Kim Hansen: a pseudonym stands for the name",
        ),
        (
            "passkey_renamed",
            {"before": "a", "name": "b"},
            "Kim Hansen renamed the passkey “a” to “b”",
            "Kim Hansen renamed the passkey “a” to “b”",
        ),
        (
            "signed_in",
            {"methods": ["password", "totp"]},
            "Kim Hansen signed in with a password and a code",
            "Kim Hansen signed in with a password and a code",
        ),
        (
            "signed_in",
            {"methods": ["passkey"]},
            "Kim Hansen signed in with a passkey",
            "Kim Hansen signed in with a passkey",
        ),
    ],
)
def test_what_people_do_to_themselves_reads_differently(action, details, of_petra, own, admin, kim):
    for actor, sentence in ((admin, of_petra), (kim.user, own)):
        assert sentences.sentence(record(Action(action), actor=actor, subject=kim.user, **details)) == sentence


def test_a_line_by_or_about_nobody_says_so_as_people_do(db, kim):
    refused = record(Action.REFUSED, actor=None, methods=["password"])
    named = record(Action.REFUSED, actor=None, methods=["password"], username="{actor} x")

    assert sentences.sentence(refused) == "A sign-in with a password was refused: there is no such user"
    assert sentences.sentence(named) == "A sign-in as {actor} x with a password was refused"
    said = {
        action: sentences.sentence(record(action, actor=None, subject=kim.user if of_kim else None))
        for action, of_kim in (
            (Action.USER_CREATED, True),
            (Action.ACCESS_REFUSED, False),
            (Action.FORM_REFUSED, False),
            (Action.FIELDS_IGNORED, False),
        )
    }
    assert list(said.values()) == [
        "The user Kim Hansen was created on the command line",
        "A page was refused to someone who was not signed in",
        "A form was refused: it came from another page or session",
        "A form had fields that were not to be set with it: they were ignored",
    ]


@pytest.mark.parametrize("action", Action)
def test_no_line_without_an_actor_or_a_subject_speaks_of_somebody(action, db):
    details = {"name": "x", "before": "x", "reason": "x", "methods": ["password"]}

    sentence = sentences.sentence(record(action, actor=None, **details))

    assert "omebody" not in sentence
    assert "{" not in sentence


def test_names_with_braces_and_marks_are_shown_as_they_are(make_user, administrator):
    odd = make_user("odd", first_name="{subject}", last_name="<b>x</b>")
    people.end_sessions(odd, actor=administrator.user)

    assert said(action="sessions_ended") == ["Petra Vogt ended all sessions of {subject} <b>x</b>"]
    window = administrator.client.get(f"/settings/administration/users/{odd.pk}/mfa/").content.decode()
    assert "&lt;b&gt;x&lt;/b&gt;" in window
    assert "<b>x</b>" not in window


def test_a_browser_that_calls_itself_markup_is_shown_as_text(kim):
    kim.client.defaults["HTTP_USER_AGENT"] = "<script>alert(1)</script> Firefox/1 Linux"
    kim.sign_in()

    for path in ("/portal/", "/m2s/", "/user-settings/mfa/"):
        assert "<script>alert" not in kim.client.get(path).content.decode()


@pytest.mark.parametrize(
    ("methods", "words"),
    [
        ([], ""),
        (["password"], "a password"),
        (["password", "totp"], "a password and a code"),
        (["password", "recovery"], "a password and a recovery code"),
        (["password", "totp", "passkey"], "a password, a code and a passkey"),
        (["smoke signal"], ""),
        (["smoke signal", "passkey"], "a passkey"),
    ],
)
def test_methods_in_words(methods, words):
    assert in_words(methods) == words


# --- The steps of a sign-in ---


@pytest.mark.row("ASVS-16.3.1")
def test_a_line_for_each_step_right_or_wrong(kim, admin):
    kim.set_up_app()
    services.request_passkey(kim.user, actor=admin)
    forget()

    kim.enter_password("wrong")
    kim.enter_password()
    kim.enter_code("000000")
    kim.enter_code()
    kim.client.post("/login/setup/passkey/", {"later": ""})
    kim.client.post("/logout/")

    assert [(line.action, line.details.get("methods"), line.details.get("reason")) for line in lines()] == [
        ("refused", ["password"], "WrongPassword"),
        ("proved", ["password"], None),
        ("refused", ["totp"], "WrongCode"),
        ("proved", ["totp"], None),
        ("passkey_postponed", None, None),
        ("signed_in", ["password", "totp"], None),
        ("signed_out", None, None),
    ]
    assert {line.subject for line in lines()} == {kim.user}
    assert {line.actor for line in lines(action="refused")} == {None}


def test_a_refusal_of_an_unknown_name_is_written_down_without_the_name(db):
    """What is typed as a name may be a password, typed into the wrong field."""
    browser().post("/login/", {"username": "my secret password", "password": "x"})

    line = AuditEvent.objects.get()
    assert (line.action, line.subject, line.company) == ("refused", None, None)
    assert "my secret" not in json.dumps(line.details)


def test_a_refusal_of_a_known_address_is_its_owners(kim):
    browser().post("/login/", {"username": "KIM@acme.example", "password": "x"})

    assert AuditEvent.objects.get().subject == kim.user


def test_the_last_sign_in_is_the_end_of_the_login_and_not_its_beginning(kim, time_machine):
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    kim.set_up_app()
    kim.enter_password()
    kim.user.refresh_from_db()
    assert kim.user.last_sign_in_at is None
    time_machine.shift(20)
    kim.enter_code()

    kim.user.refresh_from_db()
    assert kim.user.last_sign_in_at == timezone.now()


@pytest.mark.parametrize(
    ("action", "agent", "methods", "words"),
    [
        ("signed_in", AGENT, ["passkey"], "Chrome on Linux, with a passkey"),
        ("signed_in", AGENT, ["password", "totp"], "Chrome on Linux, with a password and a code"),
        ("refused", AGENT, ["totp"], "Chrome on Linux, refused: a code not right"),
        ("refused", "", ["password"], "Unknown browser, refused: a password not right"),
    ],
)
def test_a_line_of_ones_own_list_of_sign_ins(action, agent, methods, words, kim):
    with recording.origin("192.0.2.7", agent):
        line = record(Action(action), actor=kim.user, subject=kim.user, methods=methods)

    assert reading.sign_in(line) == words


def test_the_portal_shows_the_last_five_sign_ins_of_its_reader_and_of_nobody_else(kim, make_person):
    lee = make_person("lee")
    lee.sign_in()
    for _time in range(4):
        kim.enter_password("wrong")
    kim.sign_in()

    for path in ("/portal/", "/m2s/"):
        page = kim.client.get(path).content.decode()
        assert page.count("refused: a password not right") == 4
        assert page.count("Chrome on Linux, with a password") == 1


def test_the_newest_line_comes_first(admin, kim, time_machine):
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    people.end_sessions(kim.user, actor=admin)
    people.deactivate_user(kim.user, actor=admin)
    time_machine.shift(-60)
    people.activate_user(kim.user, actor=admin)

    assert [line.action for line in AuditEvent.objects.all()] == [
        "user_deactivated",
        "sessions_ended",
        "user_activated",
    ]


def test_a_companys_line_is_about_the_company(admin, company):
    companies.rename_company(company, "Acme AG", actor=admin)
    companies.create_company(Company(name="Südwerk"), actor=admin)

    assert said() == ["Petra Vogt changed the company Acme AG", "Petra Vogt created the company Südwerk"]
    assert [line.company.name for line in lines()] == ["Acme AG", "Südwerk"]
