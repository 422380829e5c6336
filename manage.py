#!/usr/bin/env python
"""Django's command line for m2v MFA."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from m2v.logs import take_over

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2v.settings")
    if "serve" in sys.argv[1:2]:
        take_over()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as trouble:
        if "serve" in sys.argv[1:2]:  # whose log it belongs into
            raise
        sys.exit(f"m2v MFA is not set up right. {trouble}")
