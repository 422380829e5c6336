"""People with an authenticator app."""

from __future__ import annotations

from django.contrib.auth.models import User
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.bench.people import secrets_of


def make(number: int, password: str) -> list[dict[str, str]]:
    """`number` people with this password, already hashed, and what one needs to sign in as each."""
    made = []
    for index in range(number):
        person = User.objects.create(username=f"person{index}", password=password)
        device = TOTPDevice.objects.create(user=person, name="default")  # its wizard looks for this name
        made.append(secrets_of(person.username, device.bin_key))
    return made
