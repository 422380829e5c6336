"""People with an authenticator app and a passkey."""

from __future__ import annotations

from django.core.management import call_command

from accounts.models import User
from mfa import services
from mfa.methods import totp
from mfa.methods.passkeys.ceremonies import NewPasskey
from tests.authenticator import Credential
from tests.bench.people import secrets_of


def make(number: int, password: str) -> list[dict[str, str]]:
    """`number` people with this password, already hashed, and what one needs to sign in as each."""
    call_command("collectstatic", verbosity=0, interactive=False)  # else the server does not start
    made = []
    for index in range(number):
        person = User.objects.create_user(f"person{index}", two_factor_enabled=True)
        User.objects.filter(pk=person.pk).update(password=password)
        key = totp.new_key()
        services.set_up_app(person, key, last_used_step=-1, actor=person)
        credential = Credential("localhost", person.pk.bytes)
        aaguid = type(person)._meta.pk.to_python("0" * 32)
        new = NewPasskey(credential.id, credential.cose(), 0, aaguid, [], True, True)
        services.create_passkey(person, new, actor=person)
        made.append(secrets_of(person.username, key, credential))
    return made
