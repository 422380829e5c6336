"""What tests do to the audit that nothing else may, and the checker that others run on an export."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from django.db import connection

LINES, SEALS = "audit_auditevent", "audit_checkpoint"

CHECKER = Path(__file__).resolve().parent.parent.parent / "docs" / "check_audit.py"
_spec = spec_from_file_location("check_audit", CHECKER)
checker = module_from_spec(_spec)
_spec.loader.exec_module(checker)


def forget() -> None:
    """Empty the audit, so that the lines of what comes next stand alone."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {LINES}")
        cursor.execute(f"DELETE FROM {SEALS}")
