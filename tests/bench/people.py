"""Fill a benchmark's database with people, each with what one login needs. Run with the project's own settings."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from importlib import import_module
from typing import TYPE_CHECKING

import django
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.bench.visit import PASSWORD

if TYPE_CHECKING:
    from tests.authenticator import Credential


def secrets_of(username: str, key: bytes, credential: Credential | None = None) -> dict[str, str]:
    """What somebody needs to sign in, as JSON can say it."""
    secrets = {"username": username, "key": key.hex()}
    if credential:
        private = credential.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        secrets |= {
            "handle": credential.user_handle.hex(),
            "credential": credential.id.hex(),
            "private": b64encode(private).decode(),
        }
    return secrets


def main(project: str, number: int) -> None:
    """Make them, and print their secrets."""
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    hashed = make_password(PASSWORD)  # one for all: making it is not what is measured
    json.dump(import_module(f"tests.bench.projects.{project}.people").make(number, hashed), sys.stdout)


if __name__ == "__main__":
    django.setup()
    main(sys.argv[1], int(sys.argv[2]))
