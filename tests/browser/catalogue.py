"""Every page and every state of it, once: what accessibility, phones and the screenshots are tried on.

A state is reached as people reach it, with the people of `create_demo`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from time import time
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import connection
from django.http import QueryDict
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from playwright.sync_api import expect

from accounts import invitations, people, site_rule
from accounts.models import Budget, Session, User
from accounts.not_me import Claim
from accounts.not_me import not_me_link as link_for
from accounts.sealing import Purpose, unseal
from accounts.throttle import lanes, rule
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action
from companies import services as companies
from companies.access_passes import IdentityCheck, Validity, give_pass
from companies.bulk import choosing, running
from companies.bulk.following import ANNOUNCE_RULE
from companies.bulk.models import BulkPerson
from companies.erasing import erase
from companies.letting_in import APP, CODES
from companies.listing.people import UserList
from companies.lost_phone import reset
from companies.models import BulkRun, Company, Import, Snapshot
from companies.reminders import remind
from m2v import errors
from m2v.management.commands.create_demo import create
from mfa import services
from mfa.policy import Method
from tests.addresses import link_of
from tests.audit import forget
from tests.people import Person

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse
    from playwright.sync_api import Page

    from accounts.requests import SiteRequest
    from tests.browser.pages import Desk

ELSEWHERE = (
    (
        "phone",
        2,
        "passkey:1",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile/15E148 Safari/604.1",
    ),
    ("desk", 3, "password totp", "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"),
)
SOME_NAMES = ("amelie.dubois", "minh.anh", "tom.becker", "ines.costa", "lena.fischer", "omar.said", "lukas.brandt")
ACME = "Acme Machines"
NORDWIND = "Nordwind Fördertechnik GmbH"
NO_PASSKEYS = "delete window.PublicKeyCredential"


class Demo:
    """Made once in a process, and brought back from a copy: that takes a hundredth of the time."""

    lines: list[tuple[str, str, str]]
    copy: sqlite3.Connection | None = None

    def bring(self) -> list[tuple[str, str, str]]:
        """The demo's companies and people, in an empty database."""
        if connection.vendor != "sqlite":
            return create()
        connection.ensure_connection()
        if self.copy:
            self.copy.backup(connection.connection)
        else:
            self.lines, self.copy = create(), sqlite3.connect(":memory:", check_same_thread=False)
            connection.connection.backup(self.copy)
        return self.lines


DEMO = Demo()


class Stage:
    """The demo's companies and people, and a browser for whoever comes on."""

    def __init__(self, at: Callable[..., Desk]) -> None:
        self.at = at
        self.options: dict[str, Any] = {}
        self.passwords: dict[str, str] = {}

    @cached_property
    def petra(self) -> User:
        """The administrator; asking for her fills the database."""
        self.passwords = {username: password for username, password, _note in DEMO.bring()}
        return User.objects.get(username="petra.vogt")

    def user(self, username: str) -> User:
        if username == self.petra.username:
            return self.petra
        return User.objects.select_related("company").get(username=username)

    def company(self, name: str) -> Company:
        return Company.objects.managed_by(self.petra).get(name=name)

    def person(self, username: str) -> Person:
        """With their authenticator app in hand, where they have one."""
        user = self.user(username)
        app = user.authenticator_apps.filter(confirmed=True).first()
        return Person(user, app_key=unseal(app.key, user.pk, Purpose.APP) if app else None)

    def stranger(self, path: str, *, script: str = "") -> Desk:
        """Nobody in particular, on `path`."""
        desk = self.at(**self.options)
        if script:
            desk.page.add_init_script(script)
        desk.open(path)
        return desk

    def half_way(self, username: str, path: str, *, script: str = "") -> Desk:
        """`username`, who has entered the password and nothing else, on `path`."""
        person = self.person(username)
        person.enter_password(self.passwords[username])
        return self._with_session(person, path, script)

    def inside(self, username: str, path: str, *, script: str = "") -> Desk:
        """`username`, signed in, on `path`."""
        person = self.person(username)
        answer = person.enter_password(self.passwords[username])
        if answer.headers["Location"] == reverse("login_challenge"):
            answer = person.enter_code()
        return self._with_session(person, path, script)

    def _with_session(self, person: Person, path: str, script: str) -> Desk:
        desk = self.at(person, **self.options)
        if script:
            desk.page.add_init_script(script)
        desk.bring_session()
        desk.open(path)
        return desk


@dataclass(frozen=True)
class State:
    """`name` is the picture's file name; `view` the name of the address that is shown, "" where there is none."""

    name: str
    view: str
    arrange: Callable[[Stage], Desk]

    def __str__(self) -> str:
        return self.name

    def reach(self, stage: Stage) -> Page:
        """The page in this state, with its style and its scripts."""
        page = self.arrange(stage).page
        page.wait_for_load_state("load")
        return page


STATES: list[State] = []


def state(name: str, view: str) -> Callable[[Callable[[Stage], Desk]], Callable[[Stage], Desk]]:
    """The decorated function arranges the state `name` of the page `view`."""

    def register(arrange: Callable[[Stage], Desk]) -> Callable[[Stage], Desk]:
        STATES.append(State(name, view, arrange))
        return arrange

    return register


def inside(name: str, view: str, username: str, **of: str) -> None:
    """A state that one sees who is signed in as `username` and opens the page of `user`, `company` or nobody."""

    @state(name, view)
    def arrange(stage: Stage) -> Desk:
        return stage.inside(username, address(stage, view, **of))


def half_way(name: str, view: str, username: str, query: str = "") -> None:
    """A state that one sees who has only entered the password of `username`."""

    @state(name, view)
    def arrange(stage: Stage) -> Desk:
        return stage.half_way(username, reverse(view) + query)


def address(stage: Stage, view: str, user: str = "", company: str = "", passkey: str = "", query: str = "") -> str:
    """The address of `view` about somebody or something of the demo."""
    ids = {}
    if user:
        ids["user_id"] = stage.user(user).pk
    if company:
        ids["company_id"] = stage.company(company).pk
    if passkey:
        owner, _, name = passkey.partition(": ")
        ids["passkey_id"] = stage.user(owner).passkeys.get(name=name).pk
    return reverse(view, kwargs=ids) + query


# --- The login ---


@state("login", "login")
def login(stage: Stage) -> Desk:
    return stage.stranger("/login/")


@state("setup-two-factor-or-passkey", "login_setup_two_factor")
def setup_two_factor_or_passkey(stage: Stage) -> Desk:
    site_rule.demand_factor(actor=stage.petra)
    return stage.half_way("samir.haddad", "/login/setup/two-factor/")


@state("login-error", "login")
def login_error(stage: Stage) -> Desk:
    desk = stage.stranger("/login/")
    desk.field("User name").fill("kim.hansen")
    desk.password_field.fill("not this one")
    desk.button("Sign in").click()
    desk.sees("User name or password is not right.")
    return desk


@state("login-throttled", "login")
def login_throttled(stage: Stage) -> Desk:
    desk = login_error(stage)
    Budget.objects.exclude(pk__startswith="questions:").update(failures=12, blocked_until=time() + 240)
    desk.password_field.fill("not this one either")
    desk.button("Sign in").click()
    desk.sees("Too many attempts.")
    return desk


@state("login-locked", "login")
def login_locked(stage: Stage) -> Desk:
    lock(stage, "kim.hansen")
    desk = stage.stranger("/login/")
    desk.field("User name").fill("kim.hansen")
    desk.password_field.fill("not this one")
    desk.button("Sign in").click()
    desk.sees("There were too many wrong attempts.")
    return desk


@state("challenge-throttled", "login_challenge")
def challenge_throttled(stage: Stage) -> Desk:
    desk = stage.half_way("kim.hansen", "/login/challenge/")
    Budget.objects.exclude(pk__startswith="questions:").update(failures=12, blocked_until=time() + 50)
    desk.enter_code("000000")
    desk.sees("Too many attempts.")
    return desk


def gives_pass(stage: Stage, username: str) -> None:
    give_pass(stage.user(username), valid=Validity.A_DAY, checked="in_person", reason="New phone", actor=stage.petra)


@state("challenge-pass", "login_challenge")
def challenge_pass(stage: Stage) -> Desk:
    gives_pass(stage, "kim.hansen")
    return stage.half_way("kim.hansen", "/login/challenge/?with=pass")


@state("challenge-pass-offered", "login_challenge")
def challenge_pass_offered(stage: Stage) -> Desk:
    gives_pass(stage, "kim.hansen")
    return stage.half_way("kim.hansen", "/login/challenge/")


@state("challenge-pass-needed", "login_challenge")
def challenge_pass_needed(stage: Stage) -> Desk:
    Company.objects.filter(pk=stage.user("marta.kowalska").company_id).update(pass_demanded=True)
    return stage.half_way("marta.kowalska", "/login/challenge/")


@state("challenge-app-locked", "login_challenge")
def challenge_app_locked(stage: Stage) -> Desk:
    services.disable_factor(stage.user("kim.hansen"), Method.TOTP)
    return stage.half_way("kim.hansen", "/login/challenge/")


@state("challenge-app-locked-nothing-left", "login_challenge")
def challenge_nothing_left(stage: Stage) -> Desk:
    for method in (Method.TOTP, Method.RECOVERY):
        services.disable_factor(stage.user("daniel.okafor"), method)
    return stage.half_way("daniel.okafor", "/login/challenge/")


@state("window-app-locked", "settings:user_mfa:window")
def window_app_locked(stage: Stage) -> Desk:
    services.disable_factor(stage.user("kim.hansen"), Method.TOTP)
    return stage.inside("samir.haddad", address(stage, "settings:user_mfa:window", user="kim.hansen"))


def lock(stage: Stage, username: str) -> None:
    """As if 100 passwords of `username` had been wrong."""
    lane = rule.Lane(f"person:{stage.user(username).pk.hex}")
    Budget.objects.create(key=lane.key, failures=100, blocked_until=rule.FOREVER, last_at=time())


@state("user-let-in", "settings:user_let_in")
def user_let_in(stage: Stage) -> Desk:
    kim = stage.user("kim.hansen")
    people.lock_user(kim, actor=stage.petra)
    return stage.inside("petra.vogt", f"/settings/administration/users/{kim.pk}/let-in/")


@state("user-let-in-put-back", "settings:user_let_in")
def user_let_in_put_back(stage: Stage) -> Desk:
    kim = stage.user("kim.hansen")
    lost = {APP, CODES, str(kim.passkeys.get(name="iCloud Keychain").pk)}
    reset(kim, lost=lost, checked="called_back", reason="Phone left on the train", actor=stage.petra)
    line = AuditEvent.objects.select_related("subject").get(action="user_reset")
    people.report_not_me(Claim(line, kim.email), about="What you sign in with was removed")
    return stage.inside("petra.vogt", f"/settings/administration/users/{kim.pk}/let-in/")


@state("user-erased", "settings:user")
def user_erased(stage: Stage) -> Desk:
    pseudonym = erase(stage.user("lena.fischer"), actor=stage.petra)
    return stage.inside("petra.vogt", address(stage, "settings:user", user=pseudonym))


@state("user-locked", "settings:user")
def user_locked(stage: Stage) -> Desk:
    lock(stage, "kim.hansen")
    return stage.inside("samir.haddad", address(stage, "settings:user", user="kim.hansen"))


@state("user-reported", "settings:user")
def user_reported(stage: Stage) -> Desk:
    kim = stage.user("kim.hansen")
    event = record(Action.PASSKEY_CREATED, actor=kim, subject=kim, name="iCloud Keychain")
    people.report_not_me(Claim(event, kim.email), about="A passkey was added to your account")
    return stage.inside("samir.haddad", address(stage, "settings:user", user="kim.hansen"))


@state("login-without-passkeys", "login")
def login_without_passkeys(stage: Stage) -> Desk:
    return stage.stranger("/login/", script=NO_PASSKEYS)


half_way("challenge", "login_challenge", "daniel.okafor")
half_way("challenge-with-passkey", "login_challenge", "kim.hansen")
half_way("challenge-passkey-only", "login_challenge", "ines.costa")
half_way("challenge-recovery", "login_challenge", "daniel.okafor", "?with=recovery")
half_way("setup-two-factor", "login_setup_two_factor", "amelie.dubois")
half_way("setup-passkey", "login_setup_passkey", "peter.olsen")


@state("challenge-error", "login_challenge")
def challenge_error(stage: Stage) -> Desk:
    desk = stage.half_way("kim.hansen", "/login/challenge/")
    desk.enter_code("000000")
    desk.sees("This code is not right.")
    return desk


@state("challenge-recovery-error", "login_challenge")
def challenge_recovery_error(stage: Stage) -> Desk:
    desk = stage.half_way("daniel.okafor", "/login/challenge/?with=recovery")
    desk.field("Recovery code").fill("AAAA-BBBB-CCCC-DDDD")
    desk.button("Verify").click()
    desk.sees("This is not one of your unused recovery codes.")
    return desk


@state("setup-password", "login_setup_password")
def setup_password(stage: Stage) -> Desk:
    samir = stage.user("samir.haddad")
    User.objects.filter(pk=samir.pk).update(password_is_short=True)
    return stage.half_way("samir.haddad", "/login/setup/password/")


@state("setup-two-factor-error", "login_setup_two_factor")
def setup_two_factor_error(stage: Stage) -> Desk:
    desk = stage.half_way("tom.becker", "/login/setup/two-factor/")
    desk.enter_code("000000")
    desk.sees("This code is not right.")
    return desk


@state("recovery-codes", "login_setup_recovery_codes")
def recovery_codes(stage: Stage) -> Desk:
    desk = stage.half_way("tom.becker", "/login/setup/two-factor/")
    desk.set_up_app()
    expect(desk.heading("Save your recovery codes")).to_be_visible()
    return desk


@state("setup-passkey-without-passkeys", "login_setup_passkey")
def setup_passkey_without_passkeys(stage: Stage) -> Desk:
    return stage.half_way("peter.olsen", "/login/setup/passkey/", script=NO_PASSKEYS)


@state("setup-passkey-cancelled", "login_setup_passkey")
def setup_passkey_cancelled(stage: Stage) -> Desk:
    desk = stage.half_way("peter.olsen", "/login/setup/passkey/")
    desk.device(isUserVerified=False)
    desk.button("Create a passkey").click()
    desk.sees("It was cancelled, or took too long.")
    return desk


@state("setup-passkey-prove-first", "login_setup_passkey")
def setup_passkey_prove_first(stage: Stage) -> Desk:
    services.request_passkey(stage.user("soren.kjaergaard"), actor=stage.petra)
    return stage.half_way("soren.kjaergaard", "/login/setup/passkey/")


# --- Accessibility ---


@state("accessibility", "accessibility")
def accessibility(stage: Stage) -> Desk:
    return stage.stranger("/accessibility/")


inside("accessibility-signed-in", "accessibility", "kim.hansen")


# --- Password reset and invitation ---


@state("password-reset", "password_reset")
def password_reset(stage: Stage) -> Desk:
    return stage.stranger("/password-reset/")


@state("password-reset-sent", "password_reset_sent")
def password_reset_sent(stage: Stage) -> Desk:
    desk = stage.stranger("/password-reset/")
    desk.field("User name or e-mail").fill("kim.hansen@demo.example")
    desk.button("Send the link").click()
    expect(desk.heading("Check your e-mail")).to_be_visible()
    return desk


def reset_link(user: User) -> str:
    code, token = urlsafe_base64_encode(force_bytes(user.pk)), invitations.reset_tokens.make_token(user)
    return reverse("password_reset_confirm", args=[code, token])


@state("password-reset-choose", "password_reset_confirm")
def password_reset_choose(stage: Stage) -> Desk:
    return stage.stranger(reset_link(stage.user("kim.hansen")))


@state("password-reset-error", "password_reset_confirm")
def password_reset_error(stage: Stage) -> Desk:
    desk = stage.stranger(reset_link(stage.user("kim.hansen")))
    desk.labelled("New password").fill("kim.hansen")
    desk.labelled("New password, again").fill("kim")
    desk.button("Save the password").click()
    expect(desk.page.get_by_role("alert").first).to_be_visible()
    return desk


@state("password-refused", "invitation")
def password_refused(stage: Stage) -> Desk:
    link = invitations.invite(stage.user("omar.said"), actor=stage.petra)
    desk = stage.stranger(link.removeprefix(settings.BASE_URL))
    desk.labelled("New password").fill("omar.said")
    desk.labelled("New password, again").fill("omar.saïd")
    desk.button("Save the password").click()
    desk.sees("This password is too short")
    return desk


@state("password-reset-gone", "password_reset_confirm")
def password_reset_gone(stage: Stage) -> Desk:
    return stage.stranger("/password-reset/MQ/gone-1/")


def not_me_link(stage: Stage) -> str:
    """The link in the mail about a new passkey of Kim's."""
    kim = stage.user("kim.hansen")
    event = record(Action.PASSKEY_CREATED, actor=kim, subject=kim, name="iCloud Keychain")
    return link_for(event, kim.email).removeprefix(settings.BASE_URL)


@state("not-me", "not_me")
def not_me(stage: Stage) -> Desk:
    return stage.stranger(not_me_link(stage))


@state("not-me-done", "not_me")
def not_me_done(stage: Stage) -> Desk:
    desk = stage.stranger(not_me_link(stage))
    desk.button("Lock my account").click()
    expect(desk.heading("This account was locked")).to_be_visible()
    return desk


@state("not-me-gone", "not_me")
def not_me_gone(stage: Stage) -> Desk:
    return stage.stranger("/not-me/cut-off/")


def enter_address(stage: Stage) -> User:
    """Lukas as one who entered another address and has not confirmed it."""
    lukas = stage.user("lukas.brandt")
    lukas.email = "lukas@home.example"
    people.change_user(lukas, changed=["email"], actor=lukas)
    return lukas


@state("address", "address")
def new_address(stage: Stage) -> Desk:
    return stage.stranger(link_of(enter_address(stage)))


@state("address-gone", "address")
def new_address_gone(stage: Stage) -> Desk:
    return stage.stranger("/address/cut-off/")


@state("user-settings-address-waits", "user_settings")
def user_settings_address_waits(stage: Stage) -> Desk:
    enter_address(stage)
    return stage.inside("lukas.brandt", "/user-settings/")


@state("user-edit-address-waits", "settings:user")
def user_edit_address_waits(stage: Stage) -> Desk:
    enter_address(stage)
    return stage.inside("petra.vogt", address(stage, "settings:user", user="lukas.brandt"))


@state("invitation", "invitation")
def invitation(stage: Stage) -> Desk:
    link = invitations.invite(stage.user("omar.said"), actor=stage.petra)
    return stage.stranger(link.removeprefix(settings.BASE_URL))


@state("invitation-gone", "invitation")
def invitation_gone(stage: Stage) -> Desk:
    return stage.stranger("/invitation/MQ/gone-1/")


# --- Confirm that it is you ---

inside("confirm-password", "confirm", "lukas.brandt")
inside("confirm-code", "confirm", "carla.reyes")
inside("confirm-code-or-passkey", "confirm", "kim.hansen")
inside("confirm-passkey", "confirm", "soren.kjaergaard")
inside("confirm-recovery", "confirm", "carla.reyes", query="?with=recovery")


@state("confirm-error", "confirm")
def confirm_error(stage: Stage) -> Desk:
    desk = stage.inside("lukas.brandt", "/confirm/")
    desk.password_field.fill("not this one")
    desk.button("Verify").click()
    desk.sees("This is not your password.")
    return desk


@state("confirm-continue", "confirm_continue")
def confirm_continue(stage: Stage) -> Desk:
    """Shown to those without JavaScript; a script goes on at once."""
    desk = interrupted(stage)
    desk.page.route("**/forms.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    desk.password_field.fill(stage.passwords["lukas.brandt"])
    desk.button("Verify").click()
    expect(desk.button("Go on")).to_be_visible()
    return desk


@state("confirm-gone", "confirm_continue")
def confirm_gone(stage: Stage) -> Desk:
    """Of a form that another browser sent."""
    desk = interrupted(stage)
    desk.page.context.clear_cookies(name=settings.HELD_FORMS_COOKIE_NAME)
    desk.open(parse_qs(urlsplit(desk.page.url).query)["next"][0])
    return desk


def interrupted(stage: Stage) -> Desk:
    """Somebody who signed in a while ago, and has just saved their settings."""
    desk = stage.inside("lukas.brandt", "/user-settings/")
    session = desk.person.client.session
    session["proofs"] = [proof | {"at": proof["at"] - 20 * 60} for proof in session["proofs"]]
    session.save()
    desk.button("Save").click()
    expect(desk.heading("Confirm that it is you")).to_be_visible()
    return desk


# --- The portal, the m2s app, one's own settings ---

inside("portal", "portal", "kim.hansen")
inside("portal-unprotected", "portal", "lukas.brandt")
inside("portal-passkey-only", "portal", "soren.kjaergaard")
inside("m2s", "m2s", "kim.hansen")
inside("m2s-without-passkey", "m2s", "lukas.brandt")
inside("user-settings", "user_settings", "kim.hansen")
inside("password", "password", "lukas.brandt")
inside("own-mfa", "own_mfa:window", "kim.hansen")
inside("own-mfa-off", "own_mfa:window", "lukas.brandt")
inside("own-mfa-confirm-on", "own_mfa:two_factor_on", "lukas.brandt")
inside("own-mfa-confirm-off", "own_mfa:two_factor_off", "elif.demir")
inside("own-mfa-confirm-new-codes", "own_mfa:new_codes", "carla.reyes")
inside("own-setup-two-factor", "own_two_factor", "kim.hansen")
inside("own-passkey-new", "own_passkey_new", "lukas.brandt")
inside("own-passkey-delete", "own_mfa:passkey_delete", "chen.wei", passkey="chen.wei: Bitwarden")
inside("own-passkey-rename", "own_mfa:passkey_rename", "chen.wei", passkey="chen.wei: Bitwarden")


@state("user-settings-sessions", "user_settings")
def user_settings_sessions(stage: Stage) -> Desk:
    desk = stage.inside("kim.hansen", "/user-settings/")
    for name, hours, proved_by, browser in ELSEWHERE:
        seen = timezone.now() - timedelta(minutes=15 * hours)
        Session.objects.create(
            session_key=name,
            user=stage.user("kim.hansen"),
            is_complete=True,
            address="203.0.113.7",
            browser=browser,
            proved_by=proved_by,
            started_at=timezone.now() - timedelta(hours=hours),
            seen_at=seen,
            expire_date=seen + timedelta(hours=1),
        )
    desk.open("/user-settings/")
    expect(desk.button("Sign out everywhere else")).to_be_visible()
    return desk


@state("session-ends", "portal")
def session_ends(stage: Stage) -> Desk:
    desk = stage.inside("kim.hansen", "/portal/")
    desk.page.clock.install()
    desk.open("/portal/")
    Session.objects.filter(user=desk.person.user).update(seen_at=timezone.now() - timedelta(minutes=59, seconds=2))
    desk.page.clock.fast_forward(3542 * 1000)
    desk.sees("Are you still there?")
    return desk


@state("session-ends-over-window", "own_mfa:window")
def session_ends_over_window(stage: Stage) -> Desk:
    desk = stage.inside("kim.hansen", "/portal/")
    Session.objects.filter(user=desk.person.user).update(started_at=timezone.now() - timedelta(hours=23, seconds=3545))
    desk.open("/user-settings/mfa/")
    desk.sees("You have been signed in for as long as a sign-in lasts")
    return desk


@state("session-ends-overall", "portal")
def session_ends_overall(stage: Stage) -> Desk:
    desk = stage.inside("kim.hansen", "/portal/")
    Session.objects.filter(user=desk.person.user).update(started_at=timezone.now() - timedelta(hours=23, seconds=3545))
    desk.open("/portal/")
    desk.sees("You have been signed in for as long as a sign-in lasts")
    return desk


@state("user-settings-saved", "user_settings")
def user_settings_saved(stage: Stage) -> Desk:
    desk = stage.inside("lukas.brandt", "/user-settings/")
    desk.button("Save").click()
    desk.sees("Your profile is saved.")
    return desk


@state("user-settings-error", "user_settings")
def user_settings_error(stage: Stage) -> Desk:
    desk = stage.inside("lukas.brandt", "/user-settings/")
    desk.field("E-mail").fill("elif.demir@demo.example")
    desk.button("Save").click()
    desk.sees("This e-mail address belongs to another account.")
    return desk


@state("password-error", "password")
def password_error(stage: Stage) -> Desk:
    desk = stage.inside("lukas.brandt", "/user-settings/password/")
    desk.labelled("Current password").fill("not this one")
    desk.labelled("New password").fill("short")
    desk.labelled("New password, again").fill("other")
    desk.button("Change password").click()
    desk.sees("This is not your current password.")
    return desk


@state("own-mfa-asked", "own_mfa:window")
def own_mfa_asked(stage: Stage) -> Desk:
    desk = stage.inside("lukas.brandt", "/user-settings/")
    services.enable_two_factor(stage.user("lukas.brandt"), actor=stage.petra)
    services.request_passkey(stage.user("lukas.brandt"), actor=stage.petra)
    desk.open("/user-settings/mfa/")
    return desk


@state("own-mfa-last-factor", "own_mfa:window")
def own_mfa_last_factor(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", "/user-settings/")
    site_rule.demand_factor(actor=stage.petra)
    stage.petra.authenticator_apps.all().delete()
    desk.open("/user-settings/mfa/")
    desk.sees("It stays while you have no other method")
    return desk


@state("own-mfa-saved", "own_mfa:window")
def own_mfa_saved(stage: Stage) -> Desk:
    desk = stage.inside("lukas.brandt", "/user-settings/mfa/")
    desk.button("Request new passkey").click()
    desk.sees("You will be asked to create a passkey at the next login.")
    return desk


@state("own-passkey-rename-error", "own_mfa:window")
def own_passkey_rename_error(stage: Stage) -> Desk:
    desk = stage.inside("kim.hansen", "/user-settings/mfa/")
    desk.link("Rename passkey iCloud Keychain").click()
    desk.field("Name").fill("Windows Hello")
    desk.button("Save").last.click()
    desk.sees("Another passkey of yours has this name already.")
    return desk


@state("own-setup-two-factor-gone", "own_two_factor")
def own_setup_two_factor_gone(stage: Stage) -> Desk:
    desk = stage.inside("lukas.brandt", "/user-settings/mfa/two-factor/set-up/")
    early, desk.page = desk.page, desk.page.context.new_page()
    desk.open("/user-settings/mfa/two-factor/set-up/")
    desk.button("New key").click()
    desk.page.wait_for_load_state("load")
    desk.page = early
    desk.set_up_app()
    desk.sees("This page was older than ten minutes, or a new key was made.")
    return desk


@state("own-recovery-codes", "own_recovery_codes")
def own_recovery_codes(stage: Stage) -> Desk:
    desk = stage.inside("carla.reyes", "/user-settings/mfa/")
    desk.button("New recovery codes").click()
    desk.confirm()
    expect(desk.heading("Save your recovery codes")).to_be_visible()
    return desk


@state("user-menu", "portal")
def user_menu(stage: Stage) -> Desk:
    desk = stage.inside("kim.hansen", "/portal/")
    desk.button("User menu").click()
    expect(desk.button("Sign out")).to_be_visible()
    return desk


@state("app-switcher", "settings:home")
def app_switcher(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", "/settings/")
    desk.role("navigation", "Apps").get_by_role("button").click()
    expect(desk.page.locator("#apps")).to_be_visible()
    return desk


# --- The Settings app: users ---

inside("overview", "settings:home", "petra.vogt")
inside("overview-company-administrator", "settings:home", "carla.reyes")
inside("overview-auditor", "settings:home", "viktor.lang")


@state("overview-new", "settings:home")
def overview_new(stage: Stage) -> Desk:
    """The first administrator, and nobody and nothing else."""
    desk = stage.inside("petra.vogt", "/settings/")
    forget()
    User.objects.exclude(username="petra.vogt").delete()
    Company.objects.all().delete()
    Snapshot.objects.all().delete()
    desk.page.reload()
    expect(desk.heading("Nobody else is here yet")).to_be_visible()
    return desk


inside("rule-on", "settings:rule_on", "petra.vogt")
inside("rule-off", "settings:rule_off", "petra.vogt")
inside("users-auditor", "settings:users", "viktor.lang")
inside("user-helpdesk", "settings:user", "hanna.weber", user="daniel.okafor")
inside("user-auditor", "settings:user", "viktor.lang", user="kim.hansen")
inside("user-mfa-helpdesk", "settings:user_mfa:window", "hanna.weber", user="kim.hansen")
inside("users", "settings:users", "petra.vogt")
inside("users-search", "settings:users", "petra.vogt", query="?q=hansen")
inside("users-filtered", "settings:users", "petra.vogt", query="?show=asked&sort=last")
inside("users-empty", "settings:users", "petra.vogt", query="?q=miller")
inside("users-no-such-company", "settings:users", "petra.vogt", query="?company=Nordwint")
inside("user-new", "settings:user_new", "petra.vogt")
inside("user-edit", "settings:user", "petra.vogt", user="kim.hansen")
inside("user-edit-deactivated", "settings:user", "petra.vogt", user="lena.fischer")


@state("user-history", "settings:user")
def user_history(stage: Stage) -> Desk:
    """A later page of it."""
    kim = stage.user("kim.hansen")
    for number in range(25):
        record(Action.PASSKEY_RENAMED, actor=kim, subject=kim, before=f"Key {number}", name=f"Key {number + 1}")
    desk = stage.inside("hanna.weber", address(stage, "settings:user", user="kim.hansen"))
    desk.link("Earlier").click()
    desk.page.wait_for_url("**history_after**")
    return desk


inside("user-deactivate", "settings:user_deactivate", "petra.vogt", user="kim.hansen")
inside("user-erase", "settings:user_erase", "petra.vogt", user="lena.fischer", query="?on=user")
inside("user-lock", "settings:user_lock", "petra.vogt", user="kim.hansen")
inside("user-lost-phone", "settings:user_lost_phone", "petra.vogt", user="kim.hansen", query="?on=user")
inside("user-pass-alone", "settings:user_lost_phone", "petra.vogt", user="kim.hansen", query="?on=user&only=pass")
inside("user-invited", "settings:user", "petra.vogt", user="omar.said")
inside("user-lost-phone-nothing", "settings:user_lost_phone", "petra.vogt", user="marta.kowalska", query="?on=user")


@state("user-wants-pass", "settings:user")
def user_wants_pass(stage: Stage) -> Desk:
    """Her company demands one, and nobody has given it."""
    Company.objects.filter(pk=stage.company(ACME).pk).update(pass_demanded=True)
    return stage.inside("hanna.weber", address(stage, "settings:user", user="amelie.dubois"))


@state("user-access-pass", "settings:user_access_pass")
def user_access_pass(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", address(stage, "settings:user_lost_phone", user="kim.hansen", query="?on=user"))
    desk.role("radio", "Called back on a number we had before", exact=False).check()
    desk.field("Reason").fill("Phone left on the train to Bremen")
    desk.confirm()
    expect(desk.heading("What to tell Kim")).to_be_visible()
    return desk


@state("user-access-pass-shown", "settings:user_access_pass")
def user_access_pass_shown(stage: Stage) -> Desk:
    desk = user_access_pass(stage)
    desk.page.reload()
    expect(desk.heading("It was shown already")).to_be_visible()
    return desk


@state("user-open-pass", "settings:user")
def user_open_pass(stage: Stage) -> Desk:
    desk = user_access_pass(stage)
    desk.link("Done").click()
    desk.sees("which is not used yet")
    return desk


@state("user-pass-withdraw", "settings:user_pass_withdraw")
def user_pass_withdraw(stage: Stage) -> Desk:
    desk = user_open_pass(stage)
    desk.page.locator("a[href*='withdraw']").click()
    expect(desk.dialog).to_be_visible()
    return desk


inside("user-activate", "settings:user_activate", "petra.vogt", user="lena.fischer")
inside("user-sign-out", "settings:user_sign_out", "petra.vogt", user="kim.hansen")
inside("user-password-reset", "settings:user_password_reset", "petra.vogt", user="kim.hansen")
inside("user-mfa", "settings:user_mfa:window", "petra.vogt", user="kim.hansen")
inside("user-mfa-off", "settings:user_mfa:window", "petra.vogt", user="lukas.brandt")
inside("user-mfa-asked", "settings:user_mfa:window", "petra.vogt", user="marta.kowalska")
inside("user-mfa-required", "settings:user_mfa:window", "petra.vogt", user="amelie.dubois")
inside("user-mfa-requested", "settings:user_mfa:window", "petra.vogt", user="grace.mensah")
inside("user-mfa-invited", "settings:user_mfa:window", "petra.vogt", user="josef.maier")
inside("user-confirm-on", "settings:user_mfa:two_factor_on", "petra.vogt", user="lukas.brandt")
inside("user-confirm-off", "settings:user_mfa:two_factor_off", "petra.vogt", user="elif.demir")
inside("user-confirm-off-required", "settings:user_mfa:two_factor_off", "petra.vogt", user="kim.hansen")
inside(
    "user-passkey-delete",
    "settings:user_mfa:passkey_delete",
    "petra.vogt",
    user="kim.hansen",
    passkey="kim.hansen: Windows Hello",
)


@state("users-menu", "settings:users")
def users_menu(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", "/settings/administration/users/")
    desk.button("Actions for daniel.okafor").click()
    expect(desk.link("Multi-factor authentication")).to_be_visible()
    return desk


@state("user-new-error", "settings:user_new")
def user_new_error(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", "/settings/administration/users/new/")
    desk.field("User name").fill("kim.hansen")
    desk.field("E-mail").fill("kim.hansen@demo.example")
    desk.button("Create and invite").click()
    desk.sees("This user name is taken.")
    return desk


inside("user-import", "settings:user_import", "petra.vogt")


@state("user-import-file", "settings:user_import_file")
def user_import_file(stage: Stage) -> Desk:
    """A file that was looked at: who comes in, and what is wrong."""
    desk = stage.inside("petra.vogt", "/settings/administration/users/import/")
    text = "user name;first name;company;role\nb.achterberg;Bernadette;Acme Machines;\nminh.anh;Minh Anh;Acme Machines;Leitung\n"
    people = {"name": "kepler-2026-11.csv", "mimeType": "text/csv", "buffer": text.encode()}
    desk.labelled("CSV file").set_input_files(people)
    desk.button("Look at it").click()
    desk.sees("Nothing is saved yet.")
    return desk


@state("user-import-progress", "settings:user_import_file")
def user_import_progress(stage: Stage) -> Desk:
    """Half of it is done, by a worker that has just been heard of."""
    now = timezone.now()
    done = {"begun_at": now, "beat": now + timedelta(seconds=30), "lines": 812, "total": 812, "done": 530, "made": 528}
    kept = Import.objects.create(owner=stage.petra.pk, name="kepler-2026-11.csv", encoding="UTF-8", **done)
    desk = stage.inside("petra.vogt", f"/settings/administration/users/import/{kept.pk}/")
    expect(desk.button("Stop")).to_be_visible()
    return desk


@state("user-import-rest", "settings:user_import_file")
def user_import_rest(stage: Stage) -> Desk:
    """An import that is over, of more people than the day had invitations for."""
    waits = [str(stage.user(name).pk) for name in SOME_NAMES]
    done = {"begun_at": timezone.now(), "ended_at": timezone.now(), "lines": 212, "total": 212, "made": 212}
    kept = Import.objects.create(
        owner=stage.petra.pk, name="kepler-2026-11.csv", encoding="UTF-8", invited=205, uninvited=waits, **done
    )
    lane = lanes.import_lane(stage.petra)
    Budget.objects.create(key=lane.key, failures=lane.free - 3, blocked_until=0, last_at=time(), began_at=time())
    desk = stage.inside("petra.vogt", f"/settings/administration/users/import/{kept.pk}/")
    desk.sees("can be invited now")
    return desk


@state("users-ticked", "settings:users")
def users_ticked(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", "/settings/administration/users/")
    for name in ("daniel.okafor", "kim.hansen"):
        desk.labelled(f"Select {name}").check()
    expect(desk.button("Require 2FA")).to_be_visible()
    return desk


inside("bulk-names", "settings:bulk_names", "petra.vogt")


@state("bulk-counts", "settings:bulk_run")
def bulk_counts(stage: Stage) -> Desk:
    """What an act on many would do: some are changed, some are skipped, and one name is nobody's."""
    run = choosing.from_pasted(stage.petra, "require", ", ".join([*SOME_NAMES, "petra.vogt", "nobody.here"]))
    return stage.inside("petra.vogt", f"/settings/administration/users/bulk/{run.pk}/")


@state("bulk-grown", "settings:bulk_run")
def bulk_grown(stage: Stage) -> Desk:
    """More people are met by now than the page showed."""
    run = choosing.from_pasted(stage.petra, "deactivate", ", ".join(SOME_NAMES[1:]))
    desk = stage.inside("petra.vogt", f"/settings/administration/users/bulk/{run.pk}/")
    BulkPerson.objects.create(run=run, person=stage.user(SOME_NAMES[0]).pk)
    desk.page.locator("form footer button").click()
    expect(desk.page.get_by_role("alert")).to_be_visible()
    return desk


@state("bulk-others", "settings:bulk_run")
def bulk_others(stage: Stage) -> Desk:
    """Others are met by now than the page showed."""
    found = UserList(stage.petra, QueryDict(f"q={SOME_NAMES[0]}"))
    run = choosing.from_filter(found, "require")
    BulkRun.objects.filter(pk=run.pk).update(shown=b"")
    desk = stage.inside("petra.vogt", f"/settings/administration/users/bulk/{run.pk}/")
    desk.page.locator("form footer button").click()
    expect(desk.page.get_by_role("alert")).to_be_visible()
    return desk


@state("bulk-given-up", "settings:bulk_run")
def bulk_given_up(stage: Stage) -> Desk:
    """It failed again and again, and waits for a click."""
    run = choosing.from_pasted(stage.petra, "require", ", ".join(SOME_NAMES))
    begun = {"begun_at": timezone.now() - timedelta(hours=1), "tries": 6, "total": 812, "changed": 528}
    why = "It failed 6 times in a row and was given up. The server’s log says why: once that is mended, it can go on."
    BulkRun.objects.filter(pk=run.pk).update(stopped=why, **begun)
    desk = stage.inside("petra.vogt", f"/settings/administration/users/bulk/{run.pk}/")
    expect(desk.button("Go on")).to_be_visible()
    return desk


@state("bulk-progress", "settings:bulk_run")
def bulk_progress(stage: Stage) -> Desk:
    """Half of it is done, by a worker that has just been heard of."""
    run = choosing.from_pasted(stage.petra, "require", ", ".join(SOME_NAMES))
    now = timezone.now()
    begun = {"begun_at": now - timedelta(seconds=30), "beat": now + timedelta(seconds=30), "total": 812, "changed": 528}
    BulkRun.objects.filter(pk=run.pk).update(skipped=2, **begun)
    desk = stage.inside("petra.vogt", f"/settings/administration/users/bulk/{run.pk}/")
    desk.sees("530 of 812 done")
    return desk


@state("bulk-rule", "settings:bulk_run")
def bulk_rule(stage: Stage) -> Desk:
    """More than a thousand are told of the rule for the Settings app, one after the other."""
    now = timezone.now()
    done = {"begun_at": now, "beat": now + timedelta(seconds=30), "total": 1812, "changed": 528, "asked": {}}
    run = BulkRun.objects.create(owner=stage.petra.pk, act=ANNOUNCE_RULE, **done)
    desk = stage.inside("petra.vogt", f"/settings/administration/users/bulk/{run.pk}/")
    expect(desk.button("Stop")).to_be_visible()
    return desk


@state("bulk-done", "settings:bulk_run")
def bulk_done(stage: Stage) -> Desk:
    """It is over: what came of it, and who was skipped."""
    run = choosing.from_pasted(stage.petra, "require", ", ".join([*SOME_NAMES, "petra.vogt", "nobody.here"]))
    running.begin(run, actor=stage.petra, total=run.total, signs_out=False)
    desk = stage.inside("petra.vogt", f"/settings/administration/users/bulk/{run.pk}/")
    desk.sees("Download as CSV")
    return desk


@state("bulk-stopped", "settings:bulk_run")
def bulk_stopped(stage: Stage) -> Desk:
    """It was stopped before anything was done."""
    run = choosing.from_pasted(stage.petra, "require", ", ".join(SOME_NAMES))
    BulkRun.objects.filter(pk=run.pk).update(begun_at=timezone.now())
    running.stop(run)
    desk = stage.inside("petra.vogt", f"/settings/administration/users/bulk/{run.pk}/")
    desk.sees("Stopped after")
    return desk


@state("users-acted-on", "settings:users")
def users_acted_on(stage: Stage) -> Desk:
    """One act on many goes on, one is done, and one was stopped."""
    for act, names in (("request", SOME_NAMES), ("require", ["petra.vogt", *SOME_NAMES])):
        run = choosing.from_pasted(stage.petra, act, ", ".join(names))
        if act == "require":
            running.begin(run, actor=stage.petra, total=run.total, signs_out=False)
        else:
            BulkRun.objects.filter(pk=run.pk).update(begun_at=timezone.now())
            running.stop(run)
    going_on = {
        "begun_at": timezone.now(),
        "beat": timezone.now() + timedelta(seconds=30),
        "total": 812,
        "changed": 528,
    }
    BulkRun.objects.create(owner=stage.petra.pk, act="remind", listed=True, skipped=2, **going_on)
    desk = stage.inside("petra.vogt", "/settings/administration/users/")
    desk.sees("530 of 812 done")
    return desk


@state("activity-of-many", "settings:activity")
def activity_of_many(stage: Stage) -> Desk:
    """An act on many leads to its lines and to its result."""
    run = choosing.from_pasted(stage.petra, "require", ", ".join(SOME_NAMES))
    running.begin(run, actor=stage.petra, total=run.total, signs_out=False)
    desk = stage.inside("petra.vogt", "/settings/administration/activity/")
    expect(desk.link("Result")).to_be_visible()
    return desk


@state("user-edit-link", "settings:user")
def user_edit_link(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", address(stage, "settings:user", user="josef.maier"))
    desk.button("Invite again").click()
    expect(desk.heading("Invitation link")).to_be_visible()
    return desk


@state("user-edit-invited", "settings:user")
def user_edit_invited(stage: Stage) -> Desk:
    invitations.invite(stage.user("omar.said"), actor=stage.petra)
    return stage.inside("petra.vogt", address(stage, "settings:user", user="omar.said"))


@state("user-edit-without-address", "settings:user")
def user_edit_without_address(stage: Stage) -> Desk:
    User.objects.filter(pk=stage.user("kim.hansen").pk).update(email="", email_folded="")
    return stage.inside("petra.vogt", address(stage, "settings:user", user="kim.hansen"))


@state("user-edit-password-reset-sent", "settings:user")
def user_edit_password_reset_sent(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", address(stage, "settings:user_password_reset", user="kim.hansen"))
    desk.button("Confirm").click()
    desk.sees("A password reset is on its way")
    return desk


@state("user-edit-withdrawn", "settings:user")
def user_edit_withdrawn(stage: Stage) -> Desk:
    invitations.invite(stage.user("omar.said"), actor=stage.petra)
    desk = stage.inside("petra.vogt", address(stage, "settings:user", user="omar.said"))
    desk.button("Withdraw invitation").click()
    desk.sees("the invitation was withdrawn")
    return desk


@state("user-mfa-suspended", "settings:user_mfa:window")
def user_mfa_suspended(stage: Stage) -> Desk:
    services.suspend_passkey(stage.user("yuki.tanaka").passkeys.get(), "The counter fell.")
    return stage.inside("petra.vogt", address(stage, "settings:user_mfa:window", user="yuki.tanaka"))


@state("user-mfa-older", "settings:user_mfa:window")
def user_mfa_older(stage: Stage) -> Desk:
    """What was to be switched off was another state: nothing was done."""
    desk = stage.inside("petra.vogt", address(stage, "settings:user_mfa:window", user="kim.hansen"))
    desk.page.get_by_role("switch").first.click()
    expect(desk.button("Confirm")).to_be_visible()
    services.delete_passkey(stage.user("kim.hansen").passkeys.first(), actor=stage.petra)
    desk.button("Confirm").click()
    desk.sees("This account was changed after this page was opened")
    return desk


@state("user-mfa-activity", "settings:user_mfa:window")
def user_mfa_activity(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", address(stage, "settings:user_mfa:window", user="kim.hansen"))
    desk.text("Latest activity").click()
    return desk


@state("user-mfa-saved", "settings:user_mfa:window")
def user_mfa_saved(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", address(stage, "settings:user_mfa:window", user="yuki.tanaka"))
    desk.button("Request new passkey").click()
    desk.sees("Yuki will be asked to create a passkey at the next login.")
    return desk


# --- The Settings app: companies ---

inside("companies", "settings:companies", "petra.vogt")
inside("companies-empty", "settings:companies", "petra.vogt", query="?q=miller")
inside("company-new", "settings:company_new", "petra.vogt")
inside("company-edit", "settings:company_edit", "petra.vogt", company=ACME)
inside("company", "settings:company", "petra.vogt", company=ACME)
inside("company-off", "settings:company", "petra.vogt", company=NORDWIND)
inside("company-auditor", "settings:company", "viktor.lang", company=NORDWIND)
inside("company-confirm-on", "settings:company_on", "petra.vogt", company=NORDWIND)
inside("company-confirm-off", "settings:company_off", "petra.vogt", company=ACME)
inside("company-pass-on", "settings:company_pass_on", "petra.vogt", company=ACME)
inside("company-pass-off", "settings:company_pass_off", "petra.vogt", company=ACME)
inside("company-sign-out", "settings:company_sign_out", "petra.vogt", company=ACME)


@state("companies-menu", "settings:companies")
def companies_menu(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", "/settings/administration/companies/")
    desk.button(f"Actions for {ACME}").click()
    expect(desk.link("Edit")).to_be_visible()
    return desk


@state("company-new-error", "settings:company_new")
def company_new_error(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", "/settings/administration/companies/new/")
    desk.field("Name").fill(ACME)
    desk.button("Create").click()
    desk.sees("There is a company of this name already.")
    return desk


@state("company-left", "settings:company")
def company_left(stage: Stage) -> Desk:
    for username in ("tom.becker", "minh.anh"):
        remind(stage.user(username), actor=stage.petra)
    return stage.inside("petra.vogt", address(stage, "settings:company", company=ACME))


@state("company-remind-them", "settings:bulk_run")
def company_remind_them(stage: Stage) -> Desk:
    desk = company_left(stage)
    desk.button("Remind them").click()
    expect(desk.heading("Remind by e-mail")).to_be_visible()
    return desk


@state("users-reminded", "settings:users")
def users_reminded(stage: Stage) -> Desk:
    query = f"?company={stage.company(ACME).pk}&show=asked"
    for username in ("tom.becker", "minh.anh"):
        remind(stage.user(username), actor=stage.petra)
    return stage.inside("petra.vogt", address(stage, "settings:users", query=query))


@state("user-reminded", "settings:user")
def user_reminded(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", address(stage, "settings:user", user="minh.anh"))
    desk.role("button", "Remind", exact=False).click()
    desk.sees("A reminder is on its way")
    return desk


@state("company-empty", "settings:company")
def company_empty(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", "/settings/administration/companies/new/")
    desk.field("Name").fill("Kowalczyk Hydraulik")
    desk.button("Create").click()
    desk.sees("This company has no users yet.")
    return desk


# --- The Settings app: activity ---


def arrange_activity(stage: Stage, query: str = "") -> Desk:
    """Yesterday and today, by administrators, by people and by nobody; one of them with a name of 40 letters."""
    petra, kim = stage.petra, stage.user("kim.hansen")
    long = stage.user("maximiliane.hohenstein-wittelsbach-oberreuth")
    yesterday = timezone.now() - timedelta(days=1)
    AuditEvent.objects.bulk_create(
        [
            AuditEvent(at=yesterday, action=Action.PASSKEY_CREATED, actor=kim, subject=kim, company=kim.company,
                       details={"name": "Google Password Manager"}),
            AuditEvent(at=yesterday, action=Action.REFUSED, subject=long, company=long.company, address="192.0.2.17",
                       details={"methods": ["password"], "reason": "WrongPassword"}),
        ]
    )  # fmt: skip
    services.request_passkey(long, actor=petra)
    give_pass(
        kim, valid=Validity.AN_HOUR, checked=IdentityCheck.CALLED_BACK, reason="Phone left on the train", actor=petra
    )
    people.lock_user(long, actor=petra)
    companies.enable_company_two_factor(stage.company(NORDWIND), actor=petra)
    return stage.inside("petra.vogt", "/settings/administration/activity/" + query)


@state("activity", "settings:activity")
def activity(stage: Stage) -> Desk:
    return arrange_activity(stage)


@state("activity-of-days", "settings:activity")
def activity_of_days(stage: Stage) -> Desk:
    return arrange_activity(stage, "?act=all&from=2026-01-01")


@state("activity-export", "settings:activity")
def activity_export(stage: Stage) -> Desk:
    desk = arrange_activity(stage)
    desk.button("Export").click()
    expect(desk.button("JSON lines, for a program")).to_be_visible()
    return desk


@state("activity-empty", "settings:activity")
def activity_empty(stage: Stage) -> Desk:
    return stage.inside("petra.vogt", "/settings/administration/activity/?q=miller")


inside("past-day", "settings:past_day", "petra.vogt")
inside("past-day-auditor", "settings:past_day", "viktor.lang", query="?day=2026-02-30")


@state("past-day-differs", "settings:past_day")
def past_day_differs(stage: Stage) -> Desk:
    User.objects.filter(pk=stage.user("kim.hansen").pk).update(two_factor_enabled=False)  # as at the database
    Snapshot.objects.filter(whole=False, company=stage.company(NORDWIND)).update(kinds={"1": [3, 0]})
    return stage.inside("petra.vogt", "/settings/administration/activity/day/")


@state("past-day-uncounted", "settings:past_day")
def past_day_uncounted(stage: Stage) -> Desk:
    desk = stage.inside("petra.vogt", "/settings/administration/activity/")
    Snapshot.objects.all().delete()
    desk.open("/settings/administration/activity/day/")
    desk.sees("Nothing was counted that night")
    return desk


# --- What does not work ---

inside("no-access", "settings:home", "lukas.brandt")


@state("not-found", "")
def not_found(stage: Stage) -> Desk:
    return stage.inside("kim.hansen", "/portal/machines/")


@state("not-found-signed-out", "")
def not_found_signed_out(stage: Stage) -> Desk:
    return stage.stranger("/portal/machines/")


@state("method-not-allowed", "logout")
def method_not_allowed(stage: Stage) -> Desk:
    return stage.stranger("/logout/")


@state("form-out-of-date", "login")
def form_out_of_date(stage: Stage) -> Desk:
    desk = stage.stranger("/login/")
    desk.page.context.add_cookies([{"name": settings.CSRF_COOKIE_NAME, "value": "a" * 32, "url": settings.BASE_URL}])
    desk.field("User name").fill("kim.hansen")
    desk.password_field.fill("anything")
    desk.button("Sign in").click()
    desk.sees("This page is out of date")
    return desk


@state("cookies-needed", "login")
def cookies_needed(stage: Stage) -> Desk:
    desk = stage.stranger("/login/")
    desk.page.wait_for_load_state("networkidle")  # the question for autofill brings a cookie of its own
    desk.field("User name").fill("kim.hansen")
    desk.password_field.fill("anything")
    desk.page.context.clear_cookies()
    desk.button("Sign in").click()
    desk.sees("Cookies are needed")
    return desk


@state("bad-request", "")
def bad_request(stage: Stage) -> Desk:
    return as_served(stage, lambda: errors.bad_request(asked(), SuspiciousOperation()))


@state("server-error", "")
def server_error(stage: Stage) -> Desk:
    return as_served(stage, lambda: errors.server_error(asked()))


def asked() -> SiteRequest:
    """A request for a page."""
    return cast("SiteRequest", RequestFactory().get("/broken/", headers={"accept": "text/html"}))


def as_served(stage: Stage, answered: Callable[[], HttpResponse]) -> Desk:
    """A page that no address leads to in a site that works, as the browser would get it."""
    desk = stage.at(**stage.options)
    with translation.override(desk.language):
        answer = answered()
    desk.page.route("**/broken/", lambda route: route.fulfill(body=answer.content, content_type="text/html"))
    desk.open("/broken/")
    return desk
