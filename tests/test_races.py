"""Twenty at once, on the real database: what counts once counts once (V7, B-10)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
from threading import Barrier, Event
from time import sleep
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from accounts import not_me, people, site_rule
from accounts.authorization import LastAdministrator, OutOfReach, ShutOut, able_to_sign_in
from accounts.models import Budget, Role, User
from accounts.sealing import Purpose, unseal
from accounts.throttle import budgets, lanes, rule
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action
from companies.access_passes import Validity, give_pass
from companies.erasing import erase
from companies.models import Company
from mfa import services
from mfa.methods import totp
from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode
from tests.mfa.pages import OWN, OWN_SETUP, SAVE, codes_on, confirm_setup, open_setup, window_of
from tests.people import PASSWORD, Person

if TYPE_CHECKING:
    from collections.abc import Callable

TWENTY = 20

pytestmark = pytest.mark.django_db(transaction=True)


def in_parallel[T](acts: list[Callable[[], T]]) -> list[T]:
    """All of `acts` at once, each in a thread with a connection of its own."""
    gate = Barrier(len(acts))

    def one(act: Callable[[], T]) -> T:
        try:
            gate.wait(30)
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def browsers(person: Person, number: int = TWENTY, *, same_session: bool) -> list[Person]:
    """As many browsers of one person: with one session's cookie in all, or each half-way through a login of its own."""
    made = [Person(person.user, app_key=person.app_key) for _ in range(number)]
    for one in made:
        one.client.raise_request_exception = False
        if same_session:
            one.client.cookies["session"] = person.client.cookies["session"].value
        else:
            budgets.unlock(person.user)
            one.enter_password()
    budgets.unlock(person.user)
    return made


def statuses(answers: list[Any]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def times_signed_in() -> int:
    return AuditEvent.objects.filter(action="signed_in").count()


@pytest.fixture
def kim_with_app(kim):
    kim.set_up_app()
    kim.enter_password()
    return kim


@pytest.fixture
def kim_with_passkey(kim):
    kim.add_passkey()
    return kim


@pytest.mark.row("ASVS-2.3.4", "ASVS-15.4.2", "B-10", "V7")
@pytest.mark.parametrize("same_session", [True, False])
def test_one_code_of_the_app_lets_one_in(kim_with_app, same_session):
    code = kim_with_app.code()
    tries = browsers(kim_with_app, same_session=same_session)

    answers = in_parallel([lambda one=one: one.enter_code(code) for one in tries])

    assert max(statuses(answers)) < 500
    assert sum(one.is_in for one in tries) == 1
    assert times_signed_in() == 1


@pytest.mark.row("ASVS-2.3.4", "ASVS-15.4.2", "B-10")
@pytest.mark.parametrize("same_session", [True, False])
def test_one_recovery_code_lets_one_in(kim_with_app, same_session):
    code = kim_with_app.codes[0]
    tries = browsers(kim_with_app, same_session=same_session)

    answers = in_parallel([lambda one=one: one.enter_code(code) for one in tries])

    assert max(statuses(answers)) < 500
    assert sum(one.is_in for one in tries) == 1
    assert times_signed_in() == 1
    assert RecoveryCode.objects.filter(used_at=None).count() == 9
    assert AuditEvent.objects.filter(action="recovery_code_used").count() == 1


@pytest.mark.row("B-10", "ASVS-2.3.4")
def test_fifty_who_enter_one_access_pass_at_once_are_one(kim, admin):
    """Fifty half-way logins of the same person: one is let to the set-up, and nobody in."""
    services.enable_two_factor(kim.user, actor=admin)
    code = give_pass(kim.user, valid=Validity.AN_HOUR, checked="in_person", reason="New phone", actor=admin)
    tries = browsers(kim, number=50, same_session=False)
    Budget.objects.all().delete()  # the waits are another matter

    answers = in_parallel(
        [lambda one=one: one.client.post("/login/challenge/?with=pass", {"code": code}) for one in tries]
    )

    assert max(statuses(answers)) < 500
    assert sum(answer.headers.get("Location") == "/login/setup/two-factor/" for answer in answers) == 1
    assert AuditEvent.objects.filter(action="access_pass_used").count() == 1
    assert not any(one.is_in for one in tries)
    assert times_signed_in() == 0


def answered_at_once(kim: Any) -> tuple[list[Person], list[Any]]:
    """One question, one session, one signature, sent twenty times at once."""
    options = kim.json("/passkeys/authentication/options/", {}).json()
    credential = kim.authenticator.get(options)
    tries = browsers(kim, same_session=True)

    def send(one: Person) -> Any:
        return one.json("/passkeys/authentication/", {"credential": credential})

    return tries, in_parallel([lambda one=one: send(one) for one in tries])


@pytest.mark.row("ASVS-2.3.4", "ASVS-15.4.2", "B-10")
@pytest.mark.parametrize("step", ["sign in", "second step"])
@pytest.mark.parametrize("counts", [True, False], ids=["counter", "no_counter"])
def test_one_answer_of_a_passkey_lets_one_in(kim_with_passkey, counts, step):
    kim_with_passkey.authenticator.counts = counts
    if step == "second step":
        kim_with_passkey.set_up_app()
        kim_with_passkey.enter_password()

    tries, answers = answered_at_once(kim_with_passkey)

    assert max(statuses(answers)) < 500
    assert statuses(answers).count(200) == 1
    assert sum(one.is_in for one in tries) == 1
    assert Passkey.objects.get().sign_count == int(counts)


def test_one_answer_of_a_passkey_is_one_sign_in_in_the_audit(kim_with_passkey):
    answered_at_once(kim_with_passkey)

    assert times_signed_in() == 1


def test_a_question_that_is_answered_twice_at_once_is_no_copied_passkey(kim_with_passkey):
    """F8: the question is used up before the answer is looked at, so a repetition never gets as far as the counter."""
    kim_with_passkey.authenticator.counts = True
    answered_at_once(kim_with_passkey)

    assert Passkey.objects.get().suspended_at is None


def test_one_answer_makes_one_passkey(kim):
    kim.sign_in()
    options = kim.json("/passkeys/registration/options/", {}).json()
    credential = kim.authenticator.create(options)
    tries = browsers(kim, same_session=True)

    def send(one: Person) -> Any:
        return one.json("/passkeys/registration/", {"credential": credential})

    answers = in_parallel([lambda one=one: send(one) for one in tries])

    assert max(statuses(answers)) < 500
    assert Passkey.objects.count() == 1
    assert AuditEvent.objects.filter(action="passkey_created").count() == 1


@pytest.mark.row("ASVS-15.4.2")
def test_of_many_set_ups_at_once_one_app_is_left_with_its_codes(kim, admin):
    """Eight browsers with the password, each with a secret of its own on its page (V1)."""
    services.enable_two_factor(kim.user, actor=admin)
    tries = browsers(kim, number=8, same_session=False)
    pages = [open_setup(one) for one in tries]

    answers = in_parallel(
        [lambda one=one, page=page: confirm_setup(one, page) for one, page in zip(tries, pages, strict=True)]
    )

    assert max(statuses(answers)) < 500
    app = AuthenticatorApp.objects.get()
    assert app.confirmed
    assert RecoveryCode.objects.filter(used_at=None).count() == 10
    winners = [one for one, answer in zip(tries, answers, strict=True) if answer.headers.get("Location") == SAVE]
    assert len(winners) == 1, "nobody replaces an app that somebody else just set up"
    assert winners[0].app_key == unseal(app.key, kim.user.pk, Purpose.APP)
    assert sum(one.client.post(SAVE, {"saved": "on"}).headers.get("Location") == "/" for one in tries) == 1
    assert AuditEvent.objects.filter(action="app_set_up").count() == 1


def test_one_set_up_sent_many_times_makes_one_app(kim, admin):
    """A double click on "Turn on two-factor authentication"."""
    services.enable_two_factor(kim.user, actor=admin)
    kim.enter_password()
    page = open_setup(kim)
    tries = browsers(kim, number=8, same_session=True)

    answers = in_parallel([lambda one=one: confirm_setup(one, page) for one in tries])

    assert max(statuses(answers)) < 500
    assert AuthenticatorApp.objects.get().confirmed
    assert RecoveryCode.objects.count() == 10
    assert AuditEvent.objects.filter(action="app_set_up").count() == 1


def test_the_recovery_codes_that_are_shown_after_a_double_click_are_the_ones_that_count(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    kim.enter_password()
    page = open_setup(kim)
    tries = browsers(kim, number=8, same_session=True)

    in_parallel([lambda one=one: confirm_setup(one, page) for one in tries])

    shown = [codes for one in tries if (codes := codes_on(one.client.get(SAVE)))]
    assert len(shown) == 1
    later = Person(kim.user)
    later.enter_password()
    assert later.enter_code(shown[0][0]).headers["Location"] == "/"


def test_setting_up_again_in_two_windows_leaves_one_app(kim):
    """The old app, or one of the two new ones: never two, and never none."""
    kim.set_up_app()
    tries = browsers(kim, number=2, same_session=False)
    for steps, one in enumerate(tries):
        assert one.client.post("/login/challenge/", {"code": kim.code(steps)}).headers["Location"] == "/"
    pages = [open_setup(one, OWN_SETUP) for one in tries]

    answers = in_parallel(
        [lambda one=one, page=page: confirm_setup(one, page, OWN_SETUP) for one, page in zip(tries, pages, strict=True)]
    )

    assert max(statuses(answers)) < 500
    assert unseal(AuthenticatorApp.objects.get().key, kim.user.pk, Purpose.APP) in {page.key for page in pages}
    assert RecoveryCode.objects.count() == 10


def test_many_requests_for_a_passkey_leave_one(kim, administrator):
    tries = browsers(administrator, same_session=True)
    address = f"{window_of(kim.user)}passkeys/request/"

    answers = in_parallel([lambda one=one: one.client.post(address) for one in tries])

    assert statuses(answers) == [302] * TWENTY
    assert PasskeyRequest.objects.count() == 1
    assert AuditEvent.objects.filter(action="passkey_requested").count() == 1


def test_switching_on_at_once_is_one_act(kim, administrator):
    tries = browsers(administrator, same_session=True)
    address = f"{window_of(kim.user)}two-factor/on/"

    answers = in_parallel([lambda one=one: one.client.post(address) for one in tries])

    assert statuses(answers) == [302] * TWENTY
    assert AuditEvent.objects.filter(action="two_factor_enabled").count() == 1


def test_two_new_passkeys_at_once_get_two_names_or_one_is_refused(kim):
    """Two devices of one person, whose names would be alike."""
    tries = browsers(kim, number=2, same_session=False)
    answers = [(one, one.authenticator.create(one.json("/passkeys/registration/options/", {}).json())) for one in tries]

    sent = in_parallel(
        [lambda one=one, made=made: one.json("/passkeys/registration/", {"credential": made}) for one, made in answers]
    )

    assert set(statuses(sent)) <= {200, 400, 403}
    names = list(Passkey.objects.values_list("name", flat=True))
    assert len(names) == len(set(names)) == statuses(sent).count(200) >= 1


@pytest.mark.row("ASVS-15.4.2")
def test_nobody_gets_past_twenty_passkeys_by_hurrying(kim):
    Passkey.objects.bulk_create(
        Passkey(user=kim.user, name=f"Passkey {n}", credential_id=bytes([n] * 16), public_key=b"x") for n in range(18)
    )
    kim.add_passkey()
    tries = [Person(kim.user, authenticator=kim.authenticator) for _ in range(4)]
    prepared = []
    for one in tries:
        one.client.raise_request_exception = False
        assert one.use_passkey().status_code == 200
        options = one.json("/passkeys/registration/options/", {}).json()
        prepared.append((one, one.authenticator.create(options)))

    sent = in_parallel(
        [lambda one=one, made=made: one.json("/passkeys/registration/", {"credential": made}) for one, made in prepared]
    )

    assert max(statuses(sent)) < 500
    assert Passkey.objects.count() == 20
    assert kim.client.get(OWN).status_code == 302


FIFTY = 50


@pytest.fixture
def still(time_machine):
    """The clock stands, so that no wait runs out on a slow machine."""
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)


@pytest.mark.row("B-11", "V7")
def test_fifty_wrong_passwords_at_once_are_five_guesses(kim, still):
    tries = [Person(kim.user) for _ in range(FIFTY)]

    answers = in_parallel([lambda one=one: one.enter_password("wrong") for one in tries])

    assert statuses(answers) == [400] * 5 + [429] * 45
    assert Budget.objects.get(pk=rule.Lane(f"person:{kim.user.pk.hex}").key).failures == 5


@pytest.mark.row("B-11", "V7")
def test_fifty_wrong_codes_at_once_are_as_many_guesses_as_are_left(still, kim_with_app):
    tries = browsers(kim_with_app, FIFTY, same_session=True)

    answers = in_parallel([lambda one=one: one.enter_code("000000") for one in tries])

    assert statuses(answers) == [400] * 5 + [429] * 45
    assert Budget.objects.get(pk=lanes.factor_lane(kim_with_app.user, "totp").key).failures == 5


@pytest.mark.row("B-11", "V7")
def test_a_guess_that_one_budget_refuses_counts_in_none(still):
    both = rule.Lane("a", free=1000), rule.Lane("b", free=3)

    def taken() -> bool:
        try:
            return bool(budgets.claim(*both))
        except budgets.Throttled:
            return False

    assert sum(in_parallel([taken] * FIFTY)) == 3
    assert dict(Budget.objects.values_list("key", "failures")) == {"a": 3, "b": 3}


# --- Acts that meet: none waits for the other for ever, and the stricter one holds ---


def with_password(person: Person) -> Person:
    """Their password is as it was, and nothing is counted."""
    person.user.refresh_from_db()
    person.user.set_password(PASSWORD)
    person.user.save()
    budgets.unlock(person.user)
    return person


def change_password(person: Person) -> None:
    read = User.objects.get(pk=person.user.pk)
    people.change_password(read, "another long password here", actor=read)


@pytest.mark.row("B-11")
def test_a_login_that_meets_another_password_leaves_nobody_in(kim):
    for _round in range(5):
        coming = [Person(with_password(kim).user) for _ in range(6)]

        answers = in_parallel([*[one.enter_password for one in coming], lambda: change_password(kim)])

        assert max(statuses(answers[:-1])) < 500
        assert not any(one.is_in for one in coming)


@pytest.mark.row("B-11")
def test_a_proof_that_meets_another_password_fails_or_holds(kim):
    for _round in range(5):
        there = [Person(with_password(kim).user) for _ in range(4)]
        for one in there:
            one.sign_in()
        confirm = [lambda one=one: one.client.post("/confirm/", {"password": PASSWORD}) for one in there]

        assert max(statuses(in_parallel([*confirm, lambda: change_password(kim)])[:-1])) < 500
        assert not any(one.is_in for one in there)


def test_who_changes_a_factor_and_then_its_person_waits_for_nobody_who_waits_for_them(kim_with_app):
    """The listing's triggers too lock a person before their row: PostgreSQL ended one of the two for a deadlock."""
    changed = Event()
    person = User.objects.filter(pk=kim_with_app.user.pk)

    def factor_first() -> int:
        with transaction.atomic():
            AuthenticatorApp.everything.filter(user=kim_with_app.user).update(confirmed=False)
            changed.set()
            sleep(0.5)
            return person.update(two_factor_enabled=False)

    def person_alone() -> int:
        changed.wait(30)
        return person.update(last_sign_in_at=timezone.now())

    assert in_parallel([factor_first, person_alone]) == [1, 1]


@pytest.mark.row("B-11")
def test_a_code_that_meets_another_set_up_or_its_removal_fails_or_holds(kim, admin):
    for number in range(6):
        kim.set_up_app()
        app = kim.user.authenticator_apps.get()
        coming = browsers(kim, 4, same_session=False)
        typed = zip(coming, [*kim.codes[:2], None, None], strict=True)
        acts: list[Callable[[], Any]] = [lambda one=one, code=code: one.enter_code(code) for one, code in typed]
        if number % 2:
            acts.append(lambda: services.disable_two_factor(User.objects.get(pk=kim.user.pk), actor=admin))
        else:
            acts.append(lambda app=app: set_up_instead(kim, app))

        assert max(statuses(in_parallel(acts)[:-1])) < 500


def set_up_instead(person: Person, app: AuthenticatorApp) -> None:
    services.set_up_app(person.user, totp.new_key(), last_used_step=-1, instead_of=app, actor=person.user)


@pytest.mark.row("B-11")
def test_this_was_not_me_meets_logins_and_other_acts(kim, admin):
    for _round in range(5):
        coming = [Person(with_password(kim).user) for _ in range(3)]
        line = record(Action.SIGNED_IN, actor=kim.user, subject=kim.user)
        claim = not_me.Claim(line, kim.user.email)
        changed = User.objects.get(pk=kim.user.pk)
        acts: list[Callable[[], Any]] = [
            *[one.enter_password for one in coming],
            lambda claim=claim: people.report_not_me(claim, about="x"),
            lambda changed=changed: people.change_user(changed, changed=["email"], actor=admin),
        ]

        assert max(statuses(in_parallel(acts)[:3])) < 500
        assert not any(one.is_in for one in coming)


# --- Administrators who act on each other in the same instant ---


def still_administering() -> int:
    return able_to_sign_in(User.objects.get_queryset()).filter(role=Role.ADMINISTRATOR).count()


def deactivate(subject: User, actor: User) -> None:
    people.deactivate_user(subject, actor=actor)


def demote(subject: User, actor: User) -> None:
    lower = User.objects.get(pk=subject.pk)
    lower.role = Role.MEMBER
    lower.company = Company.objects.get()
    people.change_user(lower, changed=["role", "company"], actor=actor)


def lock(subject: User, actor: User) -> None:
    people.lock_user(subject, actor=actor)


def wipe(subject: User, actor: User) -> None:
    erase(subject, actor=actor)


def refused[T](act: Callable[[], T]) -> bool:
    try:
        act()
    except (LastAdministrator, OutOfReach, ShutOut):
        return True
    return False


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize(
    "acts",
    [(deactivate,), (demote,), (lock,), (wipe,), (deactivate, demote, lock, wipe)],
    ids=["off", "down", "lock", "erased", "any"],
)
def test_administrators_who_shut_each_other_out_at_once_leave_one_who_can_sign_in(make_user, company, number, acts):
    for turn in range(4):
        User.objects.update(role=Role.MEMBER)
        there = [make_user(f"boss{turn}{n}", role=Role.ADMINISTRATOR, company=None) for n in range(number)]
        pairs = [(subject, actor) for subject in there for actor in there if subject != actor]
        tries = [
            lambda pair=pair, act=act: refused(lambda: act(*pair))
            for pair, act in zip(pairs, cycle(acts), strict=False)
        ]

        in_parallel(tries)

        assert still_administering() == 1


def test_the_last_who_can_sign_in_stays_though_others_without_a_password_administer(make_user):
    for turn in range(4):
        User.objects.update(role=Role.MEMBER)
        one, other = (make_user(f"boss{turn}{n}", role=Role.ADMINISTRATOR, company=None) for n in range(2))
        make_user(f"new{turn}", role=Role.ADMINISTRATOR, company=None, password=None)

        in_parallel(
            [
                lambda a=one, b=other: refused(lambda: deactivate(a, b)),
                lambda a=one, b=other: refused(lambda: demote(b, a)),
            ]
        )

        assert still_administering() == 1


def test_an_invited_administrator_cannot_shut_out_the_last_who_can_sign_in(make_user):
    last = make_user("last", role=Role.ADMINISTRATOR, company=None)
    new = make_user("new", role=Role.ADMINISTRATOR, company=None, password=None)

    for act in (deactivate, demote, lock):
        with pytest.raises(LastAdministrator):
            act(last, new)

    last.refresh_from_db()
    assert (last.is_shut_out, last.role) == (False, Role.ADMINISTRATOR)


def test_the_passkey_of_the_last_administrator_stays_where_there_is_no_password(make_person, make_user):
    last = make_person("last", role=Role.ADMINISTRATOR, company=None, password=None)
    passkey = last.add_passkey()

    with pytest.raises(LastAdministrator):
        services.delete_passkey(passkey, actor=last.user)

    assert Passkey.objects.count() == 1
    make_user("another", role=Role.ADMINISTRATOR, company=None)
    services.delete_passkey(passkey, actor=last.user)
    assert not Passkey.objects.exists()


@pytest.mark.parametrize("other", ["app", "passkey"])
def test_two_last_factors_given_up_at_once_leave_one_of_them(admin, other):
    """Whoever opens the Settings app under the site's rule, in two tabs: each act alone would be allowed."""
    site_rule.demand_factor(actor=admin)
    petra = Person(admin)

    def given_up(act: Callable[[], None]) -> bool:
        try:
            act()
        except services.RequiredForSettings:
            return False
        return True

    for _turn in range(5):
        acts = [partial(services.delete_passkey, petra.add_passkey(), actor=admin)]
        if other == "app":
            petra.set_up_app()
            acts.append(partial(services.disable_two_factor, admin, actor=admin))
        else:
            acts.append(partial(services.delete_passkey, petra.add_passkey(), actor=admin))

        assert sorted(in_parallel([partial(given_up, act) for act in acts])) == [False, True]

        assert AuthenticatorApp.objects.count() + Passkey.objects.count() == 1
        AuthenticatorApp.objects.all().delete()
        Passkey.objects.all().delete()


def test_an_address_changed_by_a_company_administrator_meets_their_promotion(kim, admin, company_admin):
    """Whichever comes first: what a company administrator did to an administrator is nothing."""
    for turn in range(6):
        User.objects.filter(pk=kim.user.pk).update(role=Role.MEMBER, email="kim@acme.example")
        up, moved = User.objects.get(pk=kim.user.pk), User.objects.get(pk=kim.user.pk)
        up.role, moved.email = Role.ADMINISTRATOR, f"mine{turn}@acme.example"

        in_parallel(
            [
                lambda up=up: people.change_user(up, changed=["role"], actor=admin),
                lambda moved=moved: refused(lambda: people.change_user(moved, changed=["email"], actor=company_admin)),
            ]
        )

        lines = AuditEvent.objects.filter(subject=kim.user, action="user_changed").order_by("-pk")[:2]
        changed = [list(line.details["changes"]) for line in lines]
        assert changed[0] == ["role"], changed  # a change of address after it is none
