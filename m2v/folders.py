"""The folder that DATA_DIR names: read, and made where there is none."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def folder(text: str) -> Path:
    """Where a folder is, `~` being the home of who runs this. Raises ImproperlyConfigured where they have none."""
    try:
        return Path(text).expanduser().resolve()
    except RuntimeError as trouble:
        raise ImproperlyConfigured(f"DATA_DIR must be the path of a folder. Nobody's home is at {text!r}.") from trouble


def make_folder(name: str, path: Path) -> None:
    """Make a folder that is its owner's alone, if there is none. Raises ImproperlyConfigured where that cannot be."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as trouble:
        raise ImproperlyConfigured(
            f"{name} must be a folder, or one that can be made. {path}: {trouble.strerror}."
        ) from trouble
