"""The folder that DATA_DIR names: read, and made where there is none."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from m2v.shell import in_the_shells_words as _


def folder(text: str) -> Path:
    """Where a folder is, `~` being the home of who runs this. Raises ImproperlyConfigured where they have none."""
    try:
        return Path(text).expanduser().resolve()
    except RuntimeError as trouble:
        wrong = _("DATA_DIR must be the path of a folder. Nobody’s home is at {text!r}.")
        raise ImproperlyConfigured(wrong.format(text=text)) from trouble


def make_folder(name: str, path: Path) -> None:
    """Make a folder that is its owner's alone, if there is none. Raises ImproperlyConfigured where that cannot be."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as trouble:
        wrong = _("{name} must be a folder, or one that can be made. {path}: {why}.")
        raise ImproperlyConfigured(wrong.format(name=name, path=path, why=trouble.strerror)) from trouble
