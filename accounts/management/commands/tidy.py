"""Delete what has run out, and seal the audit: to be run once a day (ASVS 14.2.7)."""

from __future__ import annotations

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.models import Session
from accounts.owed import forget_old_mail
from accounts.throttle import budgets
from accounts.tidying import TIDIERS
from audit.sealing.checkpoints import seal_lines

DAYS = 30


class Command(BaseCommand):
    help = (
        "Delete sessions that have run out, and counts of guesses thirty days after the last guess. Failures at somebody's "
        "own password and codes stay until a success, an unlock or a reset; those at names that nobody has are kept alike."
    )

    def handle(self, *args: object, **options: object) -> None:
        sessions, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
        guesses = budgets.forget_old(DAYS * 24 * 3600)
        mails = forget_old_mail()
        others = [f", {tidier()} {what}" for what, tidier in TIDIERS]
        sealed = seal_lines() or 0
        self.stdout.write(
            f"{sessions} sessions, {guesses} counts of guesses, {mails} records of mail{''.join(others)} are deleted, {sealed} lines of the audit sealed."
        )
