"""The program: Django's command line under the site's settings. `m2v` where the package is installed, `manage.py` in a clone."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from m2v.logs import take_over


def main() -> None:
    """Do what the arguments say. Settings that are wrong are one sentence, or a line of the server's log."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2v.settings")
    sys.argv[1:2] = [word.replace("-", "_") if word[:1] != "-" else word for word in sys.argv[1:2]]  # init-admin
    serves = "serve" in sys.argv[1:2]
    if serves:
        take_over()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as trouble:
        if serves:  # whose log it belongs into
            raise
        sys.exit(f"m2v MFA is not set up right. {trouble}")
