"""Keys that the embedded default makes for itself at the first start.

A deployment that sets SECRET_KEY and MFA_ENCRYPTION_KEYS never comes here.
"""

import os
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE
from tempfile import NamedTemporaryFile

from django.core.exceptions import ImproperlyConfigured

from m2v.shell import in_the_shells_words as _


def kept(path: Path, fresh: str) -> str:
    """The text kept at `path` (mode 600); `fresh` is kept there if there is none yet.

    Two processes that start at once agree: the file is linked into place
    whole, and only one of the links succeeds. Raises ImproperlyConfigured
    where it can be neither read nor made.
    """
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with NamedTemporaryFile("w", dir=path.parent) as file:
                file.write(fresh)
                file.flush()
                with suppress(FileExistsError):
                    os.link(file.name, path)
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as trouble:
        wrong = _(
            "{path} cannot be used: {why}. Is DATA_DIR right, and do you run this as the user whose folder it is?"
        )
        why = getattr(trouble, "strerror", None) or trouble
        raise ImproperlyConfigured(wrong.format(path=path, why=why)) from trouble


def for_its_owner_alone(*paths: Path) -> None:
    """Make the files at `paths` readable by their owner alone, if they exist and are ours to change.

    Made before this version, or before the first start, they may be as readable as the rest of their folder.
    """
    for path in paths:
        with suppress(OSError):
            mode = S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                path.chmod(mode & 0o700)
