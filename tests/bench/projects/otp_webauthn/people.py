"""People with an authenticator app and a passkey."""

from __future__ import annotations

from django.contrib.auth.models import User
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp_webauthn.models import WebAuthnCredential, WebAuthnUserHandle

from tests.authenticator import Credential
from tests.bench.people import secrets_of


def make(number: int, password: str) -> list[dict[str, str]]:
    """`number` people with this password, already hashed, and what one needs to sign in as each."""
    made = []
    for index in range(number):
        person = User.objects.create(username=f"person{index}", password=password)
        device = TOTPDevice.objects.create(user=person, name="App")
        credential = Credential("localhost", WebAuthnUserHandle.get_handle_for_user(person))
        WebAuthnCredential.objects.create(
            user=person,
            name="Phone",
            confirmed=True,
            credential_id=credential.id,
            public_key=credential.cose(),
            aaguid="00000000-0000-0000-0000-000000000000",
            discoverable=True,
            backup_eligible=True,
            backup_state=True,
        )
        made.append(secrets_of(person.username, device.bin_key, credential) | {"device": device.persistent_id})
    return made
