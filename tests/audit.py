"""What tests do to the audit that nothing else may."""

from django.db import connection


def forget() -> None:
    """Empty the audit, so that the lines of what comes next stand alone."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_auditevent")
