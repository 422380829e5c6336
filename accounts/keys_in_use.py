"""Do the machines of a site encrypt, and sign the audit, with the same keys? Asked before anything is sealed with them.

Each says in the database which keys it has, at its start and every hour: keys of MFA_ENCRYPTION_KEYS by a fingerprint
that nobody can work a key out of, that of the audit by its public half. What was not seen for two hours counts no
longer. Two machines that start at the same moment do so one after the other, so that only one of two keys is first.
"""

from __future__ import annotations

from platform import node
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.key_models import KeyInUse
from accounts.keys import keys
from accounts.signing_keys import STILL_IN_USE
from audit.sealing.keys import known_public_keys, public_key

if TYPE_CHECKING:
    from collections.abc import Iterable

ENCRYPTION, AUDIT = "MFA_ENCRYPTION_KEYS", "AUDIT_SIGNING_KEY"
TURN = "turn"  # in the place of a setting: the row that whoever says something waits for


class Key(NamedTuple):
    """One that this machine has."""

    setting: str
    name: str
    fingerprint: str


def fingerprint(name: str, raw: bytes) -> str:
    """What an encryption key is told from others of its name by: derived from it (HKDF, RFC 5869), for this alone."""
    return HKDF(SHA256(), 32, salt=None, info=f"m2v fingerprint of the key {name}".encode()).derive(raw).hex()


def agree() -> None:
    """Say which keys this machine has. Raises ImproperlyConfigured where another works with other ones, and says nothing then."""
    with transaction.atomic():
        now = timezone.now()
        KeyInUse.objects.bulk_create([KeyInUse(setting=TURN, seen_at=now)], ignore_conflicts=True)
        KeyInUse.objects.select_for_update().get(setting=TURN)
        encryption_keys_fit()
        KeyInUse.objects.filter(seen_at__lt=now - STILL_IN_USE).exclude(setting=TURN).delete()
        first, *others = _encryption_keys()
        _say([first, Key(AUDIT, "", public_key())], ["machine", "seen_at", "used_at"])
        _say(others, ["seen_at"])


def _say(found: Iterable[Key], told: list[str]) -> None:
    """Those that are not worked with are only seen."""
    now, used = timezone.now(), "used_at" in told
    KeyInUse.objects.bulk_create(
        [
            KeyInUse(
                setting=key.setting,
                name=key.name,
                fingerprint=key.fingerprint,
                machine=node()[:255],
                seen_at=now,
                used_at=now if used else None,
            )
            for key in found
        ],
        update_conflicts=True,
        unique_fields=["setting", "name", "fingerprint"],
        update_fields=told,
    )


def _encryption_keys() -> list[Key]:
    return [Key(ENCRYPTION, name, fingerprint(name, raw)) for name, raw in keys().items()]


def encryption_keys_fit() -> None:
    """Are ours those of the other machines, and is what each encrypts with among ours? Raises ImproperlyConfigured.

    A database of an earlier version has nothing to say.
    """
    if KeyInUse._meta.db_table not in connection.introspection.table_names():
        return
    mine = {key.name: key.fingerprint for key in _encryption_keys()}
    since = timezone.now() - STILL_IN_USE
    lately = KeyInUse.objects.filter(setting=ENCRYPTION, seen_at__gte=since)
    other = lately.filter(name__in=mine).exclude(fingerprint__in=mine.values()).order_by("-seen_at").first()
    if other:
        text = _(
            "The key with the id “{id}” in MFA_ENCRYPTION_KEYS is another one than that of {machine}, seen at {time}."
        )
        raise ImproperlyConfigured(_told(text, other))
    missing = lately.filter(used_at__gte=since).exclude(name__in=mine).order_by("-used_at").first()
    if missing:
        text = _("MFA_ENCRYPTION_KEYS has no key with the id “{id}”, with which {machine} encrypts, or did at {time}.")
        raise ImproperlyConfigured(_told(text, missing))


def _told(text: str, key: KeyInUse) -> str:
    hint = _(
        "Have the same keys on every machine; to change one, add it behind the others everywhere first. If no machine "
        "uses that key any more, run `m2v rotate_mfa_keys` here once."
    )
    said = text.format(id=key.name, machine=key.machine, time=f"{timezone.localtime(key.seen_at):%H:%M %Z}")
    return f"{said} {hint}"


def forget_unused(free: Iterable[str]) -> None:
    """Nothing is sealed with keys that are not listed here, nor with the `free` ones of those that are: whoever changed
    the keys says so. A machine that works with one all the same says it again within the hour.
    """
    rows = KeyInUse.objects.filter(setting=ENCRYPTION)
    rows.exclude(fingerprint__in=[key.fingerprint for key in _encryption_keys()]).delete()
    rows.filter(name__in=list(free)).update(used_at=None)


def other_audit_keys() -> list[KeyInUse]:
    """Keys that other machines sign the audit with, and whose public halves are not known here."""
    lately = KeyInUse.objects.filter(setting=AUDIT, used_at__gte=timezone.now() - STILL_IN_USE)
    return list(lately.exclude(fingerprint__in=known_public_keys()).order_by("-used_at"))
