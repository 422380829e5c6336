"""Where what the product comes with lies, in a clone and where it is installed."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A clone has templates, languages and data beside the rooms. The installed package has the first two in this one
# (pyproject.toml), and keeps nothing between other packages.
INSTALLED = (ROOT / "m2v" / "templates").is_dir()
SHARED = ROOT / "m2v" if INSTALLED else ROOT
LOCALES = SHARED / "locale"
