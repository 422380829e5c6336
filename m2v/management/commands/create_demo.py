"""Fill an empty database with demo companies and people in every state, and print their passwords once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes, token_urlsafe
from typing import TYPE_CHECKING
from uuid import UUID

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Role, User
from accounts.sealing import Purpose, seal
from audit.models import AuditEvent
from audit.sealing import checkpoints
from audit.vocabulary import Action
from companies.models import Company
from mfa.methods import recovery_codes, totp
from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest
from reporting.taking import take_snapshot

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator

SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.1 Safari/605.1.15"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Version/19.1 Mobile Safari/604.1"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36"
DEMO_BROWSERS = (CHROME, SAFARI, IPHONE, FIREFOX)

ICLOUD = UUID("fbfc3007-154e-4ecc-8c0b-6e020557d7bd")
HELLO = UUID("08987058-cadc-4b81-b6e1-30de50dcbe96")
GOOGLE = UUID("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4")
BITWARDEN = UUID("d548826e-79b4-db40-a3d8-11116f7e8349")

ACME, NORDWIND, SUED = range(3)
COMPANIES = (
    ("Acme Machines", 38),  # days since 2FA is required; None: it is not
    ("Nordwind Fördertechnik GmbH", None),
    ("Süddeutsche Präzisionsmaschinenbau- und Anlagentechnik AG", None),
)


@dataclass(frozen=True)
class DemoPerson:
    """A demo person. `state`: off, on (own switch, not set up), app (set up), invited, inactive."""

    username: str
    name: str
    company: int | None
    state: str = "off"
    passkeys: tuple[tuple[UUID, str], ...] = ()
    requested: bool = False
    role: Role = Role.MEMBER
    email: bool = True


PEOPLE = (
    DemoPerson("petra.vogt", "Petra Vogt", None, "app", ((ICLOUD, "iCloud Keychain"),), role=Role.ADMINISTRATOR),
    DemoPerson("samir.haddad", "Samir Haddad", None, "off", role=Role.ADMINISTRATOR),
    DemoPerson("kim.hansen", "Kim Hansen", ACME, "app", ((ICLOUD, "iCloud Keychain"), (HELLO, "Windows Hello"))),
    DemoPerson("amelie.dubois", "Amélie Dubois-Marchetti", ACME),
    DemoPerson("minh.anh", "Nguyễn Thị Minh Anh", ACME, requested=True),
    DemoPerson("carla.reyes", "Carla Reyes", ACME, "app", role=Role.COMPANY_ADMINISTRATOR),
    DemoPerson("tom.becker", "Tom Becker", ACME, "on"),
    DemoPerson("yuki.tanaka", "Yuki Tanaka", ACME, "app", ((GOOGLE, "Google Password Manager"),)),
    DemoPerson("daniel.okafor", "Daniel Okafor", ACME, "app"),
    DemoPerson("ines.costa", "Inês Costa", ACME, passkeys=((BITWARDEN, "Bitwarden"),)),
    DemoPerson("pawel.nowak", "Paweł Nowak", ACME, "on", requested=True),
    DemoPerson("lena.fischer", "Lena Fischer", ACME, "inactive"),
    DemoPerson("omar.said", "Omar Saïd", ACME, "invited"),
    DemoPerson("grace.mensah", "Grace Mensah", ACME, "app", requested=True),
    DemoPerson(
        "juergen.grossmann",
        "Jürgen Großmann",
        NORDWIND,
        "app",
        ((ICLOUD, "iCloud Keychain"),),
        role=Role.COMPANY_ADMINISTRATOR,
    ),
    DemoPerson("soren.kjaergaard", "Søren Kjærgaard", NORDWIND, "off", ((HELLO, "Windows Hello"),)),
    DemoPerson("marta.kowalska", "Marta Kowalska", NORDWIND, "on"),
    DemoPerson("lukas.brandt", "Lukas Brandt", NORDWIND),
    DemoPerson("halle.tor3", "", NORDWIND, email=False),
    DemoPerson("elif.demir", "Elif Demir", NORDWIND, "app"),
    DemoPerson("peter.olsen", "Peter Olsen", NORDWIND, requested=True),
    DemoPerson("anna.lindqvist", "Anna Lindqvist", NORDWIND, "on"),
    DemoPerson("ralf.hoffmann", "Ralf Hoffmann", NORDWIND, "inactive"),
    DemoPerson("sofia.rossi", "Sofia Rossi", NORDWIND),
    DemoPerson(
        "maximiliane.hohenstein-wittelsbach-oberreuth",
        "Maximiliane Freifrau von und zu Hohenstein-Wittelsbach-Oberreuth",
        SUED,
        role=Role.COMPANY_ADMINISTRATOR,
    ),
    DemoPerson("zeynep.yilmaz", "Zeynep Yılmaz", SUED, "app", requested=True),
    DemoPerson("o.adebayo", "Olúwaṣeun Adébáyọ̀", SUED, "app"),
    DemoPerson("franz.huber", "Franz Huber", SUED),
    DemoPerson("ivana.petrovic", "Ivana Petrović", SUED, "on", ((GOOGLE, "Google Password Manager"),)),
    DemoPerson("josef.maier", "Josef Maier", SUED, "invited", email=False),
    DemoPerson("chen.wei", "Chen Wei", SUED, "app", ((BITWARDEN, "Bitwarden"),)),
    DemoPerson("barbara.schmid", "Barbara Schmid", SUED),
    DemoPerson("hanna.weber", "Hanna Weber", None, "app", role=Role.HELPDESK),
    DemoPerson("viktor.lang", "Viktor Lang", None, "app", role=Role.AUDITOR),
    DemoPerson("nina.bauer", "Nina Bauer", ACME, "app", role=Role.HELPDESK),
)


DAYS_KEPT = 56  # of which the overview has numbers
REFUSED_BECAUSE = {
    "password": "WrongPassword",
    "totp": "WrongCode",
    "passkey": "The question is older than five minutes.",
}


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _("Create demo companies and people, and print their names and passwords once.")
        parser.add_argument("--if-empty", action="store_true", help=_("do nothing where anybody exists already"))

    def handle(self, *args: object, **options: object) -> None:
        if User.objects.exists():
            if options["if_empty"]:
                return
            raise CommandError(_("There are people here already. Demo data goes into an empty database only."))
        if not settings.DEMO_ALLOWED:
            if options["if_empty"]:
                text = _("Nobody is here yet. Make the first administrator: {command}")
                self.stdout.write(text.format(command=".venv/bin/python manage.py init_admin"))
                return
            raise CommandError(_("Demo people go into the embedded default alone: no DATABASE_URL, and no https."))
        with transaction.atomic():
            lines = create()
        checkpoints.seal_lines()
        self.stdout.write(_("Demo people, with passwords that are shown only now:") + "\n\n")
        width = max(len(name) for name, _password, _note in lines)
        for name, password, note in lines:
            self.stdout.write(f"  {name:<{width}}  {password:<18}  {note}\n")
        begin = _("Begin as {name}. Where an authenticator app is set up, its key is given: enter it into yours.")
        mail = _("Mail is written to {folder}.")
        self.stdout.write(
            f"\n{begin.format(name='samir.haddad')}\n{mail.format(folder=settings.DATA_DIR / 'outbox')}\n\n"
        )


def create() -> list[tuple[str, str, str]]:
    """Everybody, saved; for each the user name, the password and what to know."""
    now = timezone.now()
    companies = [
        Company.objects.create(
            name=name,
            created_at=now - timedelta(days=2200 - 400 * index),
            two_factor_enabled=days is not None,
            two_factor_changed_at=now - timedelta(days=days) if days else None,
        )
        for index, (name, days) in enumerate(COMPANIES)
    ]
    lines: list[tuple[str, str, str]] = []
    history: list[AuditEvent] = []
    everybody: list[User] = []
    for index, person in enumerate(PEOPLE):
        password = token_urlsafe(12)
        since = now - timedelta(days=400 - 10 * index, hours=index)
        petra = everybody[0] if everybody else None
        set_up = now - timedelta(days=3 + (11 * index + 50) % 59, hours=5)  # of those who have, in the last weeks
        user = _user(person, companies, password, petra, since=since, set_up=set_up)
        everybody.append(user)
        note = _factors(user, person, since, set_up, petra or user)
        history += [*_acts(user, set_up, petra or user), *_logins(user, person, now, index, set_up)]
        if person.state == "invited":
            password = "(invited)"  # noqa: S105  # says that there is none
        lines.append((user.username, password, note))
    history += [
        AuditEvent(
            at=company.two_factor_changed_at,
            action=Action.COMPANY_TWO_FACTOR_ENABLED,
            actor=everybody[0],
            company=company,
            details={"changes": {"two_factor_enabled": [False, True]}},
        )
        for company in companies
        if company.two_factor_changed_at
    ]
    AuditEvent.objects.bulk_create(sorted(history, key=lambda line: line.at))
    for days in range(DAYS_KEPT, 0, -1):
        take_snapshot(timezone.localdate() - timedelta(days=days))
    return lines


def _user(
    person: DemoPerson,
    companies: list[Company],
    password: str,
    petra: User | None,
    *,
    since: datetime,
    set_up: datetime,
) -> User:
    first, _, last = person.name.partition(" ")
    switched_on = person.state in {"on", "app"}
    return User.objects.create_user(
        person.username,
        f"{person.username}@{'m2v' if person.company is None else 'demo'}.example" if person.email else "",
        None if person.state == "invited" else password,
        first_name=first,
        last_name=last,
        company=None if person.company is None else companies[person.company],
        role=person.role,
        is_active=person.state != "inactive",
        created_at=since,
        two_factor_enabled=switched_on,
        two_factor_changed_at=set_up - timedelta(minutes=3) if switched_on else None,
        two_factor_changed_by=petra if switched_on else None,
    )


def _factors(user: User, person: DemoPerson, since: datetime, set_up: datetime, petra: User) -> str:
    """What the person holds; the note for the printed list."""
    note = user.get_role_display() + (f", {user.company.name}" if user.company else "")
    if person.state == "app":
        key = totp.new_key()
        AuthenticatorApp.objects.create(user=user, key=seal(key, user.pk, Purpose.APP), created_at=set_up)
        recovery_codes.enrol(user, recovery_codes.draw())
        note += "; " + _("app key {key}").format(key=totp.key_as_text(key))
    for number, (aaguid, name) in enumerate(person.passkeys):
        Passkey.objects.create(
            user=user,
            name=name,
            credential_id=token_bytes(32),
            public_key=_public_key(),
            aaguid=aaguid,
            transports=["internal"],
            backup_eligible=aaguid != HELLO,
            backed_up=aaguid != HELLO,
            created_at=since + timedelta(days=5 + number),
            last_used_at=timezone.now() - timedelta(hours=3 + 400 * number),
        )
    if person.requested:
        PasskeyRequest.objects.create(
            user=user, requested_by=petra, requested_at=timezone.now() - timedelta(hours=2, minutes=13)
        )
    return note


def _public_key() -> bytes:
    """The COSE form of a fresh P-256 key, which nobody holds."""
    at = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    return bytes(cbor2.dumps({1: 2, 3: -7, -1: 1, -2: at.x.to_bytes(32, "big"), -3: at.y.to_bytes(32, "big")}))


def _acts(user: User, set_up: datetime, petra: User) -> Iterator[AuditEvent]:
    """How it came about that the person holds what they hold and is asked for what they are asked."""

    def line(at: datetime, action: Action, actor: User, changes: dict[str, object], **more: object) -> AuditEvent:
        details = {**more, "changes": changes}
        return AuditEvent(at=at, action=action, actor=actor, subject=user, company=user.company, details=details)

    if user.two_factor_changed_at:
        changes: dict[str, object] = {"two_factor_enabled": [False, True]}
        yield line(user.two_factor_changed_at, Action.TWO_FACTOR_ENABLED, petra, changes)
    if user.authenticator_apps.exists():
        yield line(set_up, Action.APP_SET_UP, user, {"authenticator_apps": [0, 1]})
    for number, passkey in enumerate(user.passkeys.order_by("created_at")):
        changes = {"passkeys": [number, number + 1], "requests": [0, 0]}
        yield line(
            passkey.created_at, Action.PASSKEY_CREATED, user, changes, name=passkey.name, passkey=str(passkey.pk)
        )
    for request in PasskeyRequest.objects.filter(user=user):
        yield line(request.requested_at, Action.PASSKEY_REQUESTED, petra, {"requests": [0, 1]})


def _logins(user: User, person: DemoPerson, now: datetime, index: int, set_up: datetime) -> Iterator[AuditEvent]:
    """The last sign-ins, as the audit would have them, and some that were refused."""
    if person.state == "invited" or index % 7 == 4:
        return
    for days in (30 + index % 9, 9 + index % 5, index % 4):
        at = now - timedelta(days=days, minutes=37 * index + 20)
        has_app = person.state == "app" and set_up < at
        methods = ["passkey"] if person.passkeys else ["password", "totp"] if has_app else ["password"]
        line = AuditEvent(
            at=at,
            action=Action.SIGNED_IN,
            actor=user,
            subject=user,
            company=user.company,
            address=f"192.0.2.{index + 1}",
            browser=DEMO_BROWSERS[(index + days) % len(DEMO_BROWSERS)],
            details={"methods": methods},
        )
        yield line
        if (index + days) % 3 == 0:
            method = methods[-1]
            yield AuditEvent(
                at=at - timedelta(minutes=1),
                action=Action.REFUSED,
                subject=user,
                company=user.company,
                address=line.address,
                browser=line.browser,
                details={"methods": [method], "reason": REFUSED_BECAUSE[method]},
            )
    User.objects.filter(pk=user.pk).update(last_sign_in_at=at)
