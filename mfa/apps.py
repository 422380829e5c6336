"""Django's view of this package."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class MfaConfig(AppConfig):
    name = "mfa"

    def ready(self) -> None:
        """Hand the table of methods down; refuse to start with encryption keys that cannot be read."""
        from accounts.authorization import WAYS_IN  # noqa: PLC0415  # models are there now
        from accounts.sealing import ciphers  # noqa: PLC0415  # settings are read here, when apps are ready
        from audit.methods import METHODS  # noqa: PLC0415  # the same
        from mfa.checks import encryption_keys  # noqa: PLC0415  # the same
        from mfa.methods import TABLE  # noqa: PLC0415  # the same
        from mfa.queries import PASSKEY_IN_USE  # noqa: PLC0415  # the same

        METHODS.update(TABLE)
        WAYS_IN.append(PASSKEY_IN_USE)
        ciphers()
        register(encryption_keys, Tags.database)
