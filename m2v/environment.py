"""Readers for the environment's values: a wrong one stops the start with its name and what is wrong with it."""

from __future__ import annotations

import re
from email.errors import ObsoleteHeaderDefect
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_PORTS = {"http": 80, "https": 443}
HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]+")
LONGEST_ISSUER = 60  # it is in every QR code
SENDER = re.compile(
    r"[!#-'*+./0-9=?A-Z^-~-]+@(?:[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-z:.]+\])", re.IGNORECASE | re.ASCII
)
SMTP = "django.core.mail.backends.smtp.EmailBackend"
FILES = "django.core.mail.backends.filebased.EmailBackend"


def port(text: str) -> int:
    """A port's number. Raises ImproperlyConfigured."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ImproperlyConfigured(f"PORT must be a number between 1 and 65535. It is {text!r}.")
    return int(text)


def seconds(name: str, text: str) -> int:
    """A time from a minute to a year. Raises ImproperlyConfigured."""
    if not text.isascii() or not text.isdigit() or not 60 <= int(text) <= 366 * 86400:
        raise ImproperlyConfigured(
            f"{name} must be a number of seconds, from 60 to 31622400 (366 days). It is {text!r}."
        )
    return int(text)


def workers(text: str) -> int:
    """How many processes serve. Raises ImproperlyConfigured."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 64:
        raise ImproperlyConfigured(f"WORKERS must be a number between 1 and 64. It is {text!r}.")
    return int(text)


def proxies(text: str) -> int:
    """How many proxies stand before the site: a number, or "true" for one. Raises ImproperlyConfigured."""
    said = text.strip().lower()
    number = {"": 0, "false": 0, "no": 0, "off": 0, "true": 1, "yes": 1, "on": 1}.get(said)
    if number is None:
        if not said.isascii() or not said.isdigit() or len(said) > 1:
            raise ImproperlyConfigured(
                f"BEHIND_PROXY must be the number of proxies before the site, from 0 to 9, or true for one. It is {text!r}."
            )
        number = int(said)
    return number


def base_url(text: str) -> tuple[str, str, str]:
    """The address as browsers write an origin, its scheme, and its host. Raises ImproperlyConfigured."""
    wrong = ImproperlyConfigured(f"BASE_URL must look like https://m2v.example.com, without a path. It is {text!r}.")
    try:
        parts = urlsplit(text.strip().rstrip("/"))
        scheme, host, number = parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
    except ValueError as trouble:
        raise wrong from trouble
    more = parts.path or parts.query or parts.fragment or "@" in parts.netloc or parts.netloc.endswith(":")
    if scheme not in DEFAULT_PORTS or more or not HOST_NAME.fullmatch(host) or number == 0:
        raise wrong
    shown = f"[{host}]" if ":" in host else host
    if number and number != DEFAULT_PORTS[scheme]:
        shown += f":{number}"
    return f"{scheme}://{shown}", scheme, host


def issuer(text: str, host: str) -> str:
    """What authenticator apps call this installation: `text`, or m2v and its host. Raises ImproperlyConfigured."""
    name = text.strip()
    if len(name) > LONGEST_ISSUER or ":" in name or not name.isprintable():
        raise ImproperlyConfigured(
            f"ISSUER must be a name of at most {LONGEST_ISSUER} characters, without a colon. It is {text!r}."
        )
    return name or f"m2v {host.replace(':', '.')}"


def passkeys_refused(scheme: str, host: str) -> str:
    """Why browsers allow no passkeys at this address, or nothing (Web Authentication Level 3, sections 5.1.2 and 5.1.3)."""
    if ":" in host or host.replace(".", "").isdigit():
        return "BASE_URL names a network address, for which browsers allow no passkeys. Give the site a name."
    if scheme == "http" and host != "localhost" and not host.endswith(".localhost"):
        return "BASE_URL is not https, and elsewhere than at localhost browsers allow passkeys over https only."
    return ""


def secret_key(name: str, text: str) -> str:
    """A signing key that is hard enough to guess. Raises ImproperlyConfigured."""
    if len(text) < 50 or len(set(text)) < 10:
        raise ImproperlyConfigured(
            f"{name} must be at least 50 characters, at random. It has {len(text)}. "
            "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(64))'"
        )
    return text


def sender(text: str) -> str:
    """An address that mail can come from, with or without a name. Raises ImproperlyConfigured."""
    message = EmailMessage()
    wrong = ImproperlyConfigured(
        'EMAIL_FROM must look like m2v <no-reply@example.com>, a name with a comma in it like "Acme, Inc." '
        f"<no-reply@example.com>. It is {text!r}."
    )
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


def database(url: str) -> dict[str, Any]:
    """Django's settings for the database at `url`. Raises ImproperlyConfigured."""
    wrong = ImproperlyConfigured("DATABASE_URL must look like postgres://user:password@host/name or sqlite:////path.")
    if "://" not in url:
        raise wrong
    try:
        found: dict[str, Any] = environ.Env.db_url_config(url)  # type: ignore[no-untyped-call]  # environ has no types
    except ValueError as trouble:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {trouble}") from trouble
    if not found.get("ENGINE"):
        raise wrong
    return found


def mailers(url: str, outbox: Path) -> dict[str, dict[str, Any]]:
    """Django's MAILERS for `url`; without one, mail is written to files in `outbox`. Raises ImproperlyConfigured."""
    if not url:
        return {"default": {"BACKEND": FILES, "OPTIONS": {"file_path": str(outbox)}}}
    try:
        found: dict[str, Any] = environ.Env.email_url_config(url)  # type: ignore[no-untyped-call]  # environ has no types
    except (ValueError, KeyError) as trouble:
        raise ImproperlyConfigured(f"EMAIL_URL cannot be read: {trouble}") from trouble
    backend, options = found["EMAIL_BACKEND"], {}
    if backend == SMTP:
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
