"""Whatever breaks, nobody is let in by it, and no act is left half done (OWASP Fail Securely; ASVS 16.5.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection
from django.http import Http404
from django.template.loader import get_template

from accounts.models import User
from accounts.sessions.store import SessionStore
from audit import recording
from audit.models import AuditEvent
from mfa import services
from mfa.models import AuthenticatorApp, Passkey, RecoveryCode
from tests.accounts.steps import SAVE_CODES
from tests.people import Person, browser
from tests.post import deliver_owed
from tests.security.flows import FLOWS, WAYS_IN, NoCache, World, database, tried

if TYPE_CHECKING:
    from django.test import Client

# What becomes a 500, and what Django turns into an answer of its own: none of them is a way in.
ODD = [RuntimeError, OperationalError, PermissionDenied, Http404]


@pytest.fixture
def world(kim, administrator, company, time_machine) -> World:
    time_machine.move_to(datetime.now(UTC), tick=False)  # one try is like the other
    for person in (kim, administrator):
        person.client.raise_request_exception = False
    return World(kim, administrator, company)


class Nth:
    """Let the n-th statement fail, or all from there on. Rolling back does not: the server does that by itself."""

    def __init__(self, number: int, *, for_good: bool) -> None:
        self.left, self.for_good, self.broke, self.rolling_back = number, for_good, "", False

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        ended = self.rolling_back and sql.startswith("RELEASE")
        self.rolling_back = sql.startswith("ROLLBACK")
        if self.rolling_back or ended:
            return execute(sql, params, many, context)
        self.left -= 1
        if self.left == 0 or (self.for_good and self.left < 0):
            self.broke = self.broke or sql
            raise OperationalError("The database is gone.")
        return execute(sql, params, many, context)


def fresh_browser() -> Client:
    """One that shows a 500 instead of raising it."""
    client = browser()
    client.raise_request_exception = False
    return client


def is_let_in(person: Person, *keys: str) -> bool:
    """Does any of these session keys, or the browser's own, open the portal?"""
    for key in {*keys, *keys_of(person)}:
        client = fresh_browser()
        client.cookies["session"] = key
        if client.get("/portal/").status_code == 200:
            return True
    return False


def refused(answer: Any) -> bool:
    """An error, or back to the login."""
    return answer.status_code >= 400 or answer.headers.get("Location", "").startswith("/login/")


def keys_of(person: Person) -> list[str]:
    return [cookie.value for name, cookie in person.client.cookies.items() if name == "session"]


def clean_run(world: World, name: str) -> tuple[Any, dict[str, list[Any]], list[str], set[object]]:
    """What the flow leaves behind where nothing breaks, its audit lines, and the ids that were there before."""
    with tried(world):
        act = FLOWS[name](world)
        known = {*User.objects.values_list("pk", flat=True), *Passkey.objects.values_list("pk", flat=True)}
        known.add(world.company.pk)
        before = AuditEvent.objects.count()
        answer = act()
        assert answer.status_code < 400 or name.startswith("wrong"), answer.content.decode()
        actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))[before:]
        return answer, database(known), actions, known


def assert_both_or_neither(world: World, name: str, act: Any, done: Any, before: Any, known: set[object]) -> None:
    """Do `act`, in which something breaks: all of it happened with its audit lines, or nothing did, and nobody is in."""
    keys = keys_of(world.kim)
    answer = act()
    if database() != before:
        assert database(known) == done, "half done"
    elif name in WAYS_IN:
        assert refused(answer)
        assert not is_let_in(world.kim, *keys)


def broken_at_each(world: World, name: str, *, for_good: bool) -> int:
    """Let one statement of the flow after the other fail; how many there were."""
    _, done, _, known = clean_run(world, name)
    for number in range(1, 200):
        with tried(world):
            act = FLOWS[name](world)
            before = database()
            nth = Nth(number, for_good=for_good)

            def broken(act: Any = act, nth: Nth = nth) -> Any:
                with connection.execute_wrapper(nth):
                    return act()

            assert_both_or_neither(world, name, broken, done, before, known)
            if not nth.broke:
                return number - 1
    raise AssertionError("It does not end.")


@pytest.mark.row("ASVS-16.5.3")
@pytest.mark.parametrize("name", FLOWS)
def test_a_statement_that_fails_undoes_the_whole_act_and_lets_nobody_in(name, world):
    assert broken_at_each(world, name, for_good=False) >= 2


@pytest.mark.row("ASVS-16.5.2")
@pytest.mark.parametrize("name", WAYS_IN)
def test_a_database_that_is_gone_for_good_lets_nobody_in(name, world):
    assert broken_at_each(world, name, for_good=True) >= 2


@pytest.mark.row("ASVS-16.5.3", "B-52")
@pytest.mark.parametrize("name", FLOWS)
def test_an_act_that_cannot_be_written_down_does_not_happen(name, world):
    _, _, actions, _ = clean_run(world, name)
    assert actions or name == "own profile"
    for action in set(actions):
        for kind in ODD:

            def full(line: AuditEvent, *, kind: Any = kind, action: str = action) -> None:
                if line.action == action:
                    raise kind

            with tried(world):
                act = FLOWS[name](world)
                before, keys = database(), keys_of(world.kim)
                recording.listeners.append(full)
                answer = act()
                recording.listeners.remove(full)
                assert refused(answer), (action, kind)
                assert database() == before, (action, kind)
                if name in WAYS_IN:
                    assert not is_let_in(world.kim, *keys), (action, kind)


@pytest.mark.row("ASVS-16.5.2")
@pytest.mark.parametrize("kind", [*ODD, UpdateError], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", WAYS_IN)
def test_a_session_that_cannot_be_saved_lets_nobody_in_and_uses_nothing_up(name, kind, world, monkeypatch):
    _, done, _, known = clean_run(world, name)
    saved = SessionStore.save

    def save(self: SessionStore, must_create: bool = False) -> None:
        raise kind

    with tried(world):
        act = FLOWS[name](world)
        before, keys = database(), keys_of(world.kim)
        monkeypatch.setattr(SessionStore, "save", save)
        answer = act()
        monkeypatch.setattr(SessionStore, "save", saved)
        if name.startswith(("wrong", "password_by")):
            assert database() == before or database(known) == done
        elif kind is UpdateError and "passkey" in name:  # the question is gone with the session: a refusal
            assert {**database(), "AuditEvent": 0} == {**before, "AuditEvent": 0}
        else:
            assert database() == before
        assert refused(answer) or name.startswith("password_by")
        assert not is_let_in(world.kim, *keys)


BREAKS = {
    "the policy": "mfa.steps.pending_steps",
    "what they owe": "mfa.steps.standing_of",
    "what they hold": "mfa.steps.holdings_of",
    "the code": "mfa.methods.totp.verification.check",
    "the code's use": "mfa.methods.totp.verification.spend",
    "the recovery code": "mfa.methods.recovery_codes.verification.spend",
    "the secret": "mfa.methods.totp.verification.unseal",
    "the recovery codes' secret": "mfa.methods.recovery_codes.verification.unseal",
    "the passkey": "mfa.methods.passkeys.verification.signed",
    "the passkey's check": "mfa.methods.passkeys.finish_authentication",
    "the new passkey": "mfa.methods.passkeys.finish_registration",
    "the new passkey's check": "mfa.methods.passkeys.enrolment.verify_registration_response",
    "the end of the login": "mfa.steps.complete",
    "the password": "accounts.models.User.check_password",
    "the session's save": "accounts.sessions.store.SessionStore.save_now",
    "another key": "accounts.sessions.store.SessionStore.cycle_key",
}


@pytest.mark.row("ASVS-16.5.3", "B-50")
@pytest.mark.parametrize("broken", BREAKS)
def test_a_check_that_breaks_lets_nobody_in(broken, world, monkeypatch):
    met_by = 0
    for name in WAYS_IN:
        for kind in ODD:
            met: list[Any] = []

            def breaks(*_: Any, kind: Any = kind, met: Any = met, **__: Any) -> Any:
                met.append(kind)
                raise kind("odd")

            with tried(world):
                act = FLOWS[name](world)
                before, keys = database(), keys_of(world.kim)
                with monkeypatch.context() as patch:
                    patch.setattr(BREAKS[broken], breaks)
                    answer = act()
                if met and not name.startswith("password_by"):
                    assert refused(answer), (name, kind)
                    assert {**database(), "AuditEvent": 0} == {**before, "AuditEvent": 0}, (name, kind)
                    assert not AuditEvent.objects.filter(action="signed_in", subject=world.kim.user).exists()
                    assert not is_let_in(world.kim, *keys), (name, kind)
            met_by += len(met)
            if not met:
                break
    assert met_by >= len(ODD)


@pytest.mark.row("ASVS-16.5.3", "B-50")
def test_a_policy_that_breaks_later_opens_no_page_to_somebody_half_way(world, monkeypatch):
    WAYS_IN["code"](world)
    key = keys_of(world.kim)
    for kind in (*ODD, AttributeError, StopIteration, TypeError):
        for target in ("pending_steps", "holdings_of", "standing_of"):

            def breaks(*_: Any, kind: Any = kind, **__: Any) -> Any:
                raise kind("odd")

            with monkeypatch.context() as patch:
                patch.setattr(f"mfa.steps.{target}", breaks)
                for path in (
                    "/portal/",
                    "/",
                    "/user-settings/",
                    "/settings/",
                    "/user-settings/mfa/",
                    "/login/challenge/",
                ):
                    answer = world.kim.client.get(path)
                    assert refused(answer), (kind, path)
                    assert b"Kim" not in answer.content
    assert not is_let_in(world.kim, *key)


@pytest.mark.row("ASVS-16.5.3")
@pytest.mark.parametrize("template", ["login/password.html", "login/challenge.html", "portal/index.html"])
def test_a_page_that_cannot_be_drawn_opens_nothing(template, world, monkeypatch):
    WAYS_IN["code"](world)
    before = database()

    def drawn(name: Any, *more: Any, **options: Any) -> Any:
        if name == template:
            raise RuntimeError
        return get_template(name, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr("django.template.loader.get_template", drawn)
        assert fresh_browser().get("/login/").status_code == (500 if template == "login/password.html" else 200)
        world.kim.enter_code("abcdef")
    assert {**database(), "AuditEvent": 0} == {**before, "AuditEvent": 0}
    assert not is_let_in(world.kim)


@pytest.mark.row("ASVS-2.3.3")
def test_an_app_that_is_set_up_has_shown_its_recovery_codes_or_will(world):
    """Whichever statement fails: whoever has the new app has its codes waiting for them."""
    for name, codes in (("app_set_up", SAVE_CODES), ("own set-up", "/user-settings/mfa/recovery-codes/")):
        for number in range(1, 60):
            with tried(world):
                act = FLOWS[name](world)
                nth = Nth(number, for_good=False)
                with connection.execute_wrapper(nth):
                    act()
                if AuthenticatorApp.objects.exists() and not nth.broke:
                    assert world.kim.client.get(codes).status_code == 200
                elif AuthenticatorApp.objects.exists():
                    assert any("unsaved_codes" in SessionStore(row.pk).load() for row in world.kim.user.sessions.all())
                    assert RecoveryCode.objects.count() == 10


NOBODY_ANSWERS = {
    "default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": {"host": "127.0.0.1", "port": 1}}
}


@pytest.mark.row("ASVS-16.5.2")
@pytest.mark.parametrize("name", ["user made", "invited"])
def test_a_mail_that_cannot_be_sent_loses_nothing(name, world, settings, django_capture_on_commit_callbacks):
    _, done, _, known = clean_run(world, name)
    world.kim.user.refresh_from_db()

    settings.MAILERS = NOBODY_ANSWERS
    act = FLOWS[name](world)
    with django_capture_on_commit_callbacks(execute=True):
        answer = act()
    deliver_owed()

    assert answer.status_code == 302
    assert done["OwedMail"]
    assert database(known) == done


@pytest.mark.row("ASVS-16.5.2")
def test_a_reset_whose_mail_cannot_be_sent_says_what_it_always_says(world, settings):
    before = database()
    settings.MAILERS = NOBODY_ANSWERS
    there = [
        world.kim.client.post("/password-reset/", {"email": email}) for email in ("kim@acme.example", "x@y.example")
    ]

    assert [answer.headers.get("Location") for answer in there] == ["/password-reset/sent/"] * 2
    deliver_owed()
    assert {**database(), "AuditEvent": 0, "OwedMail": 0} == {**before, "AuditEvent": 0, "OwedMail": 0}
    assert len(database()["OwedMail"]) == len(before["OwedMail"]) + 1


@pytest.mark.row("ASVS-16.5.2")
@pytest.mark.parametrize("name", FLOWS)
def test_a_cache_that_is_gone_changes_nothing(name, world, settings):
    """No step and no act asks one."""
    _, done, _, known = clean_run(world, name)
    settings.CACHES = {"default": {"BACKEND": "tests.security.flows.NoCache"}}
    with pytest.raises(OSError, match="No cache"):
        cache.get("x")
    NoCache.asked.clear()

    with tried(world):
        FLOWS[name](world)()
        assert database(known) == done
    assert NoCache.asked == []


@pytest.mark.row("ASVS-16.5.3", "B-50")
@pytest.mark.parametrize("name", ["password_alone", "code", "recovery_code"])
def test_a_throttle_that_breaks_lets_nobody_in(name, world, monkeypatch):
    for kind in ODD:
        with tried(world):
            act = FLOWS[name](world)
            before, keys = database(), keys_of(world.kim)

            def claim(*_: Any, kind: Any = kind, **__: Any) -> Any:
                raise kind("odd")

            with monkeypatch.context() as patch:
                patch.setattr("accounts.throttle.budgets.claim", claim)
                answer = act()
            assert refused(answer)
            after = database()
            after["AuditEvent"] = [row for row in after["AuditEvent"] if row["action"] != "refused"]
            assert after == before, "the refusal itself may be written down"
            assert not is_let_in(world.kim, *keys)


def test_what_is_set_up_here_is_a_person_who_gets_in_where_nothing_breaks(world):
    """The tests above could not fail otherwise."""
    for name in ("password_alone", "code", "recovery_code", "passkey", "codes_saved", "passkey_postponed"):
        with tried(world):
            FLOWS[name](world)()
            assert is_let_in(world.kim), name
    services.enable_two_factor(world.kim.user, actor=world.admin)
    assert not is_let_in(world.kim)


@pytest.mark.row("ASVS-2.3.3")
def test_a_sign_out_ends_the_session_and_is_written_down_or_neither(world):
    for number in range(1, 30):
        with tried(world):
            act = FLOWS["signed out"](world)
            [key] = keys_of(world.kim)
            nth = Nth(number, for_good=False)
            with connection.execute_wrapper(nth):
                act()
            written = AuditEvent.objects.filter(action="signed_out").exists()
            assert written is not is_let_in(Person(world.kim.user), key)
            if not nth.broke:
                assert written
                return
    raise AssertionError("It does not end.")
