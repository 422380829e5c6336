"""Restore a backup where there is nothing yet. All of it is read and checked before anything is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils.translation import gettext as _

from accounts.models import Session
from m2v import environment
from m2v.backups.age import Nowhere, Trouble, identities_in, opened, whole_or_none
from m2v.backups.embedded import fill_embedded
from m2v.backups.making import FORM, keys_in_use, schema
from m2v.backups.postgresql import fill_server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from m2v.backups.age import Identity, Writer

FILLERS: dict[str, Callable[[], AbstractContextManager[Writer]]] = {"sqlite": fill_embedded, "postgresql": fill_server}
# Keys that a file in DATA_DIR holds where no setting does. The others are settings alone.
KEY_FILES: dict[str, tuple[str, Callable[[str], object]]] = {
    "SECRET_KEY": ("secret_key", lambda text: environment.secret_key("SECRET_KEY", text)),
    "MFA_ENCRYPTION_KEYS": ("mfa_encryption_key", environment.encryption_keys),
    "AUDIT_SIGNING_KEY": ("audit_signing_key", environment.signing_key),
}


@dataclass(frozen=True)
class About:
    """What the keys’ file says of its backup."""

    form: str
    made: str
    release: str
    engine: str
    schema: list[list[str]]
    database: str
    audit: str
    keys: dict[str, str]


def restore(database: Path, its_keys: Path, *, by: Sequence[Path]) -> About:
    """Put back what these two files hold, read with the private keys in the files `by`. Raises Trouble, and has written nothing where they are not right.

    Nobody is signed in afterwards: sessions that had ended since would be open again.
    """
    if connection.introspection.table_names():
        raise Trouble(_("There are tables in this database. A backup is restored into an empty one only."))
    identities = [identity for path in by for identity in identities_in(path)]
    about = _about(its_keys, identities)
    _see_it_fits(about)
    to_write = _keys_to_write(about)
    if opened(database, Nowhere(), identities) != about.database:
        text = _("{database} and {keys} are not of one backup.")
        raise Trouble(text.format(database=database, keys=its_keys))
    for name, text in to_write.items():
        _keep(settings.DATA_DIR / name, text)
    with FILLERS[connection.vendor]() as target:
        opened(database, target, identities)
    Session.objects.all().delete()
    return about


def _about(path: Path, identities: list[Identity]) -> About:
    text = BytesIO()
    opened(path, text, identities)
    wrong = Trouble(_("{path} is not the keys’ file of a backup.").format(path=path))
    try:
        about = About(**json.loads(text.getvalue()))
    except (ValueError, TypeError) as trouble:
        raise wrong from trouble
    if about.form != FORM:
        raise wrong
    return about


def _see_it_fits(about: About) -> None:
    """Raises Trouble unless this database and this release are those of the backup."""
    if about.engine != connection.vendor:
        text = _("The backup is of {engine}, and DATABASE_URL is of {other}.")
        raise Trouble(text.format(engine=about.engine, other=connection.vendor))
    if about.schema != schema():
        text = _("The backup was made by another version ({version}). Restore it with that one, then update.")
        raise Trouble(text.format(version=about.release))


def _keys_to_write(about: About) -> dict[str, str]:
    """The files of DATA_DIR that are to hold keys of the backup. Raises Trouble where a setting says another key."""
    present, to_write = keys_in_use(), {}
    for name, text in about.keys.items():
        if text == present.get(name):
            continue
        file, parse = KEY_FILES.get(name, ("", None))
        if parse is None or not _is_from_file(name, file):
            wrong = _(
                "{name} is another key than the backup’s. Set it as the keys’ file has it (`age --decrypt`), and try again."
            )
            raise Trouble(wrong.format(name=name))
        try:
            parse(text)
        except ImproperlyConfigured as trouble:
            raise Trouble(_("The backup’s keys are not valid: {why}").format(why=trouble)) from trouble
        to_write[file] = text
    return to_write


def _is_from_file(name: str, file: str) -> bool:
    """Is the key in use the one that DATA_DIR holds, and not a setting?"""
    path = settings.DATA_DIR / file
    return path.is_file() and path.read_text().strip() == keys_in_use()[name]


def _keep(path: Path, text: str) -> None:
    """Write `text` in the place of the key at `path`, which stays beside it: the start made it, or another site needs it."""
    with whole_or_none(path.with_name(f"{path.name}.before-restore")) as file:
        file.write(path.read_bytes())
    with whole_or_none(path) as file:
        file.write(text.encode())
