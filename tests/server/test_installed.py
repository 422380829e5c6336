"""The package, built and installed where there is no clone: the program `m2v` brings all that it needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from m2v import __version__
from tests.rooms import ROOMS
from tests.server.site import ROOT, Site

WHEEL = f"m2v_mfa-{__version__}-py3-none-any.whl"


def build(kind, folder, source=ROOT, umask=-1):
    """Build the package from its source, with the locked builder and nothing from elsewhere; the file."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)]
    done = subprocess.run(
        command, cwd=source, env=os.environ | {"SOURCE_DATE_EPOCH": "1795000000"}, umask=umask,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [built] = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The package as pip installs it, beside the packages that the tests run with; nothing is fetched.

    It is called as docs/operations.md has it: by a link that leads to its version.
    """
    folder = tmp_path_factory.mktemp("installed")
    there = folder / f"m2v-{__version__}"
    venv.create(there, symlinks=True)
    (folder / "m2v").symlink_to(there.name)
    python = there / "bin" / "python"
    [packages] = (there / "lib").glob("python*/site-packages")
    (packages / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, str(wheel)], cwd=folder, check=True, timeout=60)
    return Site(folder, program=[str(folder / "m2v" / "bin" / "m2v")], stands=folder)


def files_below(folder):
    """The files of a folder of the clone, but for what Python keeps there."""
    found = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


def packaged(wheel):
    """What is in the wheel, by its name there."""
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_the_rooms_whole_and_nothing_else(wheel):
    rooms = {path for room in ROOMS for path in files_below(room)}
    shared = {f"m2v/{path}" for folder in ("templates", "locale") for path in files_below(folder)}

    assert wheel.name == WHEEL
    assert len(shared) > 50
    assert packaged(wheel) == rooms | shared


def test_whoever_builds_gets_the_same_bytes_from_a_clone_and_from_the_sdist(wheel, tmp_path):
    first, second = (build("sdist", tmp_path / name, umask=mask) for name, mask in (("one", 0o022), ("two", 0o077)))
    with tarfile.open(first) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    [source] = (tmp_path / "source").iterdir()
    for path in source.rglob("*"):
        os.utime(path, (1700000000, 1700000000))
    again = build("wheel", tmp_path / "wheel", source, umask=0o077)
    (source / "PKG-INFO").unlink()  # an sdist's own, which is made
    elsewhere = build("sdist", tmp_path / "three", source)

    assert first.read_bytes() == second.read_bytes()
    assert elsewhere.read_bytes() == first.read_bytes(), "in another folder, of files of another time"
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def test_the_installed_program_is_checked_prepared_and_served(installed):
    assert "no issues" in installed.manage("check")
    assert "in place" in installed.manage("upgrade")
    assert "Keys and tables fit" in installed.manage("doctor")
    where = installed.manage("shell", "--no-imports", "-c", "import m2v; print(m2v.__file__)")

    assert Path(where.strip()).is_relative_to(installed.folder)
    with installed.served():
        status, _headers, page = installed.get("/login/")
        files = re.findall(rb'"(/static/[^"]+)"', page)
        assert status == 200
        assert b"Sign in with a passkey" in page
        assert len(files) > 2
        assert [file for file in files if installed.get(file.decode())[0] != 200] == []


def test_the_program_says_its_own_version_whatever_the_settings(installed):
    done = subprocess.run(
        [*installed.program, "--version"], cwd=installed.folder, env=installed.environment | {"PORT": "none"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")


def test_the_page_installs_this_version():
    """Into a folder of its own, to which a link leads."""
    page = (ROOT / "docs" / "operations.md").read_text() + (ROOT / "docs" / "releasing.md").read_text()

    assert "ln -sfn m2v-" in page
    assert set(re.findall(r"m2v(?:_mfa)?-(\d[\d.]*\d)", page)) == {__version__}


def test_settings_that_are_wrong_are_said_by_the_program_too(installed):
    done = subprocess.run(
        [*installed.program, "check"], cwd=installed.folder, env=installed.environment | {"PORT": "none"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr == ("m2v MFA is not set up right. PORT must be a number between 1 and 65535. It is 'none'.\n")


def test_what_is_installed_keeps_its_data_at_home_unless_it_is_told_where(installed, tmp_path):
    environment = {"PATH": installed.environment["PATH"], "HOME": str(tmp_path)}
    look = "from django.conf import settings; print(settings.DATA_DIR)"
    done = subprocess.run(
        [*installed.program, "shell", "--no-imports", "-c", look], cwd=installed.folder, env=environment,
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip

    assert done.stdout.strip() == str(tmp_path / ".local" / "share" / "m2v")
    assert (tmp_path / ".local" / "share" / "m2v" / "secret_key").is_file()
