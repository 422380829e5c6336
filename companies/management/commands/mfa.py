"""`manage.py mfa ACT USER --reason …`: what the pages do, for whoever is on the server, by the same services.

Nobody is signed in here: the audit says so, with the reason, and all administrators are told by mail.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import people
from accounts.authorization import LastAdministrator
from accounts.management.reasons import reason_given
from accounts.models import User
from accounts.permissions import Permission
from accounts.text import fold
from accounts.throttle import budgets
from audit.recording import in_the_shell, record
from audit.sentences import CHECKED
from audit.vocabulary import Action
from companies import exports
from companies.access_passes import NothingToOpen, Validity, give_pass, if_ended, open_pass_of
from companies.letting_in import APP, CODES
from companies.lost_phone import reset
from companies.models import Company
from companies.pass_words import has_ended
from mfa import services
from mfa.holding import hold_everything
from mfa.models import AccessPass
from mfa.queries import with_factors

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator

NOT_CHECKED = "not_said"
# Columns of a file whose words are English for every program; roles are among them.
IN_WORDS = {
    gettext_noop("role"), gettext_noop("account"), gettext_noop("two-factor authentication"),
    gettext_noop("required by"), gettext_noop("passkey requested"),
}  # fmt: skip
CELLS = (
    gettext_noop("active"), gettext_noop("locked"), gettext_noop("deactivated"), gettext_noop("set up"),
    gettext_noop("asked at next login"), gettext_noop("not asked"), gettext_noop("person"), gettext_noop("company"),
    gettext_noop("site"), gettext_noop("yes"), gettext_noop("no"),
)  # fmt: skip


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Does to somebody’s multi-factor authentication what the pages of the Settings app do. "
            "The audit says why, and that it was done here; all administrators are told by mail."
        )
        parser.add_argument("act", metavar="ACT", help=", ".join([*ACTS, "status", "report"]))
        parser.add_argument("user", metavar="USER", nargs="?", default="", help=_("user name or e-mail address"))
        parser.add_argument(
            "--reason", default="", help=_("why; needed where something is changed, and kept in the audit")
        )
        checked = _("how it was checked who asks: {words}").format(words=", ".join(CHECKED))
        parser.add_argument("--checked", default=NOT_CHECKED, help=checked)
        parser.add_argument("--minutes", default="60", help=_("how long a pass is good for: 10, 60, 480 or 1440"))
        parser.add_argument("--sign-out", action="store_true", help=_("end all their sessions too"))
        parser.add_argument("--company", default="", help=_("of a report: only the people of this company"))
        parser.add_argument("--format", default="csv", help=_("of a report: csv or json"))

    def handle(self, *args: Any, **options: Any) -> None:
        act = options["act"]
        if act == "report":
            for part in report(options["company"], options["format"]):
                self.stdout.write(part, ending="")
        elif act == "status":
            self.stdout.write("\n".join(status(find(options["user"]))))
        elif act in ACTS:
            self.stdout.write(self.change(ACTS[act], find(options["user"]), options))
        else:
            raise CommandError(
                _("“{act}” is none of: {acts}.").format(act=act, acts=", ".join([*ACTS, "status", "report"]))
            )

    def change(self, act: Callable[..., str], person: User, options: dict[str, Any]) -> str:
        """Do it, whole or not at all; what happened."""
        reason = reason_given(options["reason"])
        if options["checked"] not in CHECKED:
            raise CommandError(_("--checked is one of: {words}.").format(words=", ".join(CHECKED)))
        try:
            with in_the_shell(reason), transaction.atomic():
                given = open_pass_of(hold_everything(person, actor=None, needs=Permission.PASS))
                said = act(person, reason, options)
                ended = if_ended(given, person)
                return f"{has_ended(ended, viewer=None)}\n{said}" if ended else said
        except LastAdministrator as trouble:
            text = _("{person} is the last who can sign in as an administrator.")
            raise CommandError(text.format(person=person)) from trouble
        except people.ChangedMeanwhile as trouble:
            text = _("{person} is locked or deactivated: let them in again first.")
            raise CommandError(text.format(person=person)) from trouble
        except NothingToOpen as trouble:
            text = _("User name and password are enough for {person}: a pass opens nothing.")
            raise CommandError(text.format(person=person)) from trouble


def require(person: User, _reason: str, options: dict[str, Any]) -> str:
    before = person.two_factor_enabled
    services.enable_two_factor(person, actor=None, sessions=_sessions(options))
    if before:
        return _("2FA was required of {person} already.").format(person=person)
    return _("2FA is required of {person}: without one set up, they are asked at the next login.").format(person=person)


def stop(person: User, _reason: str, options: dict[str, Any]) -> str:
    holds = person.authenticator_apps.exists() or person.recovery_codes.exists()
    if not (person.two_factor_enabled or holds):
        return _("2FA of {person} was off already, and nothing is set up: nothing was done.").format(person=person)
    services.disable_two_factor(person, actor=None, sessions=_sessions(options))
    if person.required_by_company:
        text = _("2FA of {person} is removed. The company requires it: they are asked to set it up at the next login.")
        return text.format(person=person)
    return _("2FA of {person} is off, and what was set up is removed.").format(person=person)


def give(person: User, reason: str, options: dict[str, Any]) -> str:
    valid = _minutes(options)
    if options["sign_out"]:
        people.end_sessions(person, actor=None)  # first: a pass ends with them
    code = give_pass(person, valid=valid, checked=options["checked"], reason=reason, actor=None)
    text = _("Access pass of {person}, once, for {minutes} minutes:").format(person=person, minutes=valid.value)
    return f"{text}\n{code}"


def reset_all(person: User, reason: str, options: dict[str, Any]) -> str:
    lost = {APP, CODES, *(str(passkey.pk) for passkey in person.passkeys.all())}
    done = reset(person, lost=lost, checked=options["checked"], reason=reason, actor=None, sessions=_sessions(options))
    if not done.removed_something:
        raise CommandError(_("{person} has set up nothing: there is nothing to remove.").format(person=person))
    text = _(
        "Removed from {person}: authenticator apps: {apps}, recovery codes: {codes}, passkeys: {passkeys}. "
        "What was demanded of them is demanded still."
    )
    return text.format(person=person, apps=done.apps, codes=done.codes, passkeys=len(done.passkeys))


def unlock(person: User, _reason: str, _options: dict[str, Any]) -> str:
    if people.unlock_user(person, actor=None):
        return _("{person} can try again at once.").format(person=person)
    text = _("{person} does not have to wait.").format(person=person)
    return f"{text} {_('The account is locked: an administrator lets them in again.')}" if person.locked_at else text


ACTS: dict[str, Callable[[User, str, dict[str, Any]], str]] = {
    "require": require,
    "stop": stop,
    "reset": reset_all,
    "pass": give,
    "unlock": unlock,
}


def _sessions(options: dict[str, Any]) -> services.Sessions:
    return services.Sessions.END if options["sign_out"] else services.Sessions.GO_ON


def _minutes(options: dict[str, Any]) -> Validity:
    try:
        return Validity(int(options["minutes"]))
    except ValueError as trouble:
        text = _("--minutes is one of: {numbers}.").format(numbers=", ".join(map(str, Validity.values)))
        raise CommandError(text) from trouble


def find(name: str) -> User:
    """Whoever is called so. Raises CommandError."""
    if not name:
        raise CommandError(_("Say whom it is about: a user name or an e-mail address."))
    person = User.objects.get_queryset().select_related("company").named(name)
    if person is None:
        raise CommandError(_("Nobody has the user name or e-mail address {name}.").format(name=name))
    if person.erased_at:
        raise CommandError(_("{name} is erased: nothing is kept that could be changed.").format(name=name))
    return person


def status(person: User) -> Iterator[str]:
    """What somebody has set up and what is asked of them, a line each."""
    headings = exports.headings_for(None)
    row = exports.row_for(None, with_factors(User.objects.filter(pk=person.pk).select_related("company")).get())
    names = exports.headings_in_words(headings)
    cells = zip(headings, row, strict=True)
    values = [_in_words(cell) if heading in IN_WORDS else cell for heading, cell in cells]
    yield from (f"{name}: {value}" for name, value in zip(names, values, strict=True) if value != "")
    yield _("recovery codes left: {number}").format(number=person.recovery_codes.filter(used_at=None).count())
    for passkey in person.passkeys.all():
        text = _("passkey: {name}") if passkey.suspended_at is None else _("passkey: {name} (suspended)")
        yield text.format(name=passkey.name)
    given = AccessPass.objects.select_related("user").filter(user=person).first()
    if given and given.is_open and given.until:
        yield _("access pass: until {time}").format(time=f"{timezone.localtime(given.until):%Y-%m-%d %H:%M %Z}")
    if budgets.blocked_until(person):
        yield _("waits: after wrong passwords or codes")


def _in_words(value: object) -> str:
    """What a file calls the same in every language, in the language of the shell."""
    return _(" and ").join(_(each) for each in str(value).split(" and ") if each)


def report(company_name: str, form: str) -> Iterator[str]:
    """Everybody, or those of a company, as a file. Raises CommandError."""
    if form not in {"csv", "json"}:
        raise CommandError(_("--format is csv or json."))
    company, everybody = None, User.objects.get_queryset()
    if company_name:
        company = Company.objects.filter(name_folded=fold(company_name)).first()
        if company is None:
            raise CommandError(_("No company is called {name}.").format(name=company_name))
        everybody = everybody.filter(company=company)
    with in_the_shell():
        record(Action.LIST_EXPORTED, actor=None, company=company, name="User", filters={"company": company_name})
    rows = map(partial(exports.row_for, None), exports.each_person(everybody))
    headings = exports.headings_for(None)
    if form == "csv":
        yield from exports.as_csv(exports.headings_in_words(headings), rows)
    else:
        yield from exports.as_json(headings, rows)
