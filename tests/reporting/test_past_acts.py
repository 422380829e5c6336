"""Every act there is, from a state in which it does something: the night before is worked out as it was counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts import people, site_rule
from accounts.models import Role, User
from accounts.not_me import Claim
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies import erasing, kept_apart, letting_in, lost_phone
from companies import services as companies_services
from companies.bulk import running
from companies.bulk.acts import MASS_ACTS
from companies.bulk.choosing import from_ticked
from companies.importing import running as importing
from companies.importing.reading import read
from companies.letting_in import APP, APP_BEFORE, CODES
from companies.models import Company
from companies.services import Individuals
from mfa import services
from mfa.models import Passkey
from reporting.past import COMPANY_RULE, SITE_RULE, STATE_ACTS, demanded_at, numbers_at, requiring_at
from reporting.past_day import PastDay
from reporting.taking import end_of, take_missing
from tests import test_services
from tests.people import NOW, Person
from tests.reporting.test_past import of_snapshot, past, rules, truth
from tests.test_services import OWNERS, subject_of
from tests.test_services import services as all_services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

call = test_services.call  # a fixture
DAY = NOW.date()
TOLD = frozenset({*STATE_ACTS, *COMPANY_RULE, *SITE_RULE})
CHECKED = {"checked": "in_person", "reason": "x"}


@dataclass
class Scene:
    """Kim and Ada of Acme, of whom Kim is acted on; and Petra, who acts."""

    kim: Person
    ada: Person
    admin: User
    company: Company
    other: Company
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def passkeys(self) -> list[str]:
        return [str(each.pk) for each in Passkey.objects.filter(user=self.kim.user)]

    def asked(self) -> None:
        """Kim by her own switch, and by the company's."""
        services.enable_two_factor(self.kim.user, actor=self.admin)
        companies_services.enable_company_two_factor(self.company, actor=self.admin)

    def everything(self, passkeys: int = 2) -> None:
        """Kim has all there is, and Ada an app."""
        self.asked()
        for person in (self.kim, self.ada):
            person.set_up_app()
        for _ in range(passkeys):
            self.kim.add_passkey()

    def suspended(self) -> None:
        self.everything(passkeys=1)
        services.suspend_passkey(Passkey.objects.get(), "sign_count")

    def requested(self) -> None:
        services.request_passkey(self.kim.user, actor=self.admin)

    def locked(self) -> None:
        self.everything()
        people.lock_user(self.kim.user, actor=self.admin)

    def robbed(self) -> None:
        """All was reset, the thief has an app, and Kim says that it was not her."""
        self.everything()
        self.kept["passkeys"] = self.passkeys
        self.reset(APP, *self.passkeys)
        Person(User.objects.get(pk=self.kim.user.pk)).set_up_app()
        self.report()

    def change(self, **fields: object) -> None:
        person = User.objects.get(pk=self.kim.user.pk)
        for name, value in fields.items():
            setattr(person, name, value)
        people.change_user(person, changed=list(fields), actor=self.admin)

    def reset(self, *lost: str) -> None:
        lost_phone.reset(self.kim.user, lost=lost, actor=self.admin, **CHECKED)

    def let_in(self, *kept: str) -> None:
        letting_in.let_in(self.kim.user, kept=kept, actor=self.admin, **CHECKED)

    def report(self) -> None:
        event = AuditEvent.objects.filter(subject=self.kim.user).order_by("-pk").first() or self.told()
        people.report_not_me(claim_of(event, self.kim.user), about="x")

    def told(self) -> AuditEvent:
        people.end_sessions(self.kim.user, actor=self.admin)
        return AuditEvent.objects.order_by("-pk")[0]

    def release(self, **how: Any) -> None:
        companies_services.disable_company_two_factor(self.company, actor=self.admin, **how)

    def many(self, act: str) -> None:
        """By the queue, on Kim and Ada."""
        run = from_ticked(self.admin, act, [str(each.user.pk) for each in (self.kim, self.ada)])
        running.begin(run, actor=self.admin, total=2, signs_out=True)
        running.work(run.pk)
        run.refresh_from_db()
        assert not run.stopped

    def bring_in(self, *, requires: bool) -> None:
        text = "user name;company\nzoe;Acme Machines\n"
        kept = importing.keep(self.admin, "people.csv", text, read(text, "utf-8"))
        importing.begin(kept, actor=self.admin, invites=False, requires=requires)
        importing.work(kept.pk)
        assert User.objects.filter(username="zoe").exists()


def claim_of(event: AuditEvent, person: User) -> Claim:
    return Claim(AuditEvent.objects.select_related("subject").get(pk=event.pk), person.email)


@dataclass(frozen=True)
class Row:
    """`act`, from the state that `first` makes. The lines that it `writes` of those that a past day takes back."""

    act: Callable[[Scene], object]
    writes: frozenset[Action]
    first: Callable[[Scene], object] = lambda _scene: None
    service: str = ""
    shows: bool = True  # does the state that a past day tells of change?


def row(act: Any, *writes: Action, first: Any = lambda _scene: None, service: str = "", shows: bool = True) -> Row:
    return Row(act, frozenset(writes), first, service, shows)


A = Action
ROWS: dict[str, Row] = {
    # Switches and apps
    "switch on": row(
        lambda s: services.enable_two_factor(s.kim.user, actor=s.admin),
        A.TWO_FACTOR_ENABLED,
        service="mfa.services.enable_two_factor",
    ),
    "switch off, not set up": row(
        lambda s: services.disable_two_factor(s.kim.user, actor=s.admin),
        A.TWO_FACTOR_DISABLED,
        first=Scene.asked,
        service="mfa.services.disable_two_factor",
    ),
    "switch off, set up": row(
        lambda s: services.disable_two_factor(s.kim.user, actor=s.admin), A.TWO_FACTOR_DISABLED, first=Scene.everything
    ),
    "app": row(lambda s: s.kim.set_up_app(), A.APP_SET_UP, A.TWO_FACTOR_ENABLED, service="mfa.services.set_up_app"),
    "app, asked": row(lambda s: s.kim.set_up_app(), A.APP_SET_UP, first=Scene.asked),
    "another app": row(lambda s: s.kim.set_up_app(), A.APP_SET_UP, first=Scene.everything, shows=False),
    "app disabled": row(lambda s: services.disable_factor(s.kim.user, "totp"), first=Scene.everything, shows=False),
    # Passkeys
    "request": row(
        lambda s: services.request_passkey(s.kim.user, actor=s.admin),
        A.PASSKEY_REQUESTED,
        service="mfa.services.request_passkey",
    ),
    "request deleted": row(
        lambda s: services.delete_passkey_request(s.kim.user, actor=s.admin),
        A.PASSKEY_REQUEST_DELETED,
        first=Scene.requested,
        service="mfa.services.delete_passkey_request",
    ),
    "passkey": row(
        lambda s: s.kim.add_passkey(),
        A.PASSKEY_CREATED,
        first=Scene.requested,
        service="mfa.services.create_passkey",
    ),
    "second passkey": row(lambda s: s.kim.add_passkey(), A.PASSKEY_CREATED, first=lambda s: s.everything(passkeys=1)),
    "passkey deleted": row(
        lambda s: services.delete_passkey(Passkey.objects.all()[0], actor=s.admin),
        A.PASSKEY_DELETED,
        first=Scene.everything,
        service="mfa.services.delete_passkey",
    ),
    "suspended passkey deleted": row(
        lambda s: services.delete_passkey(Passkey.objects.get(), actor=s.admin),
        A.PASSKEY_DELETED,
        first=Scene.suspended,
        shows=False,
    ),
    "passkey suspended": row(
        lambda _s: services.suspend_passkey(Passkey.objects.all()[0], "sign_count"),
        A.PASSKEY_SUSPENDED,
        first=Scene.everything,
    ),
    # People
    "created": row(
        lambda s: people.create_user(User(username="zoe", company=s.company), actor=s.admin),
        A.USER_CREATED,
        service="accounts.people.create_user",
    ),
    "name": row(
        lambda s: s.change(username="kimberly", first_name="", last_name="Ångström"),
        A.USER_CHANGED,
        service="accounts.people.change_user",
    ),
    "role": row(lambda s: s.change(role=Role.HELPDESK), A.USER_CHANGED, first=Scene.everything),
    "company": row(lambda s: s.change(company=s.other), A.USER_CHANGED, first=Scene.everything),
    "no company": row(lambda s: s.change(company=None, role=Role.ADMINISTRATOR), A.USER_CHANGED),
    "deactivated": row(
        lambda s: people.deactivate_user(s.kim.user, actor=s.admin),
        A.USER_DEACTIVATED,
        first=Scene.everything,
        service="accounts.people.deactivate_all",
    ),
    "activated": row(
        lambda s: people.activate_user(s.kim.user, actor=s.admin),
        A.USER_ACTIVATED,
        first=lambda s: (s.asked(), people.deactivate_user(s.kim.user, actor=s.admin)),
        service="accounts.people.activate_user",
    ),
    "erased": row(
        lambda s: erasing.erase(s.kim.user, actor=s.admin),
        A.USER_ERASED,
        first=lambda s: (s.everything(), s.requested()),
        service="companies.erasing.erase",
    ),
    "erased, locked": row(
        lambda s: erasing.erase(s.kim.user, actor=s.admin), A.USER_ERASED, first=lambda s: s.locked()
    ),
    "imported": row(lambda s: s.bring_in(requires=False), A.USER_CREATED, service="companies.importing.running.begin"),
    "imported, required": row(lambda s: s.bring_in(requires=True), A.USER_CREATED, A.TWO_FACTOR_ENABLED),
    # Locked, let in, reset
    "locked": row(
        lambda s: people.lock_user(s.kim.user, actor=s.admin),
        A.USER_LOCKED,
        first=Scene.everything,
        service="accounts.people.lock_user",
    ),
    "reported": row(Scene.report, A.REPORTED_NOT_ME, first=Scene.everything),
    "reported, locked": row(Scene.report, A.REPORTED_NOT_ME, first=Scene.locked, shows=False),
    "let in with all": row(
        lambda s: s.let_in(APP, CODES, *s.passkeys),
        A.USER_LET_IN,
        first=Scene.locked,
        service="companies.letting_in.let_in",
    ),
    "let in with nothing": row(lambda s: s.let_in(), A.USER_LET_IN, A.PASSKEY_DELETED, first=Scene.locked),
    "let in, all put back": row(lambda s: s.let_in(APP_BEFORE, *s.kept["passkeys"]), A.USER_LET_IN, first=Scene.robbed),
    "let in, passkeys put back": row(lambda s: s.let_in(*s.kept["passkeys"]), A.USER_LET_IN, first=Scene.robbed),
    "app lost": row(lambda s: s.reset(APP), A.USER_RESET, first=Scene.everything, service="companies.lost_phone.reset"),
    "codes lost": row(lambda s: s.reset(CODES), A.USER_RESET, first=Scene.everything, shows=False),
    "passkey lost": row(lambda s: s.reset(s.passkeys[0]), A.USER_RESET, first=Scene.everything),
    "suspended passkey lost": row(lambda s: s.reset(s.passkeys[0]), A.USER_RESET, first=Scene.suspended, shows=False),
    "all lost": row(lambda s: s.reset(APP, *s.passkeys), A.USER_RESET, first=Scene.everything),
    "what was lost is forgotten": row(
        lambda _s: kept_apart.forget_old(), first=lambda s: (s.everything(), s.reset(APP, *s.passkeys)), shows=False
    ),
    # Rules
    "company on": row(
        lambda s: companies_services.enable_company_two_factor(s.company, actor=s.admin),
        A.COMPANY_TWO_FACTOR_ENABLED,
        service="companies.services.enable_company_two_factor",
    ),
    "company off": row(
        Scene.release,
        A.COMPANY_TWO_FACTOR_DISABLED,
        A.TWO_FACTOR_DISABLED,
        first=lambda s: (s.asked(), s.ada.set_up_app()),
        service="companies.services.disable_company_two_factor",
    ),
    "company off, kept": row(
        lambda s: s.release(individuals=Individuals.KEEP_ASKING),
        A.COMPANY_TWO_FACTOR_DISABLED,
        first=Scene.asked,
    ),
    "company off, nobody asked": row(Scene.release, A.COMPANY_TWO_FACTOR_DISABLED, first=Scene.everything),
    "company renamed": row(
        lambda s: companies_services.rename_company(s.company, "Acme Makina", actor=s.admin),
        first=Scene.everything,
        service="companies.services.rename_company",
        shows=False,
    ),
    "company created": row(
        lambda s: companies_services.create_company(Company(name="Süd AG"), actor=s.admin),
        service="companies.services.create_company",
        shows=False,
    ),
    "site on": row(
        lambda s: site_rule.demand_factor(actor=s.admin),
        A.SITE_RULE_ENABLED,
        service="accounts.site_rule.demand_factor",
    ),
    "site on, by the page": row(
        lambda s: companies_services.demand_factor(actor=s.admin),
        A.SITE_RULE_ENABLED,
        service="companies.services.demand_factor",
    ),
    "site off": row(
        lambda s: site_rule.stop_demanding_factor(actor=s.admin),
        A.SITE_RULE_DISABLED,
        first=lambda s: site_rule.demand_factor(actor=s.admin),
        service="accounts.site_rule.stop_demanding_factor",
    ),
    # On many
    "many require": row(lambda s: s.many("require"), A.TWO_FACTOR_ENABLED, service="companies.bulk.running.begin"),
    "many stop": row(lambda s: s.many("stop"), A.TWO_FACTOR_DISABLED, first=Scene.everything),
    "many request": row(lambda s: s.many("request"), A.PASSKEY_REQUESTED, first=Scene.requested),
    "many withdraw": row(lambda s: s.many("withdraw"), A.PASSKEY_REQUEST_DELETED, first=Scene.requested),
    "many remind": row(lambda s: s.many("remind"), first=Scene.asked, shows=False),
    "many sign_out": row(lambda s: s.many("sign_out"), first=Scene.everything, shows=False),
    "many deactivate": row(lambda s: s.many("deactivate"), A.USER_DEACTIVATED, first=Scene.everything),
    # On the command line
    "shell require": row(lambda _s: call_command("mfa", "require", "kim", reason="x"), A.TWO_FACTOR_ENABLED),
    "shell stop": row(
        lambda _s: call_command("mfa", "stop", "kim", reason="x"), A.TWO_FACTOR_DISABLED, first=Scene.everything
    ),
    "shell reset": row(
        lambda _s: call_command("mfa", "reset", "kim", reason="x"), A.USER_RESET, first=Scene.everything
    ),
    "shell createsuperuser": row(lambda _s: User.objects.create_superuser("boss"), A.USER_CREATED),
}
# Services of mails, links, sessions, names, codes, passes and files: a past day tells of none of them.
OF_SOMETHING_ELSE = {
    "accounts.addresses.withdraw",
    "accounts.invitations.invite",
    "accounts.invitations.start_reset",
    "accounts.invitations.withdraw",
    "accounts.people.change_password",
    "accounts.people.end_sessions",
    "accounts.people.unlock_user",
    "accounts.sessions.listed.end_one",
    "accounts.sessions.listed.end_others",
    "companies.access_passes.demand_passes",
    "companies.access_passes.give_pass",
    "companies.access_passes.stop_demanding_passes",
    "companies.access_passes.withdraw_pass",
    "companies.importing.inviting.begin_inviting",
    "companies.importing.running.go_on",
    "companies.reminders.remind_all",
    "companies.services.end_company_sessions",
    "mfa.services.make_recovery_codes",
    "mfa.services.rename_passkey",
    "mfa.services.replace_recovery_codes",
    "reporting.activity_files.record_export",
    "reporting.past_day.record_past_day",
    "reporting.person_file.take_out",
}


@pytest.fixture
def scene(clock, kim, ada, admin, company, other_company, mailoutbox) -> Iterator[Scene]:
    return Scene(kim, ada, admin, company, other_company)


def written(since: int) -> frozenset[str]:
    return frozenset(AuditEvent.objects.filter(pk__gt=since, action__in=TOLD).values_list("action", flat=True))


@pytest.mark.parametrize("name", ROWS)
def test_the_night_before_an_act_is_worked_out_as_it_was_counted(name, scene, clock):
    tried = ROWS[name]
    tried.first(scene)
    clock.move_to(end_of(DAY) + timedelta(minutes=5), tick=False)
    take_missing()
    people_then, rules_then = truth(), rules()
    last = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    clock.shift(3600)
    tried.act(scene)

    assert written(last) == tried.writes
    assert ((truth(), rules()) != (people_then, rules_then)) is tried.shows
    erased = dict(
        User.objects.exclude(erased_at=None).values_list("pk", "username")
    )  # whose name nobody knows any more
    people_then = {pk: (erased.get(pk, username), *rest) for pk, (username, *rest) in people_then.items()}
    for moment in (end_of(DAY), timezone.now() - timedelta(minutes=30)):
        assert past(moment) == people_then
        cells = Counter((company, kind) for _name, company, kind in people_then.values())
        assert numbers_at(moment) == cells == of_snapshot(DAY)
        assert (requiring_at(moment), demanded_at(moment)) == rules_then
    page = PastDay(scene.admin, str(DAY))
    assert page.agrees
    assert page.exact_from is None
    assert {row[-1] for row in page.rows()} == {"yes"}


def test_every_line_that_is_taken_back_is_written_by_an_act_above():
    assert frozenset[Action]().union(*(each.writes for each in ROWS.values())) == TOLD
    assert {f"many {act}" for act in MASS_ACTS} <= set(ROWS)


def test_every_service_is_tried_above_or_is_about_something_else():
    tried = {each.service for each in ROWS.values()} - {""}

    assert {str(service.id) for service in all_services()} == tried | OF_SOMETHING_ELSE
    assert not tried & OF_SOMETHING_ELSE


@pytest.mark.parametrize("service", [each for each in all_services() if each.id in OF_SOMETHING_ELSE])
def test_what_is_about_something_else_changes_nothing_that_a_past_day_tells_of(call, service, admin, kim):
    name = service.__name__
    if name in {"invite", "withdraw"}:
        kim.user.set_unusable_password()
        kim.user.save()
    person = subject_of(service, kim.user)
    before = truth(), rules()
    call(service, kim.user if name in OWNERS else admin, person)

    assert (truth(), rules()) == before
