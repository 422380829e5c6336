"""Make a backup: the database in one file, the keys in another, each encrypted before it is written."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.sealing import keys
from audit.sealing.timing import seal_all
from m2v import __version__
from m2v.backups.age import FromParts, Trouble, encrypt, recipients_of, whole_or_none
from m2v.backups.embedded import read_embedded
from m2v.backups.postgresql import read_server
from m2v.start import see_tables_and_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from m2v.backups.age import Reader

FORM = "m2v backup 1"
READERS: dict[str, Callable[[], AbstractContextManager[Reader]]] = {"sqlite": read_embedded, "postgresql": read_server}


def keys_in_use() -> dict[str, str]:
    """Every key, as its setting is written."""
    return {
        "SECRET_KEY": settings.SECRET_KEY,
        "SECRET_KEY_FALLBACKS": ",".join(settings.SECRET_KEY_FALLBACKS),
        "MFA_ENCRYPTION_KEYS": ",".join(settings.MFA_ENCRYPTION_KEYS),
        "AUDIT_SIGNING_KEY": settings.AUDIT_SIGNING_KEY,
        "AUDIT_PUBLIC_KEYS": ",".join(settings.AUDIT_PUBLIC_KEYS),
    }


def schema() -> list[list[str]]:
    """The last migration of each app: what a database of this version is made of."""
    return sorted(map(list, MigrationLoader(connection).graph.leaf_nodes()))


def back_up(folder: Path, *, to: Sequence[str], keys_to: Sequence[str]) -> tuple[Path, Path]:
    """Write database and keys into `folder`, encrypted to these recipients; the two files. Raises Trouble.

    The keys' file comes last and says which database it belongs to: without it, the other is of a backup that was broken off.
    """
    recipients, keys_recipients = recipients_of(to), recipients_of(keys_to)
    try:
        see_tables_and_keys()
    except ImproperlyConfigured as trouble:
        raise Trouble(str(trouble)) from trouble
    seal_all()  # what is under a checkpoint in the backup can be proved there; where it cannot be, the log says so
    now = timezone.now().astimezone(UTC)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        database, its_keys = (folder / f"m2v-{now:%Y%m%dT%H%M%SZ}.{what}.age" for what in ("database", "keys"))
        with whole_or_none(database) as file, READERS[connection.vendor]() as source:
            encrypt(source, file, recipients)
        about = {
            "form": FORM,
            "made": now.isoformat(timespec="seconds"),
            "release": __version__,
            "engine": connection.vendor,
            "schema": schema(),
            "database": file.hexdigest(),
            "audit": keys.public_key(),
            "keys": keys_in_use(),
        }
        with whole_or_none(its_keys) as file:
            encrypt(FromParts([json.dumps(about, indent=1).encode()]), file, keys_recipients)
    except OSError as trouble:
        raise Trouble(_("This cannot be written: {why}").format(why=trouble)) from trouble
    return database, its_keys
