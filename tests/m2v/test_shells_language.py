"""Commands speak the language of the shell that they are called in; what is for the log stays as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import translation
from django.utils.translation import gettext

from m2v.program import language_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de"}, "de"),
        ({"LANG": "de_AT@euro"}, "de"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "../../etc"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "de_CH.UTF-8"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "", "LC_ALL": ""}, "de"),
    ],
)
def test_the_first_variable_that_says_something_counts(variables, language):
    assert language_of(variables) == language


SAID = "The database is not of this version. Run `m2v upgrade`."


@pytest.mark.parametrize(
    ("command", "variables", "language"),
    [
        ("doctor", {"LANG": "de_DE.UTF-8"}, "de"),
        ("doctor", {"LANG": "de_DE.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ("work", {"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_a_command_speaks_it_and_what_serves_does_not(command, variables, language, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", command], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=120, env={"PATH": os.defpath, "DATA_DIR": str(tmp_path), "PYTHONUTF8": "1", **variables},
    )  # fmt: skip

    assert done.returncode == 1
    with translation.override(language):
        assert gettext(SAID) in done.stdout + done.stderr
    with translation.override("de"):
        assert gettext(SAID) != SAID


def test_the_doctor_is_german_to_whom_the_shell_is(admin):
    said = StringIO()
    with translation.override("de"):
        call_command("doctor", stdout=said)

        assert gettext("Keys and tables fit.") in said.getvalue()
    assert "Keys and tables fit." not in said.getvalue()
    assert "Mail: " not in said.getvalue()
