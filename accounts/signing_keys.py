"""Do the machines of a site sign with keys that the others accept? Nothing that is signed says with which.

Each says in the database what it signs with, at its start and every hour, by a fingerprint that nobody can work a key
out of. What was not seen for two hours counts no longer, so that a key may be changed at any time, and a backup be
restored: who differs is told, and nobody is kept out (docs/decisions/0045-machines-that-sign-differently.md).
"""

from __future__ import annotations

from datetime import timedelta
from platform import node

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.key_models import SigningKey

STILL_IN_USE = timedelta(hours=2)


def fingerprint(secret: str) -> str:
    """What `secret` is told from others by: an HMAC with it."""
    return salted_hmac("accounts.signing_keys", "fingerprint", secret=secret, algorithm="sha256").hexdigest()


@transaction.atomic
def say_what_signs() -> None:
    """Write down that this machine is in use, with its key; what is in use no longer goes."""
    now = timezone.now()
    mine = SigningKey(fingerprint=fingerprint(settings.SECRET_KEY), machine=node()[:255], seen_at=now)
    SigningKey.objects.filter(seen_at__lt=now - STILL_IN_USE).delete()
    SigningKey.objects.bulk_create(
        [mine], update_conflicts=True, unique_fields=["fingerprint"], update_fields=["machine", "seen_at"]
    )


def not_accepted_here() -> list[SigningKey]:
    """Keys that the site signs with elsewhere, and that are neither SECRET_KEY nor in SECRET_KEY_FALLBACKS here."""
    accepted = [fingerprint(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    lately = SigningKey.objects.filter(seen_at__gte=timezone.now() - STILL_IN_USE)
    return list(lately.exclude(fingerprint__in=accepted).order_by("-seen_at"))
