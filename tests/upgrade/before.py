"""An earlier version of the product, out of the history of a clone."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def git(*arguments: str) -> bytes:
    """What it says; nothing where it cannot: there is no program, no history, or not that much of it."""
    program = shutil.which("git")
    done = program and subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, check=False)
    return done.stdout if done and done.returncode == 0 else b""


def last_release() -> str:
    """The tag of the release before this commit; empty where nothing was released."""
    return git("describe", "--tags", "--abbrev=0", "HEAD^").decode().strip()


def put_down(commit: str, folder: Path) -> Path:
    """The product at `commit`, below `folder`. Skips the test where it is not in the history, as in a shallow clone."""
    packed = git("archive", commit)
    if not packed:
        pytest.skip(f"The version before, {commit}, is not in the history here: a whole clone has it.")
    with tarfile.open(fileobj=BytesIO(packed)) as files:
        files.extractall(folder, filter="data")
    return folder
