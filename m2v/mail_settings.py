"""Readers for what the environment says of mail (m2v.environment)."""

from __future__ import annotations

import re
from email.errors import ObsoleteHeaderDefect
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import environ
from django.core.exceptions import ImproperlyConfigured

from m2v.shell import in_the_shells_words as _

if TYPE_CHECKING:
    from pathlib import Path

SENDER = re.compile(
    r"[!#-'*+./0-9=?A-Z^-~-]+@(?:[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-z:.]+\])", re.IGNORECASE | re.ASCII
)
WITH_A_COMMA = '"Acme, Inc." <no-reply@example.com>'
DJANGOS_SMTP, SMTP = "django.core.mail.backends.smtp.EmailBackend", "accounts.smtp.EmailBackend"
FILES = "django.core.mail.backends.filebased.EmailBackend"


def sender(text: str) -> str:
    """An address that mail can come from, with or without a name. Raises ImproperlyConfigured."""
    message = EmailMessage()
    said = _(
        "EMAIL_FROM must look like m2v <no-reply@example.com>, a name with a comma in it like {example}. It is {text!r}."
    )
    wrong = ImproperlyConfigured(said.format(example=WITH_A_COMMA, text=text))
    try:
        message["From"] = text
        header: Any = message["From"]
        (address,) = header.addresses
    except (ValueError, IndexError) as trouble:
        raise wrong from trouble
    # A name with a dot in it is written without quotes since before there was a rule against it.
    defects = [defect for defect in header.defects if not isinstance(defect, ObsoleteHeaderDefect)]
    if defects or header.groups[0].display_name is not None or not SENDER.fullmatch(address.addr_spec):
        raise wrong
    return text


def mail_domain(host: str) -> str:
    """`host` as it stands behind the @ (RFC 5321, section 4.1.3)."""
    if ":" in host:
        return f"[IPv6:{host}]"
    return f"[{host}]" if host.replace(".", "").isdigit() else host


def mailers(outbox: Path, url: str) -> dict[str, dict[str, Any]]:
    """Django's MAILERS for `url`; without one, mail is written to files in `outbox`. Raises ImproperlyConfigured."""
    if not url:
        return {"default": {"BACKEND": FILES, "OPTIONS": {"file_path": str(outbox)}}}
    try:
        found: dict[str, Any] = environ.Env.email_url_config(url)  # type: ignore[no-untyped-call]  # environ has no types
    except (ImproperlyConfigured, ValueError, KeyError):  # which quote what they cannot read, a part of a password too
        text = _(
            "EMAIL_URL must look like smtp+tls://user:password@host:587. In a password, write / as %2F, ? as %3F, # as %23, "
            "@ as %40 and % as %25."
        )
        raise ImproperlyConfigured(text) from None
    backend, options = found["EMAIL_BACKEND"], {}
    if backend == DJANGOS_SMTP:
        backend = SMTP
        options = {
            "host": found["EMAIL_HOST"],
            "port": found["EMAIL_PORT"],
            "username": found["EMAIL_HOST_USER"],
            "password": found["EMAIL_HOST_PASSWORD"],
            "use_tls": found.get("EMAIL_USE_TLS", False),
            "use_ssl": found.get("EMAIL_USE_SSL", False),
            "timeout": 10,
        }
    elif backend == FILES:
        path = str(found.get("EMAIL_FILE_PATH") or "")
        options = {"file_path": f"/{path.lstrip('/')}" if path else str(outbox)}
    return {"default": {"BACKEND": backend, "OPTIONS": options}}
