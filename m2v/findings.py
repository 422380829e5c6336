"""What may be wrong with an installation, each with what to do: for `manage.py doctor`, and `check --deploy`."""

from __future__ import annotations

import ctypes
import ssl
from datetime import UTC, datetime, timedelta
from http.client import HTTPException, HTTPSConnection
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import mailers
from django.db import DatabaseError, InterfaceError
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.owed import TOO_LONG, failed_lately, waiting_mail
from accounts.waiting_tasks import waiting_tasks
from audit.sealing.checkpoints import LATE
from audit.sealing.unsealed import unsealed_lines
from companies.listing import upkeep
from companies.queue import work_given_up
from m2v.disks import nearly_full
from m2v.environment import is_local
from m2v.mail_settings import FILES, SMTP
from m2v.other_machines import differences
from m2v.request_ids import HEADER
from m2v.start import see_tables_and_keys
from m2v.tables import missing_migrations, where_it_is

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.utils.functional import _StrPromise

CLOCK_OFF, CLOCK_WRONG = timedelta(seconds=2), timedelta(seconds=30)  # an app's code is good for 30 seconds
ANSWER_SECONDS = 5  # seconds, for an answer at BASE_URL
ENDS_SOON = timedelta(days=14)
NOT_IN_STEP = 5  # TIME_ERROR of adjtimex(2)


class Examination(NamedTuple):
    """One thing to look at; `fine` is said where nothing is found. What `needs` the tables is left out without them."""

    fine: _StrPromise
    ask: Callable[[], Iterator[checks.CheckMessage]]
    needs_tables: bool = True


def findings() -> Iterator[tuple[Examination, list[checks.CheckMessage]]]:
    """What each look finds."""
    tables = True
    for look in EXAMINATIONS:
        if look.needs_tables and not tables:
            continue
        try:
            found = list(look.ask())
        except (DatabaseError, InterfaceError) as trouble:
            said = _("The database does not answer: {why}.").format(why=str(trouble).strip().splitlines()[0])
            found = [
                checks.Error(
                    said, _("Is it running, and DATABASE_URL right? Can this machine reach it?"), id="m2v.E001"
                )
            ]
        if look.ask is _keys_and_tables and found:
            tables = False
        yield look, found


def deployment_check(**_more: Any) -> list[checks.CheckMessage]:
    """All of them, for Django."""
    return [each for _look, found in findings() for each in found]


def _keys_and_tables() -> Iterator[checks.CheckMessage]:
    try:
        see_tables_and_keys()
    except ImproperlyConfigured as trouble:
        another = not settings.KEYS_NOT_SET and missing_migrations()  # without keys, the database was not asked
        yield checks.Error(str(trouble), where_it_is() if another else None, id="m2v.E002")


def _other_machines() -> Iterator[checks.CheckMessage]:
    yield from (checks.Error(found.said, found.hint, id=found.id) for found in differences())


def _lists() -> Iterator[checks.CheckMessage]:
    if not upkeep.in_place():
        yield checks.Error(_("Nothing keeps the lists of people."), _("Run `manage.py refill_lists`."), id="m2v.E003")
        return
    found = upkeep.differences()
    if any(found.values()):
        said = _("Of the lists of people, {people} rows and {numbers} numbers are wrong.")
        said = said.format(people=found["people"], numbers=found["numbers"] + found["totals"])
        yield checks.Error(said, _("Run `manage.py refill_lists`."), id="m2v.E004")


def _queues() -> Iterator[checks.CheckMessage]:
    hint = _("See that `manage.py work` runs (`manage.py serve` starts it), and what the log says of m2v.server.")
    if (waited := waiting_tasks().longest) > TOO_LONG:
        minutes = int(waited.total_seconds() // 60)
        said = _("Work in the queue has waited for {minutes} minutes.").format(minutes=minutes)
        yield checks.Error(said, hint, id="m2v.E005")
    if number := work_given_up():
        said = ngettext(
            "{number} act on many or import was given up: it failed again and again.",
            "{number} acts on many or imports were given up: they failed again and again.",
            number,
        ).format(number=number)
        hint = _("The log of m2v.work says why. Once that is mended, whoever began it can go on, from its page.")
        yield checks.Error(said, hint, id="m2v.E018")
    unsealed = unsealed_lines()
    if unsealed.age > LATE:
        said = _("{number} lines of the audit are not sealed, the oldest for {minutes} minutes.")
        said = said.format(number=unsealed.number, minutes=int(unsealed.age.total_seconds() // 60))
        yield checks.Warning(said, _("Run `manage.py audit_verify`; the log of m2v.audit says why."), id="m2v.W001")


def _mail() -> Iterator[checks.CheckMessage]:
    waiting = waiting_mail()
    if waiting.too_long:
        hint = _(
            "See that `manage.py work` runs (`manage.py serve` starts it), that the mail server of EMAIL_URL answers, "
            "and what the log says of m2v.mail."
        )
        said = _("Mail has waited for {minutes} minutes.").format(minutes=waiting.minutes)
        yield checks.Error(said, hint, id="m2v.E006")
    if given_up := failed_lately():
        said = ngettext(
            "{number} mail was given up in the last three days.",
            "{number} mails were given up in the last three days.",
            given_up,
        ).format(number=given_up)
        yield checks.Warning(said, _("The log of m2v.mail says which, and why."), id="m2v.W002")


def _mail_server() -> Iterator[checks.CheckMessage]:
    backend = settings.MAILERS["default"]["BACKEND"]
    if backend == FILES and settings.OVER_TLS:
        yield checks.Warning(_("Mail is written to files, and nobody gets it."), _("Set EMAIL_URL."), id="m2v.W003")
    if backend != SMTP:
        return
    server = mailers.default
    try:
        server.open()
    except Exception as trouble:  # whatever mail backends raise
        said = _("The mail server does not take mail: {why}.").format(why=f"{type(trouble).__name__}: {trouble}")
        yield checks.Error(
            said,
            _("Are host, port, user and password of EMAIL_URL right, and may this machine reach it?"),
            id="m2v.E007",
        )
    finally:
        server.close()


def _disks() -> Iterator[checks.CheckMessage]:
    for disk in nearly_full():
        said = _("The disk of {folder} has room for {megabytes} MB more.")
        hint = _(
            "Make room, or have a larger one: once it is full, nothing can be changed there, and nobody can sign in if it "
            "is that of the database."
        )
        kind = checks.Error if disk.is_almost_full else checks.Warning
        yield kind(said.format(folder=disk.folder, megabytes=disk.megabytes), hint, id="m2v.E017")


def _clock() -> Iterator[checks.CheckMessage]:
    theirs = MigrationRecorder.Migration.objects.annotate(now=Now()).values_list("now", flat=True).first()
    if theirs and (apart := abs(timezone.now() - theirs)) > CLOCK_OFF:
        said = _("This machine’s clock and the database’s are {seconds} seconds apart.").format(
            seconds=round(apart.total_seconds())
        )
        kind = checks.Error if apart > CLOCK_WRONG else checks.Warning
        yield kind(said, _("Have NTP set both (`timedatectl status`): codes of apps go by the clock."), id="m2v.E008")


def _ntp() -> Iterator[checks.CheckMessage]:
    state = kernels_clock()
    if state is None:
        yield checks.Warning(
            _("Whether NTP sets this machine’s clock cannot be known here."),
            _("Look at the machine itself: `timedatectl status`."),
            id="m2v.W004",
        )
    elif state == NOT_IN_STEP:
        yield checks.Warning(
            _("NTP does not set this machine’s clock."),
            _(
                "Start chrony or systemd-timesyncd, here or, in a container, on its host: codes of apps go by the clock."
            ),
            id="m2v.W005",
        )


def kernels_clock() -> int | None:
    """What the kernel says of its clock (adjtimex(2), which reads where it is given zeros); None where it does not."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(1024))
    except (OSError, AttributeError):  # no Linux
        return None
    return state if isinstance(state, int) and state >= 0 else None


def _address() -> Iterator[checks.CheckMessage]:
    if settings.PASSKEYS_REFUSED:
        yield checks.Warning(settings.PASSKEYS_REFUSED, _("Nobody can use a passkey until then."), id="m2v.W006")
    if settings.OVER_TLS and not settings.BEHIND_PROXY and not settings.TLS_CERTIFICATE:
        hint = _("Set BEHIND_PROXY, where a proxy does, or GRANIAN_SSL_CERTIFICATE and GRANIAN_SSL_KEYFILE.")
        yield checks.Error(_("BASE_URL is https, and nothing ends TLS."), hint, id="m2v.E009")
    if settings.METRICS and not ip_address(settings.METRICS[0]).is_loopback:
        hint = _("Use 127.0.0.1, or see that nobody else reaches it: it asks nobody who they are.")
        yield checks.Warning(_("METRICS is not on the loopback address."), hint, id="m2v.W007")
    parts = urlsplit(settings.BASE_URL)
    if settings.OVER_TLS and not is_local(parts.hostname or ""):
        yield from asked_as_browsers_do(parts.hostname or "", parts.port or 443)


def asked_as_browsers_do(host: str, port: int) -> Iterator[checks.CheckMessage]:
    """Ask for the login page as browsers do, through every proxy: its certificate, and what the proxy tells us."""
    connection = HTTPSConnection(host, port, timeout=ANSWER_SECONDS, context=ssl.create_default_context())
    try:
        connection.connect()
        certificate: Any = connection.sock.getpeercert()
        connection.request("GET", "/login/")
        answer = connection.getresponse()
    except ssl.SSLError as trouble:
        said = _("Browsers do not trust the certificate of BASE_URL: {why}.").format(why=trouble.reason or trouble)
        yield checks.Error(said, _("Renew it, and serve it with those in between."), id="m2v.E010")
        return
    except (OSError, HTTPException) as trouble:
        hint = _("Is the site served, and the proxy there? From other machines it may answer all the same.")
        yield checks.Warning(_("BASE_URL does not answer from here: {why}.").format(why=trouble), hint, id="m2v.W008")
        return
    finally:
        connection.close()
    left = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC) - timezone.now()
    if left < ENDS_SOON:
        said = _("The certificate of BASE_URL ends in {days} days.").format(days=left.days)
        yield checks.Warning(said, _("Renew it."), id="m2v.W009")
    if answer.headers[HEADER] is None:
        hint = _("Does the proxy hand requests to HOST and PORT of this site, and its answers back as they are?")
        yield checks.Error(_("Something other than this site answers at BASE_URL."), hint, id="m2v.E011")
    elif answer.status == 301:
        hint = _("Have the outermost set X-Forwarded-Proto, and count the proxies in BEHIND_PROXY.")
        yield checks.Error(
            _("The proxy does not say that it was reached over TLS: every page leads to itself."), hint, id="m2v.E012"
        )
    elif answer.status == 400:
        hint = _("Have it send the Host that browsers send (nginx: `proxy_set_header Host $host;`).")
        yield checks.Error(_("The proxy sends another Host than that of BASE_URL."), hint, id="m2v.E013")
    elif answer.status != 200:
        said = _("The login page is answered with {status}.").format(status=answer.status)
        yield checks.Error(said, _("The log says why."), id="m2v.E014")


EXAMINATIONS = (
    Examination(gettext_lazy("Keys and tables fit."), _keys_and_tables, needs_tables=False),
    Examination(gettext_lazy("The other machines have the same keys."), _other_machines),
    Examination(gettext_lazy("The lists of people are right."), _lists),
    Examination(gettext_lazy("The queue is worked through, and the audit sealed."), _queues),
    Examination(gettext_lazy("Mail is delivered."), _mail),
    Examination(gettext_lazy("The mail server answers, where there is one."), _mail_server, needs_tables=False),
    Examination(gettext_lazy("The disks have room."), _disks, needs_tables=False),
    Examination(gettext_lazy("This machine’s clock and the database’s agree."), _clock),
    Examination(gettext_lazy("NTP sets this machine’s clock."), _ntp, needs_tables=False),
    Examination(gettext_lazy("Address, TLS and proxies fit."), _address, needs_tables=False),
)
