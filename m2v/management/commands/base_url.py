"""Print BASE_URL: where people open the site."""

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Print where people open the site (BASE_URL)."

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(settings.BASE_URL)
