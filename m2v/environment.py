"""Readers for the environment's values. A wrong one stops the start with its name and what is wrong with it; where several
are wrong, all are named at once, so that nobody mends one after the other.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

from accounts.keys import as_keys
from audit.sealing.keys import as_private, as_public
from m2v.listening import no_pair
from m2v.shell import in_the_shells_words as _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DEFAULT_PORTS = {"http": 80, "https": 443}
HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]+")
LONGEST_ISSUER = 60  # it is in every QR code
MAKE_A_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(64))'"
SWITCHES = (
    {"": False} | dict.fromkeys(("false", "no", "off", "0"), False) | dict.fromkeys(("true", "yes", "on", "1"), True)
)
ENGINES = {"django.db.backends.postgresql", "django.db.backends.sqlite3"}
HSTS_REACHES = ("host", "subdomains", "preload")
ALMOST = 0.85  # as alike (of 1) are a name and its misspelling: BASEURL, EMAIL_ULR, BEHIND_A_PROXY


class Environment:
    """The variables of the environment, and what is wrong with those that were read."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._read: set[str] = set()
        self._wrong: list[str] = []

    def read[T](self, name: str, parse: Callable[[str], T], default: str = "") -> T:
        """What `parse` makes of the variable `name`, or of `default` where it is not set.

        Where it is wrong, that of `default` too, so that the others can be read; `end` tells then.
        Raises ImproperlyConfigured where not even `default` is right: there is nothing to go on with.
        """
        self._read.add(name)
        try:
            return parse(self._variables.get(name, default))
        except ImproperlyConfigured as trouble:
            self.refuse(str(trouble))
        try:
            return parse(default)
        except ImproperlyConfigured as trouble:
            raise self._all_that_is_wrong() from trouble

    def unset(self, *names: str) -> list[str]:
        """Those of `names` that say nothing."""
        return [name for name in names if not self._variables.get(name)]

    def refuse(self, why: str) -> None:
        """Something is wrong, in a sentence with the name of a variable in it."""
        self._wrong.append(why)

    def end(self) -> None:
        """All is read. Raises ImproperlyConfigured with everything that is wrong, names that are almost ours included."""
        unset = {name for name in self._read - self._variables.keys() if "_" in name}  # PORTS may be anybody's
        for name in sorted(self._variables.keys() - self._read):
            if meant := get_close_matches(name, unset, n=1, cutoff=ALMOST):
                why = _("{name} is not a setting. Did you mean {meant}? Rename it, or remove it.")
                self.refuse(why.format(name=name, meant=meant[0]))
        if self._wrong:
            raise self._all_that_is_wrong()

    def _all_that_is_wrong(self) -> ImproperlyConfigured:
        if len(self._wrong) == 1:
            return ImproperlyConfigured(self._wrong[0])
        return ImproperlyConfigured("\n- ".join([_("Several settings are wrong:"), *self._wrong]))


def listed(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def switch(name: str, text: str) -> bool:
    """Whether something is on. Raises ImproperlyConfigured for what is neither yes nor no."""
    if (said := SWITCHES.get(text.strip().lower())) is None:
        raise ImproperlyConfigured(_("{name} must be true or false. It is {text!r}.").format(name=name, text=text))
    return said


def port(text: str) -> int:
    """A port's number. Raises ImproperlyConfigured."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ImproperlyConfigured(_("PORT must be a number between 1 and 65535. It is {text!r}.").format(text=text))
    return int(text)


def seconds(name: str, text: str) -> int:
    """A time from a minute to a year. Raises ImproperlyConfigured."""
    if not text.isascii() or not text.isdigit() or not 60 <= int(text) <= 366 * 86400:
        wrong = _("{name} must be a number of seconds, from 60 to 31622400 (366 days). It is {text!r}.")
        raise ImproperlyConfigured(wrong.format(name=name, text=text))
    return int(text)


def months(name: str, text: str) -> int:
    """A number of months, or 0 where nothing is said. Raises ImproperlyConfigured."""
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or not 2 <= int(text) <= 120:
        wrong = _("{name} must be a number of months, from 2 to 120. It is {text!r}.")
        raise ImproperlyConfigured(wrong.format(name=name, text=text))
    return int(text)


def days(name: str, least: int, most: int, text: str) -> int:
    """A number of days. Raises ImproperlyConfigured."""
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        wrong = _("{name} must be a number of days, from {least} to {most}. It is {text!r}.")
        raise ImproperlyConfigured(wrong.format(name=name, least=least, most=most, text=text))
    return int(text)


def time_zone(text: str) -> str:
    """The name of a time zone. Raises ImproperlyConfigured."""
    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError) as trouble:  # KeyError: there is none; OSError: it is a folder of them
        wrong = _("TIME_ZONE must be a name like UTC or Europe/Berlin. It is {text!r}.")
        raise ImproperlyConfigured(wrong.format(text=text)) from trouble


def workers(text: str) -> int:
    """How many processes serve. Raises ImproperlyConfigured."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 64:
        raise ImproperlyConfigured(_("WORKERS must be a number between 1 and 64. It is {text!r}.").format(text=text))
    return int(text)


def proxies(text: str) -> int:
    """How many proxies stand before the site: a number, or "true" for one. Raises ImproperlyConfigured."""
    said = text.strip().lower()
    number = {"": 0, "false": 0, "no": 0, "off": 0, "true": 1, "yes": 1, "on": 1}.get(said)
    if number is None:
        if not said.isascii() or not said.isdigit() or len(said) > 1:
            wrong = _(
                "BEHIND_PROXY must be the number of proxies before the site, from 0 to 9, or true for one. It is {text!r}."
            )
            raise ImproperlyConfigured(wrong.format(text=text))
        number = int(said)
    return number


def base_url(text: str) -> tuple[str, str, str]:
    """The address as browsers write an origin, its scheme, and its host. Raises ImproperlyConfigured."""
    said = _("BASE_URL must look like https://m2v.example.com, without a path. It is {text!r}.")
    wrong = ImproperlyConfigured(said.format(text=text))
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


def issuer(host: str, text: str) -> str:
    """What authenticator apps call this installation: `text`, or m2v and its host. Raises ImproperlyConfigured."""
    name = text.strip()
    if len(name) > LONGEST_ISSUER or ":" in name or not name.isprintable():
        wrong = _("ISSUER must be a name of at most {number} characters, without a colon. It is {text!r}.")
        raise ImproperlyConfigured(wrong.format(number=LONGEST_ISSUER, text=text))
    return name or f"m2v {host.replace(':', '.')}"


def is_local(host: str) -> bool:
    """Does `host` lead nowhere but to the same machine?"""
    return host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")


def passkeys_refused(scheme: str, host: str) -> str:
    """Why browsers allow no passkeys at this address, or nothing (Web Authentication Level 3, sections 5.1.2 and 5.1.3)."""
    if ":" in host or host.replace(".", "").isdigit():
        return _("BASE_URL names a network address, for which browsers allow no passkeys. Give the site a name.")
    if scheme == "http" and host != "localhost" and not host.endswith(".localhost"):
        return _("BASE_URL is not https: except at localhost, browsers allow passkeys over https only.")
    return ""


def secret_key(name: str, text: str) -> str:
    """A signing key that is hard enough to guess. Raises ImproperlyConfigured."""
    if len(text) < 50 or len(set(text)) < 10:
        wrong = _("{name} must be at least 50 characters, at random. It has {number}. Make one: {command}")
        raise ImproperlyConfigured(wrong.format(name=name, number=len(text), command=MAKE_A_KEY))
    return text


def fallback_keys(text: str) -> list[str]:
    """Signing keys that are accepted still. Raises ImproperlyConfigured."""
    return [secret_key(_("Each of SECRET_KEY_FALLBACKS"), key) for key in listed(text)]


def encryption_keys(text: str) -> list[str]:
    """Keys with their ids, each `id:key`. Raises ImproperlyConfigured for what is no key."""
    entries = listed(text)
    try:
        as_keys(tuple(entries))
    except ImproperlyConfigured as trouble:
        wrong = _(
            "MFA_ENCRYPTION_KEYS must be a comma-separated list of id:key, each id once, "
            "each key 32 bytes in URL-safe base64."
        )
        raise ImproperlyConfigured(wrong) from trouble
    return entries


def signing_key(text: str) -> str:
    """The key that signs the audit's checkpoints. Raises ImproperlyConfigured for what is no key."""
    try:
        as_private(text)
    except ImproperlyConfigured as trouble:
        raise ImproperlyConfigured(_("AUDIT_SIGNING_KEY must be 32 bytes in base64.")) from trouble
    return text


def public_keys(text: str) -> list[str]:
    """Public halves of signing keys. Raises ImproperlyConfigured for what is none."""
    try:
        for key in listed(text):
            as_public(key)
    except ImproperlyConfigured as trouble:
        raise ImproperlyConfigured(_("Each of AUDIT_PUBLIC_KEYS must be 32 bytes in base64.")) from trouble
    return listed(text)


def hsts(text: str) -> str:
    """How far the browser is told to come over TLS alone. Raises ImproperlyConfigured."""
    if text not in HSTS_REACHES:
        raise ImproperlyConfigured(_("HSTS must be host, subdomains or preload. It is {text!r}.").format(text=text))
    return text


def database(url: str) -> dict[str, Any]:
    """Django's settings for the database at `url`. Raises ImproperlyConfigured."""
    wrong = ImproperlyConfigured(
        _(
            "DATABASE_URL must look like postgres://user:password@host/name or sqlite:////path. In a password, write / as "
            "%2F, ? as %3F, # as %23, @ as %40 and % as %25."
        )
    )
    if "://" not in url:
        raise wrong
    try:
        found: dict[str, Any] = environ.Env.db_url_config(url)  # type: ignore[no-untyped-call]  # environ has no types
    except ValueError:  # which quotes what it cannot read: where a password has a "/", a part of it
        raise wrong from None
    if found.get("ENGINE") not in ENGINES:
        raise wrong
    if "," in str(found["HOST"]) and found.get("OPTIONS", {}).get("target_session_attrs") != "read-write":
        raise ImproperlyConfigured(
            _(
                "DATABASE_URL names several hosts: end it with ?target_session_attrs=read-write, so that the one is used "
                "which can be written to."
            )
        )
    return found


def cache(url: str) -> dict[str, Any]:
    """Django's settings for the cache at `url`. Raises ImproperlyConfigured."""
    try:
        found: dict[str, Any] = environ.Env.cache_url_config(url)  # type: ignore[no-untyped-call]  # environ has no types
    except (ImproperlyConfigured, ValueError, KeyError) as trouble:
        raise ImproperlyConfigured(_("CACHE_URL must look like redis://host:6379/0.")) from trouble
    if "redis" in found["BACKEND"].lower() and find_spec("redis") is None:
        raise ImproperlyConfigured(_("CACHE_URL names a Redis server. Install the package that speaks to it: redis."))
    return found


def contradictions(
    *, origin: str, over_tls: bool, is_local: bool, behind_proxy: int, tls_certificate: str, tls_key: str, half: bool,
    debug: bool,
) -> Iterator[str]:  # fmt: skip
    """What cannot be meant together, though each for itself is right. `half` of TLS: certificate or key is not said."""
    if behind_proxy and not over_tls:
        yield _(
            "BEHIND_PROXY says that a proxy ends TLS, but BASE_URL is {url}. Write it with https, or leave BEHIND_PROXY out."
        ).format(url=origin)
    if half:
        yield _("GRANIAN_SSL_CERTIFICATE and GRANIAN_SSL_KEYFILE belong together: set both or none.")
    elif tls_certificate and not over_tls:
        yield _("GRANIAN_SSL_CERTIFICATE is set, but BASE_URL is {url}. Write it with https.").format(url=origin)
    elif tls_certificate and tls_key and (why := no_pair(tls_certificate, tls_key)):
        text = _(
            "GRANIAN_SSL_CERTIFICATE and GRANIAN_SSL_KEYFILE must be a certificate, with those in between, and its own "
            "private key without a passphrase, in PEM form: {why}."
        )
        yield text.format(why=why)
    if debug and not is_local:
        yield _(
            "DEBUG shows what is inside to everybody who opens {url}. Leave it out there: it is for localhost."
        ).format(url=origin)
