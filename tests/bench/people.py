"""Fill a benchmark's database with people, each with what one login needs. Run with the project's own settings."""

from __future__ import annotations

import json
import os
import sys
from base64 import b64encode

import django

PASSWORD = "correct horse battery staple"


def ours(number: int) -> list[dict[str, str]]:
    """People with an authenticator app and a passkey, whose secrets are answered."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from accounts.models import User
    from mfa import services
    from mfa.methods import totp
    from mfa.methods.passkeys.ceremonies import NewPasskey
    from tests.authenticator import Credential

    encoded = hashed()
    made = []
    for index in range(number):
        person = User.objects.create_user(f"person{index}", two_factor_enabled=True)
        User.objects.filter(pk=person.pk).update(password=encoded)
        key = totp.new_key()
        services.set_up_app(person, key, last_used_step=-1, actor=person)
        credential = Credential("localhost", person.pk.bytes)
        aaguid = type(person)._meta.pk.to_python("0" * 32)
        new = NewPasskey(credential.id, credential.cose(), 0, aaguid, [], True, True)
        services.create_passkey(person, new, actor=person)
        private = credential.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        made.append(
            {
                "username": person.username,
                "key": key.hex(),
                "handle": person.pk.hex,
                "credential": credential.id.hex(),
                "private": b64encode(private).decode(),
            }
        )
    return made


def bare(number: int) -> list[dict[str, str]]:
    """People with a password."""
    from django.contrib.auth.models import User

    encoded = hashed()
    User.objects.bulk_create(User(username=f"person{index}", password=encoded) for index in range(number))
    return [{"username": f"person{index}"} for index in range(number)]


def hashed() -> str:
    """One hash for all: making it is not what is measured."""
    from django.contrib.auth.hashers import make_password

    return make_password(PASSWORD)


if __name__ == "__main__":
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    fill = bare if os.environ["DJANGO_SETTINGS_MODULE"].startswith("bare") else ours
    json.dump(fill(int(sys.argv[1])), sys.stdout)
