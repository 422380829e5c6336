"""People with a verified address, an authenticator app and a passkey."""

from __future__ import annotations

import os
from base64 import b32encode
from secrets import token_bytes
from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import encrypt
from django.contrib.auth.models import User

from tests import authenticator
from tests.authenticator import b64
from tests.bench.people import secrets_of

if TYPE_CHECKING:
    from tests.authenticator import Json


def make(number: int, password: str) -> list[dict[str, str]]:
    """`number` people with this password, already hashed, and what one needs to sign in as each."""
    made = []
    for index in range(number):
        person = User.objects.create(username=f"person{index}", email=f"person{index}@acme.example", password=password)
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
        key = token_bytes(20)
        secret = encrypt(b32encode(key).decode())
        Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={"secret": secret})
        phone = authenticator.Authenticator(os.environ["BASE_URL"])
        passkey = {"name": "Phone", "credential": registered(phone, person)}
        Authenticator.objects.create(user=person, type=Authenticator.Type.WEBAUTHN, data=passkey)
        made.append(secrets_of(person.username, key, phone.credentials[0]))
    return made


def registered(phone: authenticator.Authenticator, person: User) -> Json:
    """What a browser answers when a passkey is created: it keeps that answer as it is."""
    handle = get_adapter().get_public_key_credential_user_entity(person)["id"]
    options = {"rp": {"id": "localhost"}, "user": {"id": b64(handle)}, "challenge": b64(token_bytes(32))}
    return phone.create(options) | {"clientExtensionResults": {"credProps": {"rk": True}}}
