#!/usr/bin/env python
"""Django's command line for m2v MFA."""

import os
import sys

from django.core.management import execute_from_command_line

from m2v.logs import take_over

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2v.settings")
    if "serve" in sys.argv[1:2]:
        take_over()
    execute_from_command_line(sys.argv)
